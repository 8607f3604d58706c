"""Links are drawn by their law, and a state late in a run without what came before."""

import itertools
import time
from collections import Counter

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

from udsgd_mpi.communication import (
    DropOut,
    OnLinks,
    RandomMatching,
    UnreliableLinks,
)
from udsgd_mpi.communication.matching import shares_of_edges
from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx


def test_a_state_late_in_the_run_is_not_replayed_from_its_start() -> None:
    """Chains that change once in 50 draws are known after looking back some hundreds."""
    for pattern in (UnreliableLinks(failure=0.01, recovery=0.01), DropOut(leave=0.01, rejoin=0.02)):
        topology = from_networkx(TOPOLOGIES["random"], "topology")
        (links,) = pattern.start(topology, seed=3).forms
        assert isinstance(links, OnLinks)
        started = time.process_time()
        late = links.there(2**31 - 1).copy()
        assert time.process_time() - started < 1
        (from_before,) = pattern.start(topology, seed=3).forms
        assert isinstance(from_before, OnLinks)
        for number in range(2**31 - 300, 2**31):
            there = from_before.there(number)
        np.testing.assert_array_equal(there, late)


def of_order(edges: list[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """The edges that are taken in this order where both ends are free."""
    taken: list[tuple[int, int]] = []
    for edge in edges:
        if not {*edge} & {end for other in taken for end in other}:
            taken.append(edge)
    return frozenset(taken)


SMALL = [nx.path_graph(5), nx.cycle_graph(6), nx.star_graph(4), nx.complete_graph(4)]


@pytest.mark.parametrize("graph", [*SMALL, nx.lollipop_graph(3, 2)])
def test_matchings_are_those_of_uniform_orders(graph: nx.Graph) -> None:
    """Against all orders one by one; one test at level 1e-4 for each graph."""
    orders = Counter(map(of_order, itertools.permutations(sorted(graph.edges))))
    probability = {matching: k / orders.total() for matching, k in orders.items()}
    (links,) = RandomMatching().start(from_networkx(graph, "topology"), seed=3).forms
    assert isinstance(links, OnLinks)
    ends = list(zip(links.i.tolist(), links.j.tolist(), strict=True))
    draws = 4000
    found = Counter(
        frozenset(itertools.compress(ends, links.there(number).tolist()))
        for number in range(1, draws + 1)
    )
    assert set(found) <= set(probability)
    if len(probability) > 1:
        counts = [found[matching] for matching in probability]
        assert chisquare(counts, [draws * p for p in probability.values()]).pvalue > 1e-4
    shares = [sum(p for matching, p in probability.items() if e in matching) for e in ends]
    exact = shares_of_edges(len(graph), links.i, links.j)
    np.testing.assert_allclose(exact, shares, rtol=1e-12)
