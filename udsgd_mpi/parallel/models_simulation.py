"""A variant whose models walk over the agents, on all ranks."""

from collections.abc import Sequence

from udsgd_mpi.engine.draws import Indices
from udsgd_mpi.engine.iterates import THETA
from udsgd_mpi.engine.models import Models, ModelSteps
from udsgd_mpi.engine.pausing import Descent
from udsgd_mpi.engine.sgd import StepByStep, Update, each_step
from udsgd_mpi.methods import State as Beside
from udsgd_mpi.objectives import CompiledObjective
from udsgd_mpi.parallel.collective import check_in, collective, on_root
from udsgd_mpi.parallel.losses import Losses
from udsgd_mpi.parallel.models_recorder import ModelsRecorder
from udsgd_mpi.parallel.moving import Moving
from udsgd_mpi.parallel.simulation import Floats, Simulation, State
from udsgd_mpi.storage.checkpoint import Checkpoint
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.tokens import Walking


class ModelsSimulation(Simulation):
    """See ``Simulation``; an agent remembers the models that are there."""

    def _begin(
        self, states: Sequence[Beside], losses: Losses | None, *, go_on: bool
    ) -> ModelsRecorder:
        comm, problem, layout = self._comm, self._problem, self._layout
        if states or not isinstance(schedule := problem.schedule, Walking):
            message = "expected models that walk, with nothing beside θ"
            raise TypeError(message)
        initial = problem.initial(self._trials).astype(problem.experiment.numbers)
        places = schedule.places(self._trials)
        self._models = Models(initial, places, schedule.walks, layout, comm.rank)
        self._moving = Moving(comm, self._models, self._meter)
        return ModelsRecorder(
            comm, self._moving.all, problem, losses, self._steps, self.recording, go_on=go_on
        )

    def _update(self) -> Update:
        problem, first = self._problem, self._layout.hosted(self._comm.rank).start
        objective, points = problem.objective, problem.points_of_steps
        steps: Descent = ModelSteps(self._models, objective, points, problem.batch, first)
        if problem.experiment.dtype == "float32" and isinstance(objective, CompiledObjective):
            single = objective.kernels(points).of(problem.experiment.numbers)
            on_root(self._comm, single.descend.compile)  # by one rank, as others before a run

        def guarded(n: int, X: Indices, gamma: Floats) -> None:
            self.failures.passes(lambda: steps(n, X, gamma))

        descend = guarded if self.failures.at_every_stop else steps
        return StepByStep(descend, self._moving, each_step)

    def _kept(self, i: int) -> State:
        agent = self._layout.hosted(self._comm.rank)[i]
        return {THETA: self._models.rows[self._models.at(agent)]}

    def _recall(self, n: int, mine: Sequence[State]) -> None:
        collective(self._comm, lambda: self._models.go_on(n, check_in))
        for agent, state in zip(self._layout.hosted(self._comm.rank), mine, strict=True):
            self._models.rows[self._models.at(agent)] = state[THETA]

    def _check_states(self, checkpoint: Checkpoint | None) -> None:
        """Refuse a checkpoint of other numbers of parameters, or of another type."""
        if checkpoint is None:
            return
        found, rows = checkpoint.state(0)[THETA], self._models.rows
        if (found.dtype, found.shape[1:]) != (rows.dtype, rows.shape[1:]):
            raise ConfigurationError(
                f"checkpoint {checkpoint.path}: expected models of {rows.dtype}[{rows.shape[1]}],"
                f" got {found.dtype}{list(found.shape[1:])}; use --force to begin again"
            )
