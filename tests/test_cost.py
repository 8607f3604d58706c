"""The cost model counts messages as they are, and measures the work of the rank with most of it."""

from collections.abc import Callable

import numpy as np
import pytest

from udsgd_mpi.communication import Layout
from udsgd_mpi.engine.iterates import THETA
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.states import states_of_run
from udsgd_mpi.experiment.read import variants
from udsgd_mpi.forecast.trial_run import TrialRun
from udsgd_mpi.kernels.agent_sums import combine_in
from udsgd_mpi.objectives import Logistic, Objective, Points
from udsgd_mpi.preflight.cost import Network, cost
from udsgd_mpi.preflight.recording import seconds_a_record
from udsgd_mpi.problem import LoneTeam, Problem, pose


def posed(**settings: object) -> Problem:
    raw = {
        "agents": 6,
        "steps": 1000,
        "trials": 4,
        "data": {"source": "breast_cancer"},
        "groups": {"all": {"share": 1, "sampler": "iid"}},
        **settings,
    }
    return pose(variants(raw, {})["main"], LoneTeam(6))


@pytest.mark.parametrize(("interval", "share"), [(1, 1.0), (4, 0.25)])
def test_exchanges_count_at_aggregations_alone(interval: int, share: float) -> None:
    problem = posed(communication={"kind": "dsgd", "interval": interval})
    row = 4 * 30 * 8
    found = cost(problem, Layout.even(6, 3), Network(message=1.0, bandwidth=row))
    # Each rank of a ring has two partners, and sends a row to each.
    assert found.exchange == pytest.approx(share * (2 * 1.0 + 2 * 1.0))
    assert found.work > 0
    assert cost(problem, Layout.even(6, 1)).exchange == 0


@pytest.mark.parametrize(("precision", "number"), [("double", 8), ("single", 4)])
def test_numbers_of_messages_are_as_long_as_their_precision(precision: str, number: int) -> None:
    network = Network(message=0.0, bandwidth=1.0)
    problem = posed(communication={"kind": "dsgd", "precision": precision})
    found = cost(problem, Layout.even(6, 3), network)
    assert found.exchange == pytest.approx(2 * 4 * 30 * number)
    assert found.work > 0


def test_patterns_differ_in_what_they_send() -> None:
    row = 4 * 30 * 8
    network = Network(message=0.0, bandwidth=row)
    for kind, rows in (("dsgd", 2), ("centralized", (3 + 1) / 2)):
        found = cost(posed(communication=kind), Layout.even(6, 2), network)
        assert found.exchange == pytest.approx(rows)


PATTERNS = [
    {"kind": "dsgd"},
    {"kind": "centralized"},
    {"kind": "hlsgd"},
    {"kind": "lsgd_pp", "participants": 2},
    {"kind": "random_matching"},
    {"kind": "unreliable_links"},
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern["kind"])
def test_the_rank_with_most_work_is_tried_with_its_mixing(
    pattern: dict[str, object], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a rank has mixed of ones is ones, as the rows of W sum to 1."""
    walkers = {"agents": "2-3", "sampler": "srrw", "graph": "small_world"}
    groups = {"access": {"agents": "0-1, 4-5", "sampler": "iid"}, "walkers": walkers}
    problem = posed(groups=groups, communication=pattern, dtype=dtype)
    mixed = []

    class Tried(TrialRun):
        def __init__(
            self, _: Problem, agents: range, *__: object, W: Callable[[int], None]
        ) -> None:
            assert agents == range(2, 4)
            W(1)

        def step(self, least: float) -> float:
            return 0.5

    def combining(numbers: np.dtype) -> Callable[..., None]:
        def combined(*arguments: np.ndarray) -> None:
            combine_in(numbers)(*arguments)
            mixed.append(arguments[-1])

        return combined

    monkeypatch.setattr("udsgd_mpi.preflight.cost.TrialRun", Tried)
    monkeypatch.setattr("udsgd_mpi.communication.forms.base.combine_in", combining)
    assert cost(problem, Layout.even(6, 3)).work == 0.5
    for rows in mixed:
        assert rows.dtype == dtype
        assert rows == pytest.approx(np.ones((2, 4 * 30)))


def test_agents_that_never_exchange_take_local_steps_alone() -> None:
    """The trial goes on beyond the last step, where they would."""
    found = cost(posed(communication={"kind": "dsgd", "interval": 1001}), Layout.even(6, 3))
    assert found.exchange == 0
    assert found.work > 0


def test_a_trial_run_aggregates_when_a_run_does() -> None:
    """The first block warms up, the second is measured."""
    problem = posed(communication={"kind": "dsgd", "interval": 4})
    at: list[int] = []
    assert TrialRun(problem, range(6), trials=4, block=10, W=at.append).step(0.0) > 0
    assert at == [4, 8, 12, 16, 20]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("compression", [None, "top_k"])
def test_a_trial_run_has_the_numbers_of_a_run(
    dtype: str, compression: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps in double precision would tell nothing of those in single precision."""
    pattern = {"kind": "dsgd", **({"compression": compression} if compression else {})}
    seen = {}

    class Seen(LocalSteps):
        def __call__(self, n: int, X: np.ndarray, gamma: np.ndarray) -> None:
            seen.update({name: self.iterates[name].dtype for name in self.iterates.names})
            super().__call__(n, X, gamma)

    monkeypatch.setattr("udsgd_mpi.forecast.trial_run.LocalSteps", Seen)
    problem = posed(dtype=dtype, communication=pattern, method="momentum")
    run = TrialRun(problem, range(6), trials=4, block=4, W=lambda _: None)
    assert run.step(0.0) > 0
    assert run.exchange() > 0
    states = states_of_run(problem.experiment, problem.objective, problem.d)
    assert seen == {THETA: np.dtype(dtype), **{each.name: each.dtype for each in states}}


def test_losses_count_for_the_points_of_the_rank_with_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a clock that goes on by 2 ms for a point's loss and gradient, and 1 ms for its loss."""
    clock = [0.0]

    def losses(_: Objective, _theta: np.ndarray, points: Points) -> tuple[float, np.ndarray]:
        clock[0] += 2e-3 * len(points.labels)
        return 0.0, np.zeros(30)

    def tests(_: Objective, _theta: np.ndarray, points: Points) -> tuple[float, int]:
        clock[0] += 1e-3 * len(points.labels)
        return 0.0, 0

    problem = posed(record={"loss": True, "loss_points": 80})
    few = problem.agents[0].points.take(np.arange(10))
    monkeypatch.setattr(Logistic, "value_and_gradient", losses)
    monkeypatch.setattr(Logistic, "value_and_hits", tests)
    monkeypatch.setattr("udsgd_mpi.preflight.recording.thread_time", lambda: clock[0])
    monkeypatch.setattr(
        "udsgd_mpi.preflight.recording.held_out_shares", lambda _: [few] * 5 + [None]
    )
    # Of three ranks two have agents of 80 points and 10 that nobody trains on.
    assert seconds_a_record(problem, Layout.even(6, 3)) == pytest.approx(4 * 2 * (0.16 + 0.01))
    assert seconds_a_record(problem, Layout.even(6, 1)) == pytest.approx(4 * (6 * 0.16 + 5 * 0.01))


def test_errors_are_recorded_at_no_cost_that_counts() -> None:
    assert seconds_a_record(posed(), Layout.even(6, 3)) == 0
