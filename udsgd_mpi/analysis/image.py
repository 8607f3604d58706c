"""Drawing figures into files."""

import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.destination import Destination
from udsgd_mpi.support.errors import ConfigurationError, OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The formats, and the field of each that names the program that made a file.
FORMATS = {"png": "Software", "pdf": "Creator", "svg": "Creator"}
_SUFFIXES_OF_RESULTS = (".h5", ".hdf5")


def figure_of(results: Path, figure: Path | None = None) -> Destination:
    """Where the figure of a result file goes.

    Parameters
    ----------
    figure
        By default ``RESULTS.png``, without ``.h5`` or ``.hdf5`` between; any other suffix stays, so
        that ``run_a0.5`` and ``run_a0.7`` have figures of their own.
    """
    return destination(figure or beside(results, ".png"), results.name)


def beside(results: Path, suffix: str) -> Path:
    """A name for what is made of a result file; see ``figure_of``."""
    is_usual = results.suffix.lower() in _SUFFIXES_OF_RESULTS
    return results.with_name(f"{results.stem if is_usual else results.name}{suffix}")


def destination(path: Path, shown: str) -> Destination:
    """A figure, which carries a mark that it is one of ``shown``."""
    mark = f"udsgd_mpi {sha256(shown.encode(errors='surrogateescape')).hexdigest()[:16]}"
    return Destination(f"figure {path}", path, mark.encode())


def save(
    draw: Callable[[], "Figure"], figure: Destination, look: str = "screen", *, force: bool
) -> None:
    """Draw a figure and write it in the format that the suffix names (png, pdf, svg).

    Parameters
    ----------
    look
        One of ``figures.style.STYLES``.
    force
        Whether it may replace a file that is not an earlier figure of the same.

    Raises
    ------
    ConfigurationError
        If the suffix names no known format.
    OutputError
        If the figure can't be drawn, or the file can't be written.
    """
    path = figure.path
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise ConfigurationError(
            f"figure {path}: expected a name ending in .{', .'.join(FORMATS)}, got {path.name!r}"
        )
    if not force and (taken := figure.taken):
        raise OutputError(
            f"{taken}; use udsgd report --force to replace it, or --figure FILE for another name"
        )
    mark = figure.mark.decode() if figure.mark else None
    replace_file(path, drawn(draw, kind, str(path), look, metadata={FORMATS[kind]: mark}))


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
    except Exception as error:  # a user's settings, fonts and sizes fail in many ways
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise OutputError(f"figure {name}: cannot be drawn ({said})") from error
    return image.getvalue()
