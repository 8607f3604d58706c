"""``udsgd report``."""

from argparse import Namespace
from pathlib import Path

from udsgd_mpi.analysis.abscissa import Abscissa
from udsgd_mpi.analysis.covariance import against_limit
from udsgd_mpi.analysis.figure import mse_figure
from udsgd_mpi.analysis.image import save
from udsgd_mpi.analysis.table import table
from udsgd_mpi.analysis.telemetry import summary
from udsgd_mpi.storage.read import read_measures
from udsgd_mpi.storage.telemetry import read_telemetry


def command(arguments: Namespace) -> None:
    """Print the table of a result file and draw its figure."""
    show(arguments.file, arguments.figure or arguments.file.with_suffix(".png"), arguments.x)


def show(results: Path, figure: Path, x: Abscissa = "step") -> None:
    """Print the table of ``results`` and write its figure, the MSE against ``x``."""
    measured = read_measures(results)
    print(table(measured))
    for name, variant in measured.items():
        if not variant.complete:
            print(f"{name}: not complete yet; udsgd run --resume goes on with it")
        if variant.diverged:
            trials = variant.diverged + variant.squared_error.shape[1]
            print(f"{name}: {variant.diverged} of {trials} trials diverged and are left out")
        V = variant.limiting_covariance
        if V is not None and (
            found := against_limit(variant.last_theta, V, variant.last_step_size)
        ):
            print(
                f"{name}: covariance over trials / γₙV = {found.ratio:.3g},"
                f" p = {found.p_value:.2g} under the limit"
            )
    for name, rows in read_telemetry(results).items():
        print(f"{name}: {summary(rows)}")
    save(mse_figure(measured, x), figure)
    print(f"\nresults {results}\nfigure  {figure}", flush=True)
