"""Models go from rank to rank, and the layout changes no bit."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from tests.token_walks import AGENTS, WALKS, by_dense_loops, places, settings
from udsgd_mpi.communication import Layout
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.simulate import simulate, simulation_of
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import LoneTeam, pose

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD


@pytest.mark.parametrize("walks", [1, 4])
@pytest.mark.parametrize("kind", WALKS)
def test_ranks_take_the_steps_of_the_dense_loop(kind: str, walks: int) -> None:
    run = settings({"kind": "token", "walks": walks, "sampler": WALKS[kind]})
    recording = simulate(COMM, pose(run, RanksTeam.evenly(COMM, AGENTS)), lambda _: None)
    if recording is None:
        return
    alone = pose(run, LoneTeam(AGENTS))
    on_one = simulate(MPI.COMM_SELF, alone, lambda _: None)
    assert on_one is not None
    for name, values in recording.measures.items():
        np.testing.assert_array_equal(values, on_one[name])
    for n, found in zip(recording.step.tolist(), recording["theta_mean"], strict=True):
        expected = by_dense_loops(alone, kind, walks, n).mean(axis=0)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("others", [{"dtype": "float32"}, {"record": {"steps": [9], "loss": True}}])
def test_bits_do_not_depend_on_the_layout(others: dict[str, Any]) -> None:
    run = settings({"kind": "token", "walks": 2}, **others)
    recording = simulate(COMM, pose(run, RanksTeam.evenly(COMM, AGENTS)), lambda _: None)
    if recording is None:
        return
    on_one = simulate(MPI.COMM_SELF, pose(run, LoneTeam(AGENTS)), lambda _: None)
    assert on_one is not None
    for name, values in recording.measures.items():
        np.testing.assert_array_equal(values, on_one[name])


def test_one_message_goes_where_models_go() -> None:
    """Counts of messages and bytes, against those of the paths."""
    run = settings({"kind": "token", "walks": 3})
    posed = pose(run, RanksTeam.evenly(COMM, AGENTS))
    simulation = simulation_of(COMM, posed)
    simulation.run(Control(COMM, Policy()), lambda _: None, lambda: None)
    rows = simulation.telemetry()
    if COMM.rank > 0:
        return
    visited = places(posed, "srw", 3, run.steps)
    hosts = Layout.even(AGENTS, COMM.size).host(visited)
    messages, models = np.zeros(COMM.size), np.zeros(COMM.size)
    for before, after in pairwise(hosts):
        for rank in range(COMM.size):
            to = after[(before == rank) & (after != rank)]
            messages[rank] += len(np.unique(to))
            models[rank] += to.size
    assert [row.messages for row in rows] == messages.tolist()
    assert [row.bytes_sent for row in rows] == (8 * posed.d * models).tolist()
