"""``udsgd report --html``."""

from argparse import Namespace
from pathlib import Path

from udsgd_mpi.analysis.image import beside
from udsgd_mpi.analysis.results import Results
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.errors import ConfigurationError

_OF_ONE_FIGURE = ("figure", "x", "show", "style", "csv")


def write_page(arguments: Namespace) -> None:
    """Write one page about result files.

    Raises
    ------
    ConfigurationError
        If a file can't be read, or the page would replace another file.
    OutputError
        If a figure can't be drawn, or the page can't be written.
    """
    for name in _OF_ONE_FIGURE:
        if getattr(arguments, name) is not None:
            raise ConfigurationError(
                f"--{name} {getattr(arguments, name)}: expected it without --html, whose page has"
                " all figures; leave one of them out"
            )
    # Matplotlib is loaded only where a figure is drawn.
    from udsgd_mpi.analysis.page.results import MARK, page

    files: list[Path] = arguments.files
    path = arguments.page or beside(files[0], ".html")
    inputs = {f"the results {file}": file for file in files}
    destination = Destination(f"page {path}", path, MARK.encode())
    check_destinations([destination], inputs, force=arguments.force)
    replace_file(path, page({_name(file, files): Results.of(file) for file in files}).encode())
    print(f"page    {path}")


def _name(file: Path, files: list[Path]) -> str:
    """Without its folder, unless another file has the same name."""
    return file.name if sum(each.name == file.name for each in files) == 1 else str(file)
