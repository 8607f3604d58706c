"""Blocks of agents: their greatest effort is the least of all, by trying all of them."""

from itertools import combinations

import numpy as np
import pytest

from udsgd_mpi.communication import Layout
from udsgd_mpi.experiment.check import check
from udsgd_mpi.preflight.hosting import efforts, layout_on
from udsgd_mpi.problem import LoneTeam, Problem, pose
from udsgd_mpi.support.errors import ConfigurationError


def greatest(efforts: np.ndarray, starts: list[int]) -> int:
    return max(int(block.sum()) for block in np.split(efforts, starts))


@pytest.mark.parametrize("seed", range(40))
def test_no_other_cut_makes_the_greatest_effort_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    agents = int(rng.integers(1, 10))
    ranks = int(rng.integers(1, agents + 1))
    costs = rng.choice([1, 2, 7, 50], size=agents)
    layout = Layout.balanced(costs, ranks)
    assert (layout.agents, layout.ranks) == (agents, ranks)
    assert min(layout.counts) >= 1
    every_cut = combinations(range(1, agents), ranks - 1)
    least = min(greatest(costs, list(cut)) for cut in every_cut)
    found = greatest(costs, layout.starts[1:-1].tolist())
    assert found == least or (layout == Layout.even(agents, ranks) and found <= 1.1 * least)


def test_agents_alike_are_spread_evenly() -> None:
    assert Layout.balanced(np.full(10, 3), 4) == Layout.even(10, 4) == Layout((2, 3, 2, 3))
    assert Layout.even(7, 3).hosted(2) == range(4, 7)
    assert Layout.even(7, 3).host(np.array([0, 1, 2, 6])).tolist() == [0, 0, 1, 2]


def test_more_ranks_than_agents_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected at least one for each of 4 ranks"):
        Layout.balanced(np.ones(3, dtype=np.int64), 4)


def posed(walkers: str, objective: str) -> Problem:
    groups = {
        "access": {"agents": "0-4", "sampler": "iid"},
        "walkers": {"agents": "5-9", "sampler": walkers, "graph": "small_world"},
    }
    settings = {"steps": 10, "groups": groups, "objective": objective}
    return pose(check(settings | {"data": {"source": "digits"}}), LoneTeam(10))


def test_costly_samplers_are_shared_out_where_they_count() -> None:
    alike = posed("nbrw", "logistic")
    assert layout_on(alike, 2) == Layout((5, 5))
    costly = posed("srrw", "logistic")
    assert efforts(costly)[5] > 1.5 * efforts(costly)[0]
    assert layout_on(costly, 2).counts[0] > 5
    # Beside more numbers of a gradient it counts less.
    larger = efforts(posed("srrw", "softmax"))
    assert larger[5] / larger[0] < efforts(costly)[5] / efforts(costly)[0]
