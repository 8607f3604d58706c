"""``udsgd report``."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from udsgd_mpi.analysis.abscissa import Abscissa
from udsgd_mpi.analysis.constant_steps import constant_steps
from udsgd_mpi.analysis.csv import HEADER, rows
from udsgd_mpi.analysis.image import figure_of, save
from udsgd_mpi.analysis.remarks import remarks
from udsgd_mpi.analysis.results import Results
from udsgd_mpi.analysis.signs import in_words
from udsgd_mpi.analysis.table import table
from udsgd_mpi.analysis.telemetry_summary import summary
from udsgd_mpi.cli.report_page import write_page
from udsgd_mpi.problem import topology_of
from udsgd_mpi.storage.measured import Measured, read_measures
from udsgd_mpi.storage.read import read_experiments
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.errors import ConfigurationError, OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AGAINST_X = (None, "mse", "loss", "accuracy")

# Matplotlib is loaded only where a figure is drawn: it is slow to load, and may not load.
Draw: TypeAlias = Callable[[Mapping[str, Measured]], "Figure"]


def command(arguments: Namespace) -> None:
    """Print the table of a result file and draw its figure, or write a page about several."""
    if arguments.html:
        write_page(arguments)
        return
    path = _only_file(arguments)
    x: Abscissa = arguments.x or "step"
    look: str = arguments.style or "screen"
    if x != "step" and arguments.show not in _AGAINST_X:
        raise ConfigurationError(
            f"--x {x}: expected --show mse, loss or accuracy, got {arguments.show}; leave"
            " one of them out"
        )

    def draw(measured: Mapping[str, Measured]) -> "Figure":
        from udsgd_mpi.analysis.figures import figure

        if arguments.show == "topology":
            return _topologies(path, measured)
        return figure(measured, arguments.show, x)

    image = figure_of(path, arguments.figure)
    destinations = [image]
    if arguments.csv:
        numbers = Destination(f"--csv {arguments.csv}", arguments.csv, HEADER.encode())
        destinations.append(numbers)
    force = arguments.force
    check_destinations(destinations, {f"the results {path}": path}, force=force)
    show(path, image, draw, look, force=force)
    if arguments.csv:
        replace_file(arguments.csv, rows(read_measures(path)).encode())
        print(f"numbers {arguments.csv}")


def _only_file(arguments: Namespace) -> Path:
    path: Path = arguments.files[0]
    if len(arguments.files) > 1:
        raise ConfigurationError(
            f"report: expected one FILE without --html, got {len(arguments.files)}; add --html for"
            " one page about all of them"
        )
    if arguments.page:
        raise ConfigurationError(
            f"--page {arguments.page}: it names the page of --html; add --html"
        )
    return path


def show(
    results: Path,
    figure: Destination,
    draw: Draw | None = None,
    look: str = "screen",
    *,
    force: bool,
) -> None:
    """Write a figure of ``results``, and print their table.

    Parameters
    ----------
    force
        Whether the figure may replace a file that is not an earlier figure of these results.

    Raises
    ------
    OutputError
        If there is no figure, after the table has been printed.
    """
    found = Results.of(results)
    measured, failure = found.measured, None
    try:
        save(partial(draw or _usual, measured), figure, look, force=force)
    except OutputError as error:
        failure = error
    print(table(measured))
    for line in remarks(measured):
        print(line)
    if settled := constant_steps(measured, found.experiments):
        print(settled)
    for name, lines in found.telemetry.items():
        print(f"{name}: {summary(lines)}")
    for line in in_words(found.troubles):
        print(line)
    print(f"\nresults {results}", flush=True)
    if failure:
        raise failure
    print(f"figure  {figure.path}", flush=True)


def _usual(measured: Mapping[str, Measured]) -> "Figure":
    from udsgd_mpi.analysis.figures import figure

    return figure(measured, None)


def _topologies(results: Path, measured: Mapping[str, Measured]) -> "Figure":
    from udsgd_mpi.analysis.figures import topology_figure

    experiments = read_experiments(results)
    return topology_figure(
        {name: topology_of(experiments[name], len(measured[name].samplers)) for name in measured},
        {name: each.samplers for name, each in measured.items()},
    )
