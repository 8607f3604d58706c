"""One variant of a job: run and predicted, or taken over from one with the same numbers."""

import time
from typing import NamedTuple

from mpi4py import MPI

from udsgd_mpi.clock import Elapsed, elapsed
from udsgd_mpi.errors import ConfigurationError, Stopped
from udsgd_mpi.parallel.control import Control
from udsgd_mpi.parallel.everyone import OnRanks
from udsgd_mpi.parallel.moving import layout_of
from udsgd_mpi.parallel.options import Options
from udsgd_mpi.parallel.simulate import Simulation
from udsgd_mpi.prediction import KnownPredictions, Prediction, unpredicted
from udsgd_mpi.problem import Problem, inputs_of_run
from udsgd_mpi.progress import say
from udsgd_mpi.recording import Recording
from udsgd_mpi.storage.checkpoint import Checkpoint
from udsgd_mpi.storage.output import Nowhere, Output, OutputOfVariant
from udsgd_mpi.telemetry import Telemetry


class Finished(NamedTuple):
    """A variant whose numbers are known, where it was run, and what that took."""

    where: str
    recording: Recording
    telemetry: list[Telemetry]


# Of all jobs of this process, as figures have variants in common; the second is rank 0's.
predictions = KnownPredictions()
finished: dict[bytes, Finished] = {}


def run_variant(
    comm: MPI.Intracomm,
    name: str,
    problem: Problem,
    options: Options,
    output: Output | None,
    checkpoint: Checkpoint | None,
) -> None:
    """Run one variant, or take over its like; output and checkpoint are rank 0's."""
    key = inputs_of_run(problem)
    known = None
    if output and not (options.keep_checkpoints or options.emulate):
        known = finished.get(key)
    if comm.bcast(known is not None):
        if known:
            say(f"[variant.{name}] has the same numbers as {known.where}: taken over")
    else:
        known = _simulate(comm, name, problem, options, output, checkpoint)
        if known and known.recording.theta is None:
            finished[key] = known
    prediction = _predict(comm, problem)
    if output and known:
        files = OutputOfVariant(output, name, problem, known.recording)
        passed = _elapsed(problem)
        files.finish(prediction, passed, known.telemetry, keep=options.keep_checkpoints)


def _simulate(
    comm: MPI.Intracomm,
    name: str,
    problem: Problem,
    options: Options,
    output: Output | None,
    checkpoint: Checkpoint | None,
) -> Finished | None:
    """Run one variant to its end; what it has come to on rank 0."""
    simulation = Simulation(comm, problem, go_on=options.mask_diverged, emulate=options.emulate)
    n = comm.bcast(checkpoint.n if checkpoint else 0)
    if output and options.resume != "no":
        say(f"[variant.{name}] begins at step {n:,}")
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
    if simulation.recording is None:
        return None
    where = f"{name} of {problem.experiment.output}"
    return Finished(where, simulation.recording, telemetry)


def _predict(comm: MPI.Intracomm, problem: Problem) -> Prediction | None:
    if unpredicted(problem):
        return None
    experiment = problem.experiment
    steps = experiment.record.at(experiment.steps)
    return predictions(problem, OnRanks(comm, layout_of(comm, problem)), steps)


def _elapsed(problem: Problem) -> Elapsed:
    experiment = problem.experiment
    steps = experiment.record.at(experiment.steps)
    message = len(problem.minimizer) * experiment.communication.number.itemsize
    return elapsed(problem.schedule, problem.clock, len(problem.roster), message, steps)
