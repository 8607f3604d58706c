"""``udsgd report``."""

import tomllib
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from udsgd_mpi.analysis.covariance import against_limit
from udsgd_mpi.analysis.csv import rows
from udsgd_mpi.analysis.figures import FIGURES, mse_figure, style, topology_figure
from udsgd_mpi.analysis.image import save
from udsgd_mpi.analysis.table import table
from udsgd_mpi.analysis.telemetry import summary
from udsgd_mpi.atomic_file import replace_file
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.experiment.read import variants
from udsgd_mpi.problem import topology_of
from udsgd_mpi.storage.read import Measured, open_results, read_measures
from udsgd_mpi.storage.telemetry import read_telemetry


def command(arguments: Namespace) -> None:
    """Print the table of a result file and draw its figure."""
    path: Path = arguments.file
    if arguments.x != "step" and arguments.show != "mse":
        raise ConfigurationError(
            f"--x {arguments.x}: expected --show mse, got {arguments.show}; leave one of them out"
        )

    def draw(measured: Mapping[str, Measured]) -> Figure:
        if arguments.show == "mse":
            return mse_figure(measured, arguments.x)
        if arguments.show == "topology":
            return _topologies(path, measured)
        return FIGURES[arguments.show](measured)

    with style(arguments.style):
        show(path, arguments.figure or path.with_suffix(".png"), draw)
    if arguments.csv:
        replace_file(arguments.csv, rows(read_measures(path)).encode())
        print(f"numbers {arguments.csv}")


def show(
    results: Path, figure: Path, draw: Callable[[Mapping[str, Measured]], Figure] = mse_figure
) -> None:
    """Print the table of ``results`` and write a figure of them."""
    measured = read_measures(results)
    drawn = draw(measured)
    print(table(measured))
    for name, variant in measured.items():
        if not variant.complete:
            print(f"{name}: not complete yet; udsgd run --resume goes on with it")
        if variant.diverged:
            trials = variant.diverged + variant.squared_error.shape[1]
            print(f"{name}: {variant.diverged} of {trials} trials diverged and are left out")
        V = variant.limiting_covariance
        gamma = float(variant.step_size[-1])
        if V is not None and (found := against_limit(variant.last_theta, V, gamma)):
            print(
                f"{name}: covariance over trials / γₙV = {found.ratio:.3g},"
                f" p = {found.p_value:.2g} under the limit"
            )
    for name, lines in read_telemetry(results).items():
        print(f"{name}: {summary(lines)}")
    save(drawn, figure)
    print(f"\nresults {results}\nfigure  {figure}", flush=True)


def _topologies(results: Path, measured: Mapping[str, Measured]) -> Figure:
    with open_results(results) as file:
        experiments = variants(tomllib.loads(file.attrs["configuration"]), {}, results.parent)
    return topology_figure(
        {name: topology_of(experiments[name], len(measured[name].samplers)) for name in measured},
        {name: each.samplers for name, each in measured.items()},
    )
