"""Every rank holds its own agents' data and no other's, and all ranks hold the same problem."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tests.own_reader import ASKED
from udsgd_mpi.communication import Layout
from udsgd_mpi.data.datasets import Dataset
from udsgd_mpi.data.libsvm import Libsvm
from udsgd_mpi.experiment.check import check
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.generators import ErdosRenyi, Ring
from udsgd_mpi.parallel.identity import check_identity, identity
from udsgd_mpi.parallel.rebalance import balanced, layout_of
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.preflight.hosting import layout_on
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.support.errors import ConfigurationError

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
AGENTS = 7
SETTINGS = {
    "groups": {
        "access": {"agents": "0-2", "sampler": "iid", "batch": 3},
        "walkers": {"agents": "3-6", "sampler": "srw", "graph": "erdos_renyi"},
    },
    "data": {"standardize": True},
    "partition": {"kind": "dirichlet", "alpha": 5.0, "minimum": 9},
}


def test_ranks_together_pose_what_one_process_poses() -> None:
    experiment = check(SETTINGS)
    mine = pose(experiment, RanksTeam.evenly(COMM, AGENTS))
    whole = pose(experiment, LoneTeam(AGENTS))
    np.testing.assert_array_equal(mine.minimizer, whole.minimizer)
    np.testing.assert_array_equal(mine.hessian, whole.hessian)
    assert repr(mine.summaries) == repr(whole.summaries)
    assert mine.rows_left_over == whole.rows_left_over > 0
    hosted = Layout.even(AGENTS, COMM.size).hosted(COMM.rank)
    assert len(mine.agents) == len(hosted)
    for i, agent in zip(hosted, mine.agents, strict=True):
        expected = whole.agents[i]
        np.testing.assert_array_equal(agent.points.features, expected.points.features)
        np.testing.assert_array_equal(agent.points.weights, expected.points.weights)
        assert (agent.graph is None) == (expected.graph is None)
        if agent.graph and expected.graph:
            np.testing.assert_array_equal(agent.graph.neighbours, expected.graph.neighbours)


def own_reader(**arguments: int) -> dict[str, object]:
    reader = {"kind": "custom", "path": "tests.own_reader:OfAgents", "arguments": arguments}
    return {**SETTINGS, "data": {**reader, "standardize": True}}


def test_a_users_reader_reads_where_agents_are_and_nowhere_else() -> None:
    experiment = check(own_reader())
    ASKED.clear()
    mine = pose(experiment, RanksTeam.evenly(COMM, AGENTS))
    hosted = Layout.even(AGENTS, COMM.size).hosted(COMM.rank)
    assert [*hosted] == ASKED
    assert layout_on(mine, COMM.size) == Layout.even(AGENTS, COMM.size)
    whole = pose(experiment, LoneTeam(AGENTS))
    np.testing.assert_array_equal(mine.minimizer, whole.minimizer)
    for i, agent in zip(hosted, mine.agents, strict=True):
        np.testing.assert_array_equal(agent.points.features, whole.agents[i].points.features)


def test_what_a_reader_raises_on_one_rank_all_ranks_raise() -> None:
    with pytest.raises(ConfigurationError, match=r"agent 6: data .*own_reader.py:\d+: FileNot"):
        pose(check(own_reader(missing=6)), RanksTeam.evenly(COMM, AGENTS))


def test_a_minimizer_without_a_hessian_is_the_same_on_all_ranks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("udsgd_mpi.problem.optimum.MOST_PARAMETERS", 10)
    experiment = check(SETTINGS)
    mine = pose(experiment, RanksTeam.evenly(COMM, AGENTS))
    whole = pose(experiment, LoneTeam(AGENTS))
    np.testing.assert_array_equal(mine.minimizer, whole.minimizer)
    assert mine.optimum == whole.optimum._replace(theta=mine.minimizer)


def test_sparse_points_reach_their_hosts_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x = csr_array(rng.normal(size=(63, 1200)) * (rng.random((63, 1200)) < 0.02))
    dataset = Dataset(x, np.tile([-1.0, 1.0, 1.0], 21))
    monkeypatch.setattr("udsgd_mpi.problem.local_data.load", lambda *_: dataset)
    experiment = check({"groups": SETTINGS["groups"]})
    mine = pose(experiment, RanksTeam.evenly(COMM, AGENTS))
    whole = pose(experiment, LoneTeam(AGENTS))
    np.testing.assert_array_equal(mine.minimizer, whole.minimizer)
    for i, agent in zip(Layout.even(AGENTS, COMM.size).hosted(COMM.rank), mine.agents, strict=True):
        assert agent.points.sparse
        assert (agent.points.features != whole.agents[i].points.features).nnz == 0


def test_where_there_is_no_minimizer_all_ranks_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    features = np.tile(rng.normal(size=(200, 6)), 2)  # so that two parameters can do as one
    data = Dataset(features, np.tile([0.0, 1.0], 100))
    monkeypatch.setattr("udsgd_mpi.problem.optimum.MOST_PARAMETERS", 10)
    monkeypatch.setattr("udsgd_mpi.problem.local_data.load", lambda *_: data)
    settings = SETTINGS | {"objective": {"kind": "ridge", "l2": 0}}
    with pytest.raises(ConfigurationError, match=r"flat in some direction.*objective\.l2 > 0"):
        pose(check(settings), RanksTeam.evenly(COMM, AGENTS))


def test_files_of_agents_are_read_by_their_hosts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def read(path: Path) -> Libsvm:
        seen.append(path.name)
        rng = np.random.default_rng(int(path.stem))
        features = csr_array(rng.normal(size=(20, 3)))
        return Libsvm(path, features, np.tile([-1.0, 1.0], 10), lowest=0)

    monkeypatch.setattr("udsgd_mpi.problem.local_data.read_libsvm", read)
    experiment = check(SETTINGS | {"data": {"path": "{agent}.svm"}})
    pose(experiment, RanksTeam.evenly(COMM, AGENTS))
    assert seen == [f"{i}.svm" for i in Layout.even(AGENTS, COMM.size).hosted(COMM.rank)]


def test_graphs_are_cut_by_their_hosts_from_a_file_that_rank_0_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    big = ErdosRenyi().build(400, 5, "graph")
    reads, cuts = [], []

    def read(path: Path) -> Graph:
        reads.append(path)
        return big

    def cut(_: Graph, nodes: NDArray[np.int64]) -> Graph:
        cuts.append(len(nodes))
        return induced(big, nodes)

    induced = Graph.induced
    monkeypatch.setattr("udsgd_mpi.graphs.in_files.read_graph", read)
    monkeypatch.setattr(Graph, "induced", cut)
    walkers = SETTINGS["groups"]["walkers"] | {"graph": {"kind": "snowball", "path": "big.txt"}}
    experiment = check(SETTINGS | {"groups": SETTINGS["groups"] | {"walkers": walkers}})
    mine = pose(experiment, RanksTeam.evenly(COMM, AGENTS))
    assert len(reads) == (COMM.rank == 0)
    assert cuts == [len(agent.graph) for agent in mine.agents if agent.graph]
    whole = pose(experiment, LoneTeam(AGENTS))
    for i, agent in zip(RanksTeam.evenly(COMM, AGENTS).hosted, mine.agents, strict=True):
        expected = whole.agents[i].graph
        assert (agent.graph is None) == (expected is None)
        if agent.graph and expected:
            np.testing.assert_array_equal(agent.graph.offsets, expected.offsets)
            np.testing.assert_array_equal(agent.graph.neighbours, expected.neighbours)


@pytest.mark.parametrize("graph", ["clustered", {"kind": "file", "path": "big.txt"}])
def test_agents_of_one_graph_hold_it_once(
    graph: str | dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    big = Ring().build(40, 0, "graph")
    monkeypatch.setattr("udsgd_mpi.graphs.in_files.read_graph", lambda _: big)
    groups = {"walkers": {"share": 1, "sampler": "srw", "graph": graph}}
    experiment = check({"groups": groups, "partition": {"kind": "even", "points": 40}})
    mine = pose(experiment, RanksTeam.evenly(COMM, AGENTS))
    assert len({id(agent.graph) for agent in mine.agents}) == 1


def test_agents_that_share_all_rows_hold_them_once() -> None:
    groups = {"access": {"share": 1, "sampler": "iid"}}
    mine = pose(check({"groups": groups, "partition": "shared"}), RanksTeam.evenly(COMM, AGENTS))
    first = mine.agents[0].points.features
    assert len(first) == 569
    assert all(np.shares_memory(agent.points.features, first) for agent in mine.agents)


def test_an_error_of_one_rank_is_raised_on_all() -> None:
    def fail(i: int) -> int:
        if i == AGENTS - 1:
            message = f"agent {i} has no luck"
            raise ConfigurationError(message)
        return i

    with pytest.raises(ConfigurationError, match="agent 6 has no luck"):
        RanksTeam.evenly(COMM, AGENTS).map(fail)


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found | {"the configuration": "other"},
        lambda found: found | {"the topology of [variant.main]": "other"},
        lambda found: found | {"the W 0 of [variant.main]": "other"},
    ],
)
def test_a_rank_that_differs_is_named(change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    found = identity({"main": pose(check(SETTINGS), RanksTeam.evenly(COMM, AGENTS))})
    assert len(found) == 5
    check_identity(COMM, found)
    if COMM.size == 1:
        return
    last = COMM.size - 1
    if COMM.rank == last:
        found = change(found)
    name = next(key for key, value in change(found).items() if value == "other")
    with pytest.raises(ConfigurationError) as error:
        check_identity(COMM, found)
    assert f"rank {last} on" in str(error.value)
    assert name in str(error.value)


def test_work_on_some_agents_is_shared_out() -> None:
    """Each of it is taken once, the hardest by different ranks, and its result comes home."""
    team = RanksTeam.evenly(COMM, AGENTS)
    some = {i: f"of {i}" for i in team.hosted if i != 2}
    taken = []

    def action(i: int, item: str) -> str:
        taken.append(i)
        return f"{item} done"

    done = team.map_balanced(some, {i: float(i) for i in some}, action)
    assert done == {i: f"of {i} done" for i in some}
    hardest_first = [6, 5, 4, 3, 1, 0]
    assert sorted(taken) == sorted(hardest_first[COMM.rank :: COMM.size])
    assert team.map_balanced({}, {}, action) == {}


def test_work_that_is_as_even_as_can_be_stays_where_it_is() -> None:
    team = RanksTeam(COMM, Layout.even(6 * COMM.size, COMM.size))
    items = {i: i for i in team.hosted}
    taken = []

    def action(i: int, item: int) -> int:
        taken.append(i)
        return 2 * item

    done = team.map_balanced(items, dict.fromkeys(items, 1.0), action)
    assert done == {i: 2 * i for i in items}
    assert taken == [*team.hosted]


def test_items_of_all_go_to_those_that_want_them() -> None:
    team = RanksTeam.evenly(COMM, AGENTS)
    items = [f"item {i}" for i in team.hosted]
    last = COMM.rank == COMM.size - 1
    every = [f"item {i}" for i in range(AGENTS)]
    assert team.allgather_where(last, items) == (every if last else [])
    assert LoneTeam(AGENTS).allgather_where(True, every) == every


def test_agents_move_to_the_ranks_that_have_time_for_them() -> None:
    walkers = SETTINGS["groups"]["walkers"] | {"sampler": "srrw"}
    access = {"agents": "0-2", "sampler": "iid"}
    settings = SETTINGS | {"groups": {"access": access, "walkers": walkers}}
    experiment = check(settings)
    whole = pose(experiment, LoneTeam(AGENTS))
    mine = balanced(COMM, pose(experiment, RanksTeam.evenly(COMM, AGENTS)))
    layout = layout_on(whole, COMM.size)
    assert layout_of(COMM, mine) == layout
    assert COMM.size not in {2, 3} or layout != Layout.even(AGENTS, COMM.size)
    for i, agent in zip(layout.hosted(COMM.rank), mine.agents, strict=True):
        assert agent.sampler == whole.agents[i].sampler
        np.testing.assert_array_equal(agent.points.features, whole.agents[i].points.features)
