"""Aggregation times follow their formulas, and answers take no longer than they are."""

import math
import tracemalloc
from decimal import Decimal, localcontext

import numpy as np
import pytest

from udsgd_mpi.communication import (
    DFL,
    DSGD,
    HLSGD,
    LSGDRC,
    Pattern,
)
from udsgd_mpi.communication.intervals import AggregationTimes
from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx


@pytest.mark.parametrize(
    ("interval", "times"),
    [
        (3, [3, 6, 9, 12]),
        # ⌈log l⌉ = 1 for l ≤ 2, 2 for l ≤ 7, 3 for l ≤ 20.
        ("log", [1, 2, 4, 6, 8, 10, 12]),
        ("loglog", list(range(1, 13))),
        ([4, 1], [4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ],
)
def test_aggregation_times(interval: object, times: list[int]) -> None:
    schedule = AggregationTimes(interval)
    assert schedule.between(0, 12).tolist() == times
    assert [schedule.number(n) for n in times] == list(range(1, len(times) + 1))


def test_increasing_intervals_follow_the_formula() -> None:
    for name, growth in (("log", math.log), ("loglog", lambda l: math.log(max(1, math.log(l))))):
        expected = np.cumsum([max(1, math.ceil(growth(l))) for l in range(1, 400)])
        got = AggregationTimes(name).between(0, int(expected[-1]))
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["log", "loglog"])
def test_increasing_intervals_have_a_closed_form(name: str) -> None:
    """Against the formula, term by term, and the ends of its pieces in 60 digits."""
    schedule = AggregationTimes(name)  # type: ignore[arg-type]
    growth = np.log(np.arange(1, 1_000_001))
    if name == "loglog":
        growth = np.log(np.maximum(1, growth))
    times = np.cumsum(np.maximum(1, np.ceil(growth)).astype(np.int64))
    np.testing.assert_array_equal(schedule.between(0, int(times[-1])), times)
    counts = np.searchsorted(times, np.arange(5000), side="right")
    assert [schedule.number(n) for n in range(5000)] == counts.tolist()
    with localcontext(prec=60):
        ends = [Decimal(k).exp() for k in range(1, 22)]
        if name == "loglog":
            ends = [end.exp() for end in ends[:3]]
        assert schedule._before[1:] == [int(end) for end in ends]


@pytest.mark.parametrize(
    "pattern",
    [DSGD(), DFL(), LSGDRC(interval="loglog"), DFL(interval=[5, 2]), HLSGD(inner=7, outer=12)],
)
def test_questions_about_many_steps_take_no_more_than_their_answers(pattern: Pattern) -> None:
    schedule = pattern.start(from_networkx(TOPOLOGIES["random"], "topology"), seed=3)
    last = 2**31 - 1
    tracemalloc.start()
    assert schedule.count(last) > 8e7
    tail = schedule.times(last - 1000, last)
    assert len(tail) == schedule.count(last) - schedule.count(last - 1000)
    assert schedule.first(3, last).tolist() == schedule.times(0, 100)[:3].tolist()
    assert schedule.mixing(int(tail[0])) in schedule.forms
    assert schedule.uses(last - 1000, last).sum() == len(tail)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6
