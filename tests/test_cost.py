"""The cost model counts messages as they are, and measures the work of the rank with most of it."""

from collections.abc import Callable

import numpy as np
import pytest

from udsgd_mpi.communication import Layout
from udsgd_mpi.experiment.read import variants
from udsgd_mpi.forecast.trial_run import seconds_a_step
from udsgd_mpi.kernels.agent_sums import combine
from udsgd_mpi.preflight.cost import Network, cost
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


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern["kind"])
def test_the_rank_with_most_work_is_tried_with_its_mixing(
    pattern: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a rank has mixed of ones is ones, as the rows of W sum to 1."""
    walkers = {"agents": "2-3", "sampler": "srrw", "graph": "small_world"}
    groups = {"access": {"agents": "0-1, 4-5", "sampler": "iid"}, "walkers": walkers}
    problem = posed(groups=groups, communication=pattern)
    mixed = []

    def tried(
        _: Problem,
        agents: range,
        _trials: int,
        _block: int,
        _least: float,
        W: Callable[[int], None],
    ) -> float:
        assert agents == range(2, 4)
        W(1)
        return 0.5

    def combined(*arguments: np.ndarray) -> None:
        combine(*arguments)
        mixed.append(arguments[-1])

    monkeypatch.setattr("udsgd_mpi.preflight.cost.seconds_a_step", tried)
    monkeypatch.setattr("udsgd_mpi.communication.forms.base.combine", combined)
    assert cost(problem, Layout.even(6, 3)).work == 0.5
    for rows in mixed:
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
    assert seconds_a_step(problem, range(6), trials=4, block=10, least=0.0, W=at.append) > 0
    assert at == [4, 8, 12, 16, 20]
