"""A variant being run, on all ranks."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.data.images.augmentation import Variation
from udsgd_mpi.engine.draws import Draws, Indices, block_length
from udsgd_mpi.engine.iterates import THETA, Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.engine.pausing import Descent, pausing
from udsgd_mpi.engine.sgd import (
    StepByStep,
    Update,
    each_step,
    unified_distributed_sgd,
)
from udsgd_mpi.engine.states import message_of_run, states_of_run
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.methods import State as Beside
from udsgd_mpi.objectives import CompiledObjective
from udsgd_mpi.parallel.collective import on_root
from udsgd_mpi.parallel.control import Action, Control
from udsgd_mpi.parallel.emulation import Emulated
from udsgd_mpi.parallel.failures import Failures, GuardedPaths
from udsgd_mpi.parallel.fused import update_of, w_of
from udsgd_mpi.parallel.gather_telemetry import gather_telemetry
from udsgd_mpi.parallel.host_memory import shared_rows
from udsgd_mpi.parallel.losses import Losses
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.parallel.models_recorder import ModelsRecorder
from udsgd_mpi.parallel.rebalance import layout_of
from udsgd_mpi.parallel.recorder import Recorder
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.problem import Problem, start_paths
from udsgd_mpi.samplers import CustomSampler, Streams
from udsgd_mpi.storage.checkpoint import Checkpoint
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.meter import Activity, Meter
from udsgd_mpi.support.telemetry import Telemetry
from udsgd_mpi.theory.step_size import CachedStepSize

Floats = NDArray[np.float64]
State = dict[str, NDArray[Any]]

_BESIDE = "beside/"


def _stored(name: str) -> str:
    """Name in a checkpoint of θ or of a state beside it."""
    return name if name == THETA else f"{_BESIDE}{name}"


class Simulation:
    """A variant being run; all of its methods are collective.

    Parameters
    ----------
    problem
        With the agents that this rank hosts.
    go_on
        Whether a diverged trial is recorded as such rather than an error.
    emulate
        Whether to sleep for the times of the virtual clock, see ``emulation``.

    Attributes
    ----------
    n
        Number of updates done.
    recording
        The measures so far on rank 0, None elsewhere.
    failures
        What has failed on this rank since all have met.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        problem: Problem,
        *,
        go_on: bool = False,
        emulate: bool = False,
    ) -> None:
        experiment = problem.experiment
        layout = layout_of(comm, problem)
        trials, d = experiment.trials, problem.d
        self.n = 0
        self._comm = comm
        self._problem = problem
        self._layout = layout
        self._emulate = emulate
        self._meter = Meter()
        self.failures = Failures(comm, at_every_stop=_calls_users_code(experiment))
        states = states_of_run(experiment, problem.objective, d)
        self._steps = experiment.record.at(experiment.steps)
        losses = Losses(comm, problem, layout) if experiment.records_loss else None
        tested = losses is not None and losses.tested
        self.recording = (
            Recording.empty(experiment, layout.agents, d, states, tested=tested)
            if comm.rank == 0
            else None
        )
        self._trials = range(experiment.first_trial, experiment.first_trial + trials)
        self._earlier: list[Telemetry] = []
        self._mixers: list[Mixer] = []
        self._record = self._begin(states, losses, go_on=go_on)
        self._paths = start_paths(
            problem.agents,
            Streams(
                experiment.seed,
                np.array(layout.hosted(comm.rank)),
                trials,
                experiment.first_trial,
            ),
            problem.schedule,
        )
        self._draws = self._draw_from(0, None)

    def _begin(
        self, states: Sequence[Beside], losses: Losses | None, *, go_on: bool
    ) -> Recorder | ModelsRecorder:
        """Make θ_0 and what brings it from agent to agent; returns what records it.

        Parameters
        ----------
        states
            What agents carry beside θ.
        losses
            Where they are recorded, too.
        """
        comm, problem, layout = self._comm, self._problem, self._layout
        experiment, d = problem.experiment, problem.d
        schedule, codec = problem.schedule, experiment.codec(d)
        rows = partial(shared_rows, comm, schedule, layout, codec=codec, dtype=experiment.numbers)
        self._iterates = Iterates(experiment.trials, d, states, rows)
        self._iterates.compress(experiment.seed, layout.hosted(comm.rank), self._trials)
        self._iterates.begin(problem.initial(self._trials))
        self._mixers = [
            Mixer(comm, schedule, each, self._meter) for each in self._iterates.mixed.values()
        ]
        return Recorder(
            comm, self._iterates, problem, losses, self._steps, self.recording, go_on=go_on
        )

    def run(self, control: Control, write: Callable[[int], None], save: Callable[[], None]) -> None:
        """Take the steps that are left, or those up to where all ranks agree to stop.

        Parameters
        ----------
        write
            Is called at every stop with the number of steps done; may write what was measured.
        save
            Is called where all ranks agree to save their states.
        """
        experiment = self._problem.experiment
        last = experiment.steps

        def observe(n: int) -> None:
            self._meter.lap(Activity.GRADIENT)
            self.failures.look()
            self._record(n)
            self.n = n
            action = control(n) if control.next <= n < last else Action.GO_ON
            if action == Action.STOP:
                self.failures.raise_on_all()
            if action != Action.GO_ON:
                save()
            write(n)
            self._meter.lap(Activity.RECORDING)

        self._meter.start()
        if self.n == 0:
            self._record(0)
        recorded = self._steps[self._steps > self.n].tolist()
        stops = range(self.n + 1, last + 1) if experiment.record.polyak else recorded
        try:
            unified_distributed_sgd(
                self._draws,
                CachedStepSize(experiment.step_size),
                self._update(),
                control.stops(stops),
                observe,
            )
        finally:
            for mixer in self._mixers:
                mixer.free()

    def _update(self) -> Update:
        problem = self._problem
        experiment = problem.experiment
        variation = None
        if experiment.data.augment is not None:
            agents = self._layout.hosted(self._comm.rank)
            variation = Variation(experiment.data.augment, experiment.seed, agents, self._trials)
        steps = LocalSteps(
            self._iterates,
            experiment.method,
            problem.objective,
            problem.points_of_steps,
            problem.batch,
            variation,
        )
        if experiment.dtype == "float32":  # compiled by one rank, as others are before a run
            public = self._iterates.mixed[THETA].public
            kernels = [*steps.kernels, *(public.kernels if public else [])]
            on_root(self._comm, lambda: [kernel.compile() for kernel in kernels])

        def guarded(n: int, X: Indices, gamma: Floats) -> None:
            self.failures.passes(lambda: steps(n, X, gamma))

        descend: Descent = guarded if self.failures.at_every_stop else steps
        if not self._emulate or problem.clock is None:
            return update_of(steps, self._mixers, descend)
        schedule, hosted = problem.schedule, self._layout.hosted(self._comm.rank)
        W = Emulated(
            self._comm,
            w_of(self._mixers, steps),
            schedule,
            problem.clock,
            message_of_run(experiment, problem.objective, problem.d),
            self.n,
        )
        descend = pausing(descend, self._iterates, schedule, hosted)
        return StepByStep(descend, W, each_step)

    def telemetry(self) -> list[Telemetry]:
        """What the run has cost each rank so far, and in earlier parts, on rank 0."""
        part = 1 + max((row.part for row in self._earlier), default=-1)
        now = gather_telemetry(self._comm, self._layout, self._meter, part)
        return self._earlier + now

    def states(self) -> Iterator[State]:
        """What each agent remembers, in agent order, on rank 0; nothing elsewhere."""
        mine = self._states()
        with waiting("rank 0"):
            if self._comm.rank > 0:
                for state in mine:
                    self._comm.send(state, 0)
        if self._comm.rank == 0:
            yield from mine
            for rank in range(1, self._layout.ranks):
                for _ in self._layout.hosted(rank):
                    with waiting(f"rank {rank}"):
                        state = self._comm.recv(source=rank)
                    yield state

    def resume(self, n: int, checkpoint: Checkpoint | None) -> None:
        """Resume at step n.

        Parameters
        ----------
        checkpoint
            On rank 0; None elsewhere.
        """
        on_root(self._comm, partial(self._check_states, checkpoint))
        if checkpoint and self.recording:
            self._earlier = checkpoint.telemetry
            measures = checkpoint.recording()
            self.recording.fill(n, measures.pop("step"), measures)
        mine = self._dealt(checkpoint)
        self._recall(n, mine)
        ahead = np.stack([state["ahead"] for state in mine], axis=1)
        memories = [
            {name: state[f"path/{name}"] for name in self._paths.memory(i)}
            for i, state in enumerate(mine)
        ]
        self._paths.recall(n + len(ahead), memories)
        self._draws = self._draw_from(n, ahead)
        self.n = n

    def _recall(self, n: int, mine: Sequence[State]) -> None:
        """Take up θ_n and what is beside it, from what hosted agents remember."""
        for i, state in enumerate(mine):
            for name, values in self._iterates.of_agent(i).items():
                values[:] = state[_stored(name)]
            if self._record.sum is not None:
                self._record.sum[i] = state["sum"]
        for mixer in self._mixers:
            mixer.resume()

    def _kept(self, i: int) -> State:
        """θ_n and what is beside it, as the i-th hosted agent remembers them."""
        state = {_stored(name): values for name, values in self._iterates.of_agent(i).items()}
        return state if self._record.sum is None else {**state, "sum": self._record.sum[i]}

    def _check_states(self, checkpoint: Checkpoint | None) -> None:
        """Refuse a checkpoint in which agents carry something else beside θ."""
        if checkpoint is None:
            return
        found = {
            name: values
            for name, values in checkpoint.state(0).items()
            if name == THETA or name.startswith(_BESIDE)
        }
        mine = {_stored(name): values for name, values in self._iterates.of_agent(0).items()}
        expected, got = (
            ", ".join(f"{name} {values.dtype}{list(values.shape)}" for name, values in each.items())
            for each in (mine, found)
        )
        if expected != got:
            raise ConfigurationError(
                f"checkpoint {checkpoint.path}: expected agents with {expected}, got {got}; use"
                " --force to begin again"
            )

    def _dealt(self, checkpoint: Checkpoint | None) -> list[State]:
        layout = self._layout
        if checkpoint is None:
            return [self._comm.recv(source=0) for _ in layout.hosted(self._comm.rank)]
        for rank in range(1, layout.ranks):
            for agent in layout.hosted(rank):
                self._comm.send(checkpoint.state(agent), rank)
        return [checkpoint.state(agent) for agent in layout.hosted(0)]

    def _states(self) -> Iterator[State]:
        ahead = self._draws.ahead(self.n)
        for i in range(len(self._problem.agents)):
            memory = self._paths.memory(i)
            paths = {f"path/{name}": values for name, values in memory.items()}
            yield {**self._kept(i), "ahead": ahead[:, i], **paths}

    def _draw_from(self, n: int, ahead: NDArray[np.int32] | None) -> Draws:
        problem = self._problem
        trials = problem.experiment.trials
        guarded = GuardedPaths(self._paths, self.failures)
        return Draws(
            guarded if self.failures.at_every_stop else self._paths,
            problem.first_rows,
            problem.batch,
            trials,
            n,
            ahead,
            self._meter,
            block_length(max(self._layout.counts), trials),
        )


def _calls_users_code(experiment: Experiment) -> bool:
    """Whether local steps or samplers may call a user's code, which may raise on one rank."""
    compiled = isinstance(experiment.objective, CompiledObjective)
    samplers = [group.sampler for group in experiment.groups.values()]
    own = any(isinstance(sampler, CustomSampler) for sampler in samplers)
    return own or not compiled or experiment.method.interpreted is not None
