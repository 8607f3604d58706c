"""A form of W knows what is sent for it, how it contracts and how long it takes, in any company."""

import networkx as nx
import numpy as np
import pytest

from udsgd_mpi.clock import Clock, Constant, elapsed
from udsgd_mpi.communication import (
    LSGDPP,
    Average,
    Form,
    Latency,
    Layout,
    PartialAverage,
    Rounds,
    UnreliableLinks,
    contraction,
    metropolis,
)
from udsgd_mpi.communication.base import InTurn
from udsgd_mpi.communication.codecs import EXACT
from udsgd_mpi.testing.graphs import from_networkx

ROW = 64  # bytes; eight numbers
RING = from_networkx(nx.cycle_graph(6), "ring")


def test_neighbours_get_each_row_once() -> None:
    ring = metropolis(from_networkx(nx.cycle_graph(12), "ring"))
    for ranks, partners in ((1, 0), (2, 1), (3, 2), (12, 2)):
        for rank in range(ranks):
            rows = {1: 0, 2: 2, 3: 2, 12: 2}[ranks]
            assert ring.traffic(Layout.even(12, ranks), rank, 8, EXACT) == (partners, rows * ROW)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_averages_move_slices(ranks: int) -> None:
    """Of each hosted row all but the own slice, and the own slice of the mean to each other."""
    layout = Layout.even(8, ranks)
    expected = 8 // ranks * (ROW - ROW // ranks) + (ranks - 1) * ROW // ranks
    for rank in range(ranks):
        assert Average().traffic(layout, rank, 8, EXACT) == (2 * (ranks - 1), expected)


def test_hand_overs_are_messages_too() -> None:
    topology = from_networkx(nx.path_graph(8), "topology")
    W = LSGDPP(participants=3, interval=1).start(topology, 4).mixing(1)
    alone = Layout.even(8, 8)
    totals = np.sum([W.traffic(alone, rank, 8, EXACT) for rank in range(8)], axis=0)
    assert isinstance(W, PartialAverage)
    handed = len(W.entering)
    assert handed > 0
    # Slices of an eighth: three rows to seven others each, and the mean of each slice to seven.
    assert totals.tolist() == [8 * 14 + handed, (3 + 8) * 7 * ROW // 8 + handed * ROW]


def several() -> InTurn:
    """One of each form, two of which draw their W."""
    (links,) = UnreliableLinks(failure=0.4).start(RING, 3).forms
    half = PartialAverage(np.array([0, 2, 3]), np.array([1, 2, 5]))
    forms: list[Form] = [metropolis(RING), links, half, Rounds(2, 6, 3), Average()]
    return InTurn([2, 1], forms)


def test_forms_take_turns_in_one_schedule() -> None:
    schedule, again = several(), several()
    assert schedule.order(0, 12).tolist() == [l % 5 for l in range(11)]
    assert schedule.uses(5, 12).tolist() == [2, 1, 1, 1, 2]
    W = [schedule.mixing(n).matrix(6) for n in schedule.times(0, 12).tolist()]
    assert (W[4] == 1 / 6).all()
    np.testing.assert_array_equal(W[0], metropolis(RING).matrix(6))
    np.testing.assert_array_equal(W[6], again.mixing(8).matrix(6))


def test_each_form_mixes_as_its_matrix_does() -> None:
    schedule = several()
    half_steps = np.random.default_rng(2).normal(size=(6, 33))
    for n in schedule.times(0, 12).tolist():
        W, mixed = schedule.mixing(n), np.empty_like(half_steps)
        W.apply(half_steps, mixed)
        np.testing.assert_allclose(mixed, W.matrix(6) @ half_steps, rtol=1e-12)


def test_the_contraction_of_several_is_that_of_their_mean() -> None:
    """E[WᵀW] entry by entry, within four standard errors of entries in [0, 1]."""
    schedule = several()
    moment = schedule.second_moment(6)
    assert moment is not None
    S = moment.matrix()
    expected = S + (1 - S.sum(axis=1)) / 6
    # Links remember their state, so draws lie apart; 101 = 1 (mod 5) takes each form in turn.
    draws = [schedule.mixing(1 + 101 * k).matrix(6) for k in range(1, 1001)]
    squares = [W.T @ W for W in draws]
    error = np.sqrt(abs(expected * (1 - expected)) / len(squares))
    assert (abs(np.mean(squares, axis=0) - expected) <= 4 * error + 1e-12).all()
    largest = np.linalg.eigvalsh(expected - 1 / 6)[-1]
    assert contraction(schedule, 6).factor ** 2 == pytest.approx(largest, abs=1e-12)


def test_the_clock_and_bytes_of_several_are_those_of_each_in_turn() -> None:
    steps = np.array([1, 4, 20])
    clock = Clock(1, [Constant(1.0)] * 6, Latency.uniform(6, 0.5), np.full(6, 80.0))
    found = elapsed(several(), clock, 6, 8, steps)
    schedule, now, sent = several(), np.zeros(6), 0
    assert found.seconds is not None
    for n in range(1, 21):
        now += 1
        if schedule.aggregates(n):
            W = schedule.mixing(n)
            W.advance(now, clock.messages(8))
            sent += 8 * W.messages(6)
        if n in steps:
            row = steps.tolist().index(n)
            np.testing.assert_allclose(found.seconds[row], now, rtol=1e-12)
            assert found.sent[row] == sent
