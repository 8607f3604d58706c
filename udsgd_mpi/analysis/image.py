"""Writing figures."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from udsgd_mpi.atomic_file import replace_file
from udsgd_mpi.errors import ConfigurationError

FORMATS = ("png", "pdf", "svg")


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the suffix names (png, pdf, svg).

    Raises
    ------
    ConfigurationError
        If the suffix names no known format.
    OutputError
        If the file can't be written.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise ConfigurationError(
            f"figure {path}: expected a name ending in .{', .'.join(FORMATS)}, got {path.name!r}"
        )
    image = io.BytesIO()
    figure.savefig(image, format=kind)
    replace_file(path, image.getvalue())
