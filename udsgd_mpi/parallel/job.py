"""A whole job: all variants of an experiment, one after the other, into one file."""

import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mpi4py import MPI

from udsgd_mpi.clock import Elapsed, elapsed
from udsgd_mpi.concerns import concerns
from udsgd_mpi.errors import ConfigurationError, Stopped
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.emulation import check_emulation
from udsgd_mpi.parallel.everyone import OnRanks
from udsgd_mpi.parallel.hosts import Host, hosts_of, oversubscription
from udsgd_mpi.parallel.identity import check_identity, identity
from udsgd_mpi.parallel.moving import balanced, layout_of
from udsgd_mpi.parallel.provenance import provenance
from udsgd_mpi.parallel.simulate import Simulation
from udsgd_mpi.parallel.startup import on_root
from udsgd_mpi.prediction import KnownPredictions, Prediction
from udsgd_mpi.problem import Problem, pose_all
from udsgd_mpi.storage.checkpoint import Checkpoint
from udsgd_mpi.storage.earlier import Earlier, Resume, earlier, output_of
from udsgd_mpi.storage.lock import locked
from udsgd_mpi.storage.output import Nowhere, Output, OutputOfVariant

_MOST_PARAMETERS = 300  # V and the agents' V_i are matrices of that size
_LARGEST_GRAPH = 10_000  # Poisson's equation is solved on it

predictions = KnownPredictions()  # of all jobs of this process


class Options(NamedTuple):
    """How a job is run, which changes none of its numbers.

    Attributes
    ----------
    force
        Whether an older result file may be replaced.
    resume
        Whether to go on with an earlier run; see ``storage.earlier``.
    allowed_changes
        Settings that may differ from the earlier run's.
    policy
        When states are saved, and when to stop.
    keep_checkpoints
        Whether the last states are kept, so that more steps can follow.
    mask_diverged
        Whether to go on where a trial has diverged.
    emulate
        Whether to sleep for the computing times of the virtual clock.
    """

    force: bool = False
    resume: Resume = "no"
    allowed_changes: Collection[str] = ()
    policy: Policy = Policy()
    keep_checkpoints: bool = False
    mask_diverged: bool = False
    emulate: bool = False


def run_job(load: Callable[[], dict[str, Experiment]], options: Options) -> Path | None:
    """Run all variants on all ranks of the world.

    Parameters
    ----------
    load
        Gives the variants; called on rank 0 alone.

    Returns
    -------
    Path of the result file on rank 0, None elsewhere.

    Raises
    ------
    ConfigurationError
        On every rank, before anything is computed or written; or where an iterate diverges.
    OutputError
        On rank 0, if the results can't be written.
    Stopped
        On every rank, if the job was asked to stop and can go on later.
    """
    comm = MPI.COMM_WORLD
    with ExitStack() as until_end:
        found = on_root(comm, lambda: _find(load(), options, comm.size, until_end))
        experiments: dict[str, Experiment] = comm.bcast(found.unfinished if found else None)
        problems = pose_all(experiments, partial(OnRanks.evenly, comm), comm.size)
        check_identity(comm, identity(problems))
        problems = {name: balanced(comm, problem) for name, problem in problems.items()}
        for problem in problems.values() if options.emulate else ():
            check_emulation(problem, comm.size)
        hosts = hosts_of(comm)
        output = None
        if found and problems:
            _warn(problems, hosts)
            found.begin()
            output = _output(found, problems, hosts)
        for name, problem in problems.items():
            checkpoint = found.checkpoints.get(name) if found else None
            _run(comm, name, problem, options, output, checkpoint)
        return found.output if found else None


def _find(
    experiments: dict[str, Experiment], options: Options, ranks: int, until_end: ExitStack
) -> Earlier:
    output = output_of(experiments)
    until_end.enter_context(locked(output))
    return earlier(
        experiments,
        output,
        options.resume,
        agents=ranks,
        force=options.force,
        changes=options.allowed_changes,
    )


def _output(found: Earlier, problems: Mapping[str, Problem], hosts: list[Host]) -> Output:
    posed = {name: problem.experiment for name, problem in problems.items()}
    attributes: dict[str, Any] = provenance(found.experiments | posed, hosts)
    if found.attributes:
        attributes["started"] = found.attributes["started"]
    return Output(found.output, attributes, list(found.experiments), found.runs, found.telemetry)


def _run(
    comm: MPI.Intracomm,
    name: str,
    problem: Problem,
    options: Options,
    output: Output | None,
    checkpoint: Checkpoint | None,
) -> None:
    """Run one variant; output and checkpoint are rank 0's."""
    simulation = Simulation(comm, problem, go_on=options.mask_diverged, emulate=options.emulate)
    n = comm.bcast(checkpoint.n if checkpoint else 0)
    if output and options.resume != "no":
        _say(f"[variant.{name}] begins at step {n:,}")
    if n > 0:
        simulation.resume(n, checkpoint)
    files = Nowhere()
    if output and simulation.recording:
        files = OutputOfVariant(output, name, problem, simulation.recording)
    control = Control(comm, options.policy, n)

    def save() -> None:
        started = time.monotonic()
        files.save(simulation.n, simulation.states(), simulation.telemetry())
        control.saved(time.monotonic() - started)

    try:
        simulation.run(control, files.record, save)
    except ConfigurationError:
        files.stop(simulation.n)
        raise
    if control.stopped:
        files.stop(simulation.n)
        raise Stopped(f"[variant.{name}] at step {simulation.n:,} of {problem.experiment.steps:,}")
    if options.keep_checkpoints:
        save()
    files.record(simulation.n, now=True)
    telemetry = simulation.telemetry()
    prediction = _predict(comm, problem)
    passed = _elapsed(problem) if output else None
    files.finish(prediction, passed, telemetry, keep=options.keep_checkpoints)


def _predict(comm: MPI.Intracomm, problem: Problem) -> Prediction | None:
    experiment = problem.experiment
    nodes = max(
        (e.points // e.batch for e in problem.roster if not np.isnan(e.mean_degree)), default=0
    )
    too_large = len(problem.minimizer) > _MOST_PARAMETERS or nodes > _LARGEST_GRAPH
    if not experiment.record.predict or too_large:
        return None
    steps = experiment.record.at(experiment.steps)
    return predictions(problem, OnRanks(comm, layout_of(comm, problem)), steps)


def _elapsed(problem: Problem) -> Elapsed:
    experiment = problem.experiment
    steps = experiment.record.at(experiment.steps)
    agents, d = len(problem.roster), len(problem.minimizer)
    return elapsed(problem.schedule, problem.clock, agents, d, steps)


def _warn(problems: Mapping[str, Problem], hosts: list[Host]) -> None:
    if crowd := oversubscription(hosts, MPI.get_vendor()[0]):
        _say(f"warning: {crowd}")
    for name, problem in problems.items():
        if problem.rows_left_over:
            used = sum(entry.points for entry in problem.roster)
            _say(
                f"[variant.{name}] {problem.rows_left_over:,} rows of the data are left over; the"
                f" agents hold {used:,}"
            )
        for concern in concerns(problem):
            _say(f"warning: [variant.{name}] {concern}")


def _say(message: str) -> None:
    sys.stderr.write(f"udsgd: {message}\n")
    sys.stderr.flush()
