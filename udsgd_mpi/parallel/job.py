"""A whole job: all variants of an experiment, one after the other, into one file."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from mpi4py import MPI

from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.experiment.sizes import require_room
from udsgd_mpi.forecast import unpredicted
from udsgd_mpi.parallel.collective import on_root
from udsgd_mpi.parallel.emulation import check_emulation
from udsgd_mpi.parallel.identity import check_identity, identity
from udsgd_mpi.parallel.known import Known
from udsgd_mpi.parallel.machine import Host, hosts_of, oversubscription
from udsgd_mpi.parallel.options import Options
from udsgd_mpi.parallel.provenance import provenance
from udsgd_mpi.parallel.rebalance import balanced, layout_of
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.parallel.variant import run_variant
from udsgd_mpi.preflight.cautions import Foretold, cautions, foretell
from udsgd_mpi.problem import Problem, pose_all, with_agents_of_data
from udsgd_mpi.storage.earlier_run import EarlierRun, find_earlier_run, output_of
from udsgd_mpi.storage.lock import locked
from udsgd_mpi.storage.output import Output
from udsgd_mpi.storage.retitle import retitle
from udsgd_mpi.storage.unchanged import check_unchanged
from udsgd_mpi.support.errors import ConfigurationError, Stopped
from udsgd_mpi.support.notes import notes_to
from udsgd_mpi.support.progress import say
from udsgd_mpi.support.stop_request import POSING, stop_request

_MOST_NOTES = 5


def run_job(
    comm: MPI.Intracomm,
    load: Callable[[], dict[str, Experiment]],
    options: Options,
    known: Known,
) -> Path | None:
    """Run all variants on all ranks.

    Parameters
    ----------
    load
        Returns the variants; called on rank 0 alone.
    known
        What earlier jobs of the same ranks have found; learns what this one does.

    Returns
    -------
    Path of the result file on rank 0, None elsewhere.

    Raises
    ------
    ConfigurationError
        On every rank, before anything is computed or written; or where an iterate diverges.
    OutputError
        On every rank, if the results can't be written.
    Stopped
        On every rank, if the job was asked to stop and can be resumed.
    """
    stop_request.enter(POSING)
    with ExitStack() as until_end:
        found = on_root(comm, lambda: _find(load(), options, comm.size, until_end))
        experiments: dict[str, Experiment] = comm.bcast(found.unfinished if found else None)
        notes: list[str] = []
        with notes_to(notes.append):
            problems = pose_all(experiments, partial(RanksTeam.evenly, comm), comm.size)
        _tell_of_others(comm.gather(notes))
        check_identity(comm, identity(problems))
        on_root(comm, lambda: _require_room(problems, comm.size))
        on_root(comm, lambda: _check_inputs(found, problems, options.joining))
        problems = {name: balanced(comm, problem) for name, problem in problems.items()}
        for problem in problems.values() if options.emulate else ():
            check_emulation(problem, comm.size)
        hosts = hosts_of(comm)
        foretold = {name: _foretold(comm, problem) for name, problem in problems.items()}
        begin = partial(_begin, found, problems, foretold, hosts)
        output = on_root(comm, begin) if problems else None
        on_root(comm, lambda: _tidy(found, problems))
        try:
            for name, problem in problems.items():
                before = found.of_variant(name) if found else None
                run_variant(comm, name, problem, options, known, output, before)
        except (ConfigurationError, Stopped):
            if output:
                output.stop()
            raise
        return found.output if found else None


def _find(
    experiments: dict[str, Experiment], options: Options, ranks: int, until_end: ExitStack
) -> EarlierRun:
    output = output_of(experiments)
    experiments = with_agents_of_data(experiments)
    for experiment in experiments.values():  # before data are read, which say what d is
        require_room(experiment, experiment.agents or ranks, 1, ranks)
    until_end.enter_context(locked(output, options.has_ended))
    return find_earlier_run(
        experiments,
        output,
        options.resume,
        agents=ranks,
        force=options.force,
        changes=options.allowed_changes,
    )


def _require_room(problems: Mapping[str, Problem], ranks: int) -> None:
    for problem in problems.values():
        require_room(problem.experiment, len(problem.summaries), problem.d, ranks)


def _check_inputs(
    found: EarlierRun | None, problems: Mapping[str, Problem], joining: Path | None
) -> None:
    if found and (warning := check_unchanged(found, problems, joining)):
        say(warning)


def _foretold(comm: MPI.Intracomm, problem: Problem) -> Foretold:
    return foretell(problem, RanksTeam(comm, layout_of(comm, problem)))


def _begin(
    found: EarlierRun | None,
    problems: Mapping[str, Problem],
    foretold: Mapping[str, Foretold],
    hosts: list[Host],
) -> Output | None:
    if found is None:
        return None
    _warn(problems, foretold, hosts)
    found.begin()
    posed = {name: problem.experiment for name, problem in problems.items()}
    attributes: dict[str, Any] = provenance(found.experiments | posed, hosts)
    if found.attributes:
        attributes["started"] = found.attributes["started"]
    return Output(found.output, attributes, list(found.experiments), found.runs, found.telemetry)


def _tidy(found: EarlierRun | None, problems: Mapping[str, Problem]) -> None:
    """Change what an earlier run has left and this one does not resume."""
    if found:
        found.remove_left_checkpoints()
        if not problems:
            retitle(found)


def _tell_of_others(notes: list[list[str]] | None) -> None:
    """Print on rank 0 what other ranks noted while reading; its own notes are out already."""
    if notes is None:
        return
    told, *untold = notes
    others = [note for note in dict.fromkeys(chain(*untold)) if note not in told]
    for note in others[:_MOST_NOTES]:
        say(note)
    if len(others) > _MOST_NOTES:
        say(f"and {len(others) - _MOST_NOTES} similar notes on the files of other agents")


def _warn(
    problems: Mapping[str, Problem],
    foretold: Mapping[str, Foretold],
    hosts: list[Host],
) -> None:
    if crowd := oversubscription(hosts, MPI.get_vendor()[0]):
        say(f"warning: {crowd}")
    for name, problem in problems.items():
        if problem.rows_left_over:
            used = sum(entry.points for entry in problem.summaries)
            say(
                f"[variant.{name}] {problem.rows_left_over:,} rows of the data are left over; the"
                f" agents hold {used:,}"
            )
        if problem.experiment.record.predict and (reason := unpredicted(problem)):
            say(f"[variant.{name}] no prediction: {reason}")
        for caution in cautions(problem, foretold[name]):
            say(f"warning: [variant.{name}] {caution}")
