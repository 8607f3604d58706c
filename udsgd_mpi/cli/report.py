"""``udsgd report``."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from udsgd_mpi.analysis import signs
from udsgd_mpi.analysis.constant_steps import constant_steps
from udsgd_mpi.analysis.covariance import CovarianceTest, against_limit, in_words
from udsgd_mpi.analysis.csv import HEADER, rows
from udsgd_mpi.analysis.image import figure_of, save
from udsgd_mpi.analysis.table import table
from udsgd_mpi.analysis.telemetry_summary import summary
from udsgd_mpi.problem import topology_of
from udsgd_mpi.storage.read import Measured, read_experiments, read_measures
from udsgd_mpi.storage.telemetry_group import read_telemetry
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.errors import ConfigurationError, OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AGAINST_X = (None, "mse", "loss", "accuracy")

# Matplotlib is loaded only where a figure is drawn: it is slow to load, and may not load.
Draw: TypeAlias = Callable[[Mapping[str, Measured]], "Figure"]


def command(arguments: Namespace) -> None:
    """Print the table of a result file and draw its figure."""
    path: Path = arguments.file
    if arguments.x != "step" and arguments.show not in _AGAINST_X:
        raise ConfigurationError(
            f"--x {arguments.x}: expected --show mse, loss or accuracy, got {arguments.show}; leave"
            " one of them out"
        )

    def draw(measured: Mapping[str, Measured]) -> "Figure":
        from udsgd_mpi.analysis.figures import figure

        if arguments.show == "topology":
            return _topologies(path, measured)
        return figure(measured, arguments.show, arguments.x)

    image = figure_of(path, arguments.figure)
    destinations = [image]
    if arguments.csv:
        numbers = Destination(f"--csv {arguments.csv}", arguments.csv, HEADER.encode())
        destinations.append(numbers)
    force = arguments.force
    check_destinations(destinations, {f"the results {path}": path}, force=force)
    show(path, image, draw, arguments.style, force=force)
    if arguments.csv:
        replace_file(arguments.csv, rows(read_measures(path)).encode())
        print(f"numbers {arguments.csv}")


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
    measured = read_measures(results)
    failure = None
    try:
        save(partial(draw or _usual, measured), figure, look, force=force)
    except OutputError as error:
        failure = error
    print(table(measured))
    for name, variant in measured.items():
        if not variant.complete:
            print(f"{name}: not complete yet; use udsgd run --resume to complete it")
        if variant.diverged:
            trials = variant.diverged + len(variant.trials)
            print(f"{name}: {variant.diverged} of {trials} trials diverged and are left out")
    if found := _against_limits(measured):
        print(in_words(found))
    if settled := constant_steps(measured, read_experiments(results)):
        print(settled)
    for name, lines in read_telemetry(results).items():
        print(f"{name}: {summary(lines)}")
    for line in signs.in_words(signs.signs_of_trouble(results)):
        print(line)
    print(f"\nresults {results}", flush=True)
    if failure:
        raise failure
    print(f"figure  {figure.path}", flush=True)


def _usual(measured: Mapping[str, Measured]) -> "Figure":
    from udsgd_mpi.analysis.figures import figure

    return figure(measured, None)


def _against_limits(measured: Mapping[str, Measured]) -> dict[str, CovarianceTest]:
    found = {}
    for name, variant in measured.items():
        V, gamma = variant.limiting_covariance, float(variant.step_size[-1])
        if V is None or variant.last_theta is None:
            continue
        if test := against_limit(variant.last_theta, V, gamma):
            found[name] = test
    return found


def _topologies(results: Path, measured: Mapping[str, Measured]) -> "Figure":
    from udsgd_mpi.analysis.figures import topology_figure

    experiments = read_experiments(results)
    return topology_figure(
        {name: topology_of(experiments[name], len(measured[name].samplers)) for name in measured},
        {name: each.samplers for name, each in measured.items()},
    )
