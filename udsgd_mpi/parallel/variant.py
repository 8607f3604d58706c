"""One variant of a job: run and predicted, or reused from one with the same numbers."""

import time
from collections import deque

from mpi4py import MPI

from udsgd_mpi.clock import Elapsed, elapsed
from udsgd_mpi.engine.states import message_of_run
from udsgd_mpi.forecast import Prediction, unpredicted, unpredicted_walks
from udsgd_mpi.parallel.collective import check_in, on_root
from udsgd_mpi.parallel.control import Control
from udsgd_mpi.parallel.failures import write_on_root
from udsgd_mpi.parallel.gather_telemetry import after_writing
from udsgd_mpi.parallel.known import Finished, Known
from udsgd_mpi.parallel.options import Options
from udsgd_mpi.parallel.rebalance import layout_of
from udsgd_mpi.parallel.simulate import simulation_of
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import Problem, inputs_of_run
from udsgd_mpi.storage.checkpoint import Checkpoint
from udsgd_mpi.storage.earlier_run import EarlierVariant
from udsgd_mpi.storage.output import NoOutput, Output, VariantOutput
from udsgd_mpi.storage.result import recording_of
from udsgd_mpi.support.errors import ConfigurationError, Stopped
from udsgd_mpi.support.progress import say
from udsgd_mpi.support.stop_request import POSING, PREDICTING, SAVING, STEPPING, stop_request


def run_variant(
    comm: MPI.Intracomm,
    name: str,
    problem: Problem,
    options: Options,
    known: Known,
    output: Output | None,
    before: EarlierVariant | None,
) -> None:
    """Run one variant, or reuse equal results; ``output`` and ``before`` are rank 0's."""
    key = inputs_of_run(problem)
    finished = _finished(problem, options, known.finished.get(key), before) if output else None
    if comm.bcast(finished is not None):
        if finished:
            say(f"[variant.{name}] {finished.where}")
    else:
        checkpoint = before.checkpoint if before else None
        finished = _simulate(comm, name, problem, options, output, checkpoint)
        if finished and "theta" not in finished.recording:
            known.finished[key] = finished
    stop_request.enter(PREDICTING)
    files = None
    if output and finished:
        files = VariantOutput(output, name, problem, finished.recording, options.progress_every)
    write_on_root(comm, lambda: _write_measures(files, finished))
    prediction = _predict(comm, name, problem, known)
    passed = on_root(comm, lambda: _elapsed(problem))

    def finish() -> None:
        if files and passed:
            files.finish(prediction, passed, keep=options.keep_checkpoints)

    write_on_root(comm, finish)


def _write_measures(files: VariantOutput | None, finished: Finished | None) -> None:
    if files and finished:
        files.measured(finished.telemetry)
        files.took(after_writing(finished.telemetry))


def _finished(
    problem: Problem, options: Options, equal: Finished | None, before: EarlierVariant | None
) -> Finished | None:
    """The results of this variant, where they are known without taking a step."""
    at_the_end = before and before.checkpoint and before.checkpoint.n == problem.experiment.steps
    if before and before.measured and (at_the_end or not options.keep_checkpoints):
        recording = recording_of(problem, before.measured)
        return Finished(
            "already measured; only the prediction is left", recording, before.telemetry
        )
    if options.keep_checkpoints or options.emulate:
        return None
    return equal


def _simulate(
    comm: MPI.Intracomm,
    name: str,
    problem: Problem,
    options: Options,
    output: Output | None,
    checkpoint: Checkpoint | None,
) -> Finished | None:
    """Run one variant to its end; the results on rank 0, None elsewhere."""
    stop_request.enter(POSING)
    simulation = simulation_of(comm, problem, go_on=options.mask_diverged, emulate=options.emulate)
    n = comm.bcast(checkpoint.n if checkpoint else 0)
    if output and options.resume != "no":
        say(f"[variant.{name}] begins at step {n:,}")
    if n > 0:
        simulation.resume(n, checkpoint)
    files = NoOutput()
    if output and simulation.recording:
        files = VariantOutput(output, name, problem, simulation.recording, options.progress_every)
    failures, policy = simulation.failures, options.policy
    stop = policy._replace(stop_requested=lambda: bool(failures) or policy.stop_requested())
    control = Control(comm, stop, n)

    def write(n: int) -> None:
        failures.passes(lambda: files.write(n))

    def save() -> None:
        started = time.monotonic()
        stop_request.enter(SAVING)
        states, telemetry = simulation.states(), simulation.telemetry()
        failures.passes(lambda: files.save(simulation.n, states, telemetry))
        deque(states, maxlen=0)  # which others send, also where they can't be written
        stop_request.enter(STEPPING)
        control.saved(time.monotonic() - started)

    stop_request.enter(STEPPING)
    try:
        simulation.run(control, write, save)
    except ConfigurationError:
        files.write(simulation.n, now=True)
        raise
    if control.stopped:
        write_on_root(comm, lambda: files.write(simulation.n, now=True))
        raise Stopped(f"[variant.{name}] at step {simulation.n:,} of {problem.experiment.steps:,}")
    if options.keep_checkpoints:
        save()
    failures.raise_on_all()
    telemetry = simulation.telemetry()
    if simulation.recording is None:
        return None
    where = f"has the same numbers as {name} of {problem.experiment.output}: reused"
    return Finished(where, simulation.recording, telemetry)


def _predict(comm: MPI.Intracomm, name: str, problem: Problem, known: Known) -> Prediction | None:
    team = RanksTeam(comm, layout_of(comm, problem))
    if team.bcast(lambda: unpredicted(problem)):  # eigenvalues may differ between processors
        return None
    if reason := unpredicted_walks(problem, team):
        if comm.rank == 0:
            say(f"[variant.{name}] no prediction: {reason}")
        return None
    experiment = problem.experiment
    steps = experiment.record.at(experiment.steps)
    prediction = known.predictions(problem, team, steps)
    if prediction.withheld and comm.rank == 0:
        say(f"[variant.{name}] no prediction {prediction.withheld}")
    return prediction


def _elapsed(problem: Problem) -> Elapsed:
    experiment = problem.experiment
    steps = experiment.record.at(experiment.steps)
    message = message_of_run(experiment, problem.objective, problem.d)
    agents = len(problem.summaries)
    return elapsed(problem.schedule, problem.clock, agents, message, steps, check_in)
