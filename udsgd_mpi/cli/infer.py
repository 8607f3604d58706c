"""``udsgd infer``."""

from argparse import Namespace
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from udsgd_mpi.analysis.coefficients import HEADER, Coefficients, as_csv
from udsgd_mpi.analysis.image import destination, save
from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.infer import check_level, inferred, require_minimizers
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.storage.estimates import Estimates, read_estimates
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.launcher import launched_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STALL_TIMEOUT = 600.0


def command(arguments: Namespace) -> None:
    """Print coefficients with their intervals, and write them where that is asked for."""
    asked = arguments.trial, arguments.level
    original = arguments.original
    if launched_size() > 1:
        from udsgd_mpi.cli.run import start_mpi

        comm = start_mpi(None, _STALL_TIMEOUT, "run it again")
        from udsgd_mpi.parallel.collective import on_root
        from udsgd_mpi.parallel.team import RanksTeam

        read = on_root(comm, lambda: _read(arguments))
        experiments = comm.bcast(read and read.experiments)
        team_of = partial(RanksTeam.evenly, comm)
        found = inferred(read, experiments, *asked, team_of, comm.size, original=original)
        on_root(comm, lambda: _show(found, arguments))
    else:
        read = _read(arguments)
        found = inferred(read, read.experiments, *asked, LoneTeam, 1, original=original)
        _show(found, arguments)


def _read(arguments: Namespace) -> Estimates:
    """What the file holds, once all else that is asked for is known to be possible."""
    check_level(arguments.level)
    path: Path = arguments.file
    check_destinations(
        [*_table(arguments), *_figure(arguments)],
        {f"the results {path}": path},
        force=arguments.force,
    )
    estimates = read_estimates(path, arguments.variant)
    require_minimizers(estimates.experiments)
    return estimates


def _table(arguments: Namespace) -> list[Destination]:
    output: Path | None = arguments.output
    return [Destination(f"--output {output}", output, HEADER.encode())] if output else []


def _figure(arguments: Namespace) -> list[Destination]:
    shown = f"infer {arguments.file.name}"
    return [destination(arguments.figure, shown)] if arguments.figure else []


def _show(found: Mapping[str, Coefficients], arguments: Namespace) -> None:
    if arguments.parameters:
        found = {name: each.take(arguments.parameters) for name, each in found.items()}
    for place, (name, each) in enumerate(found.items()):
        print(("\n" if place else "") + name)
        print(_coefficients(each))
        for line in each.remarks:
            print(f"  {line}")
    print(
        "\ns.e. of run: of the estimate of θ*, the minimiser on these data, by plug-in of the noise"
        " of\neach agent; with data: of the parameter of the population, if rows are independent"
        " draws from\nit (sandwich, HC0)"
    )
    for table in _table(arguments):
        replace_file(table.path, as_csv(found).encode())
        print(f"table   {table.path}")
    for figure in _figure(arguments):
        look: str = arguments.style or "screen"
        save(partial(_forest, found, arguments), figure, look, force=arguments.force)
        print(f"figure  {figure.path}")


def _coefficients(found: Coefficients) -> str:
    percent = f"{100 * found.level:.4g} %"
    measured = found.error_over_trials
    head = ["", "estimate", "s.e. of run", f"{percent} for θ*", "s.e. with data"]
    head.append(f"{percent} for population")
    rows = [head + ([] if measured is None else [f"s.d. of {found.trials:,} trials"])]
    for k, name in enumerate(found.names):
        cells = [
            f"{found.estimate[k]:.5g}",
            f"{found.run_error[k]:.2e}",
            _interval(found.run_interval[k].tolist()),
            f"{found.population_error[k]:.2e}",
            _interval(found.population_interval[k].tolist()),
        ]
        rows.append([name, *cells] + ([] if measured is None else [f"{measured[k]:.2e}"]))
    return aligned(rows, left=(0,), indent=2)


def _interval(bounds: list[float]) -> str:
    low, high = bounds
    return f"[{low:.5g}, {high:.5g}]"


def _forest(found: Mapping[str, Coefficients], arguments: Namespace) -> "Figure":
    from udsgd_mpi.analysis.figures import forest_figure

    return forest_figure(found, f"coefficients from one run, {arguments.file.name}")
