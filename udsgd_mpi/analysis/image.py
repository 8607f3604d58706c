"""Drawing figures into files."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udsgd_mpi.atomic_file import replace_file
from udsgd_mpi.errors import ConfigurationError, OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")


def save(draw: Callable[[], "Figure"], path: Path, look: str = "screen") -> None:
    """Draw a figure and write it in the format that the suffix names (png, pdf, svg).

    Parameters
    ----------
    look
        One of ``figures.style.STYLES``.

    Raises
    ------
    ConfigurationError
        If the suffix names no known format.
    OutputError
        If the figure can't be drawn, or the file can't be written.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise ConfigurationError(
            f"figure {path}: expected a name ending in .{', .'.join(FORMATS)}, got {path.name!r}"
        )
    replace_file(path, drawn(draw, kind, str(path), look))


def drawn(
    draw: Callable[[], "Figure"], kind: str, name: str, look: str = "screen", **how: Any
) -> bytes:
    """A figure in a format; ``how`` is for Matplotlib's ``savefig``.

    Raises
    ------
    OutputError
        If Matplotlib can't be loaded, or can't draw it.
    """
    image = io.BytesIO()
    try:
        from udsgd_mpi.analysis.figures import style

        with style(look):
            draw().savefig(image, format=kind, **how)
    except ConfigurationError:
        raise
    except Exception as error:  # a user's settings, fonts and sizes fail in ways of their own
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise OutputError(f"figure {name}: cannot be drawn ({said})") from error
    return image.getvalue()
