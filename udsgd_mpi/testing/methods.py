"""What every method has to keep."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import DSGD
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.methods import Method
from udsgd_mpi.objectives import Logistic, Objective, Points
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.plugin import forget
from udsgd_mpi.testing.contract import require_same
from udsgd_mpi.testing.runs import AGENTS as AGENTS_OF_RUNS
from udsgd_mpi.testing.runs import RunContract, as_settings

Floats = NDArray[np.float64]

AGENTS, TRIALS, POINTS, D, STEPS = 2, 3, 8, 5, 40
OBJECTIVE = Logistic(l2=0.1)


class MethodContract(RunContract):
    """Steps that depend on θ, its gradient, n and what the method declares to remember.

    Attributes
    ----------
    method
        The member.
    """

    basis = "test_a_step_depends_on_its_arguments"
    method: ClassVar[Method]

    def settings(self) -> dict[str, Any]:
        """Under averages where the method takes no other W."""
        found: dict[str, Any] = {"method": as_settings(self.method)}
        topology = Ring().draw(AGENTS_OF_RUNS, 1)
        try:
            self.method.check_mixing(DSGD(weights="lazy").start(topology, 1), AGENTS_OF_RUNS)
        except ConfigurationError:
            found["communication"] = {"kind": "lsgd_fp"}
        return found

    @cached_property
    def points(self) -> Points:
        """Points of all agents, about a third of their features 0."""
        rng = np.random.default_rng(3)
        size = (AGENTS * POINTS, D)
        features = rng.normal(size=size) * (rng.random(size) < 0.7)
        labels = rng.integers(2, size=len(features)).astype(np.float64)
        return Points(features, labels, rng.uniform(0.5, 1.5, len(features)))

    @cached_property
    def rows(self) -> NDArray[np.int32]:
        """Points of all steps, shape (steps, agents, trials)."""
        drawn = np.random.default_rng(4).integers(POINTS, size=(STEPS, AGENTS, TRIALS))
        return (drawn + POINTS * np.arange(AGENTS)[:, None]).astype(np.int32)

    @property
    def gamma(self) -> Floats:
        """Step sizes."""
        return np.asarray(0.3 / np.arange(1, STEPS + 1) ** 0.6)

    def iterates(self, agents: int = AGENTS, trials: int = TRIALS) -> Iterates:
        """θ = 0, and what the method remembers at first."""
        return Iterates.alone(agents, trials, D, self.method.states(D))

    def steps(
        self, iterates: Iterates, points: Points | None = None, objective: Objective = OBJECTIVE
    ) -> LocalSteps:
        """What takes local steps on an objective, with a user's method as if in a new process."""
        forget()
        batch = np.ones(len(iterates.theta), dtype=np.int64)
        return LocalSteps(iterates, self.method, objective, points or self.points, batch)

    def run(
        self,
        blocks: Sequence[int] = (STEPS,),
        points: Points | None = None,
        objective: Objective = OBJECTIVE,
    ) -> Iterates:
        """Steps from the first on, in blocks of these lengths, each ended by W = I."""
        iterates = self.iterates()
        take, n = self.steps(iterates, points, objective), 0
        for block in blocks:
            take(n, self.rows[n : n + block], self.gamma[n : n + block])
            take.prepare()
            take.settle()
            n += block
        return iterates

    def test_a_step_depends_on_its_arguments(self) -> None:
        """Which a user's method is refused for, if it does not."""
        self.method.check(D)
        require_same(
            self.run().theta,
            self.run().theta,
            "θ{} after 40 steps, taken again",
            "draw no random numbers, and look at no clock",
        )

    def test_steps_go_on_from_what_is_declared(self) -> None:
        first, whole = self.run([17]), self.run([17, STEPS - 17])
        second = self.iterates()
        for name in first.names:
            second[name][:] = first[name]
        take = self.steps(second)
        take(17, self.rows[17:], self.gamma[17:])
        take.prepare()
        take.settle()
        for name in whole.names:
            require_same(
                second[name],
                whole[name],
                f"{name}{{}} of a run that is resumed after step 17",
                "declare all that further steps depend on among the states",
            )

    def test_an_agent_and_a_trial_do_not_know_the_others(self) -> None:
        whole = self.run()
        for i, t in np.ndindex(AGENTS, TRIALS):
            alone = self.iterates(1, 1)
            rows = np.ascontiguousarray(self.rows[:, i : i + 1, t : t + 1])
            take = self.steps(alone)
            take(0, rows, self.gamma)
            take.prepare()
            take.settle()
            for name in whole.names:
                require_same(
                    alone[name][0, 0],
                    whole[name][i, t],
                    f"{name}{{}} of agent {i} and trial {t}, stepped alone instead of with others",
                    "use what belongs to an agent and a trial for these only",
                )
