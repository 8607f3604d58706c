"""``udsgd reproduce``."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udsgd_mpi.cli.run import on_all_ranks
from udsgd_mpi.cli.streams import results_are_written
from udsgd_mpi.support.errors import OutputError
from udsgd_mpi.support.launcher import launched_rank

if TYPE_CHECKING:
    from udsgd_mpi.analysis.study import Study
    from udsgd_mpi.experiment.schema import Experiment

_REPORT = "report.html"


def command(arguments: Namespace) -> None:
    """Run experiments that ship with the package, and say which of their claims hold."""
    from udsgd_mpi.experiment.shipped import Shipped, names

    shipped = {name: Shipped(name) for name in arguments.names if name != "all"}
    if "all" in arguments.names:
        every = {name: Shipped(name) for name in names()}
        shipped = {k: each for k, each in every.items() if k in shipped or not each.of_networks}
    for each in shipped.values():
        each.require_size(arguments.size)
    chosen = [*shipped]
    arguments.resume = "no" if arguments.force else "auto"
    arguments.allow_changes = []
    studies = []
    for name, experiment in shipped.items():

        def load(name: str = name, experiment: Shipped = experiment) -> dict[str, "Experiment"]:
            from udsgd_mpi.analysis.study import claims_of

            _check_files(arguments, chosen)
            found = experiment.variants(_flags(arguments, name), size=arguments.size)
            for claim in claims_of(name, experiment.claims):
                claim.require(found)
            return found

        results = on_all_ranks(load, arguments)
        if results:
            results_are_written(f"the results are in {results}")
            studies.append(_study(name, experiment, results, arguments))
    if launched_rank() == 0:
        _write(studies, arguments)


def _check_files(arguments: Namespace, chosen: Sequence[str]) -> None:
    """Make the folder, and refuse at once what would be in the way at the end."""
    from udsgd_mpi.analysis import markdown
    from udsgd_mpi.analysis.page import claims
    from udsgd_mpi.support.destination import Destination, check_destinations

    folder: Path = arguments.output_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"--output-dir {folder}: cannot be made ({error.strerror})") from error
    report = folder / _REPORT
    destinations = [Destination(f"report {report}", report, claims.MARK.encode())]
    if arguments.markdown:
        name = f"--markdown {arguments.markdown}"
        destinations.append(Destination(name, arguments.markdown, markdown.MARK.encode()))
    results = [folder / f"{_full_name(arguments, name)}.h5" for name in chosen]
    inputs = {f"the results {path}": path for path in results}
    check_destinations(destinations, inputs, force=arguments.force)


def _flags(arguments: Namespace, name: str) -> dict[str, Any]:
    from udsgd_mpi.cli.settings import with_assigned

    flags = with_assigned({}, arguments)
    flags["output"] = str(arguments.output_dir / f"{_full_name(arguments, name)}.h5")
    if arguments.weight:
        flags["weight"] = arguments.weight
    return flags


def _full_name(arguments: Namespace, name: str) -> str:
    parts = [name, *([arguments.weight] if arguments.weight else [])]
    return "-".join(parts + ([arguments.size] if arguments.size != "full" else []))


def _study(name: str, experiment: Any, results: Path, arguments: Namespace) -> "Study":
    from udsgd_mpi.analysis.claims.words import as_text
    from udsgd_mpi.analysis.study import Study
    from udsgd_mpi.analysis.table import table

    words = [
        "udsgd reproduce",
        name,
        *([f"--{arguments.size}"] if arguments.size != "full" else []),
    ]
    words += [f"--weight {arguments.weight}"] if arguments.weight else []
    words += [f"--set {assignment}" for assignment in arguments.set]
    study = Study.of(
        _full_name(arguments, name),
        experiment.title,
        experiment.about,
        " ".join(words),
        results,
        experiment.claims,
    )
    print(f"{study.name}: {study.title}\n{table(study.measured)}\n")
    for verdict in study.verdicts:
        print("\n".join(as_text(verdict)))
    print(f"\nresults {results}\n", flush=True)
    return study


def _write(studies: list["Study"], arguments: Namespace) -> None:
    from udsgd_mpi.analysis.markdown import document
    from udsgd_mpi.analysis.page.claims import page
    from udsgd_mpi.support.atomic_file import replace_file

    report = arguments.output_dir / _REPORT
    replace_file(report, page(studies).encode())
    print(f"report  {report}")
    if arguments.markdown:
        replace_file(arguments.markdown, document(studies).encode())
        print(f"claims  {arguments.markdown}")
