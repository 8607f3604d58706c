"""Methods on ranks are dense loops with what they remember; W mixes only what it is told to."""

from functools import partial

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests import textbook
from tests.mpi.test_exchange import PATTERNS, TwoHosts
from tests.mpi.test_fused import AGENTS, OBJECTIVES, STEPS, TRIALS, Case
from udsgd_mpi.communication import (
    DSGD,
    DSGDVT,
    LSGDPP,
    Centralized,
    DropOut,
    Layout,
    Pattern,
    UnreliableLinks,
)
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.sgd import StepByStep
from udsgd_mpi.experiment.check import check
from udsgd_mpi.methods import (
    SGD,
    Adam,
    CustomMethod,
    ExactDiffusion,
    Extra,
    FedOpt,
    GradientTracking,
    Method,
    Momentum,
    Nesterov,
    Prox,
    PushSum,
    Scaffold,
    State,
)
from udsgd_mpi.methods.fedopt import ServerAdam, ServerMomentum
from udsgd_mpi.objectives import CompiledObjective, Logistic
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.fused import Fused, w_of
from udsgd_mpi.parallel.host_memory import shared_rows
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.parallel.simulation import Simulation
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import pose
from udsgd_mpi.support.meter import Meter
from udsgd_mpi.testing.graphs import from_networkx, matrix

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
SINGLE = np.dtype(np.float32)
SERVER = ServerMomentum(rate=0.5, beta=0.8)
ADAM = ServerAdam(rate=0.05, beta1=0.7, beta2=0.95, epsilon=0.01)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_momentum_is_the_dense_loop(objective: CompiledObjective) -> None:
    case = Case(objective, 3, method=Momentum(beta=0.8))
    assert isinstance(case.update, Fused)
    theta = case.run([0, 1, 2, 10, STEPS])
    np.testing.assert_allclose(theta, case.expected(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "method",
    [
        SGD(weight_decay=0.3),
        Momentum(beta=0.8, weight_decay=0.3),
        Nesterov(beta=0.8),
        Nesterov(beta=0.7, weight_decay=0.3),
        Adam(beta1=0.8, beta2=0.97),
        Adam(epsilon=1e-3, weight_decay=0.3),
    ],
    ids=str,
)
@pytest.mark.parametrize("pattern", [DSGD(interval=3), LSGDPP(participants=3, interval=2)])
def test_other_methods(method: Method, pattern: Pattern) -> None:
    """Wherever the steps are split, with the bits of one rank alone and on two hosts."""
    case = Case(Logistic(l2=0.3), 1, pattern=pattern, method=method)
    assert isinstance(case.update, Fused) == isinstance(pattern, DSGD)
    theta = case.run([0, 1, 2, 10, STEPS])
    np.testing.assert_allclose(theta, case.expected(), rtol=1e-12, atol=1e-12)
    alone = Case(Logistic(l2=0.3), 1, pattern=pattern, method=method, comm=MPI.COMM_SELF)
    whole = alone.run([0, STEPS])[case.hosted.start : case.hosted.stop]
    np.testing.assert_array_equal(whole, theta)
    between = Case(Logistic(l2=0.3), 1, pattern=pattern, method=method, hosts=TwoHosts())
    np.testing.assert_array_equal(between.run([0, STEPS]), theta)


@pytest.mark.parametrize(
    ("method", "loop", "pattern"),
    [
        (GradientTracking(), textbook.gradient_tracking, DSGD(interval=3)),
        (GradientTracking(), textbook.gradient_tracking, DSGD(precision="single")),
        (GradientTracking(), textbook.gradient_tracking, LSGDPP(participants=3, interval=2)),
        (GradientTracking(), textbook.gradient_tracking, DropOut(leave=0.3)),
        (GradientTracking(), textbook.gradient_tracking, DSGDVT(interval=2)),
        (ExactDiffusion(), textbook.exact_diffusion, DSGD(weights="lazy")),
        (ExactDiffusion(), textbook.exact_diffusion, Centralized()),
        (Extra(), textbook.extra, DSGD(weights="lazy")),
        (Extra(), textbook.extra, Centralized()),
        (Prox(mu=0.7), textbook.prox(0.7), DSGD(interval=4)),
        (Prox(mu=0.7), textbook.prox(0.7), LSGDPP(participants=3, interval=4)),
        (Scaffold(), textbook.scaffold, Centralized(interval=4)),
        (Scaffold(), textbook.scaffold, Centralized(interval=[1, 5, 2])),
        (FedOpt(SERVER), textbook.fedopt(textbook.heavy_ball), Centralized(interval=4)),
        (FedOpt(ADAM), textbook.fedopt(textbook.adam), Centralized(interval=4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_methods_that_mix_or_undo_mixing(
    method: Method, loop: textbook.Loop, pattern: Pattern
) -> None:
    """They are the dense loops of their papers, wherever the steps are split, also on two hosts."""
    case = Case(Logistic(l2=0.3), 1, pattern=pattern, method=method)
    theta = case.run([0, 1, 2, 10, STEPS])
    tolerance = 1e-12 if pattern.precision == "double" else 1e-6
    np.testing.assert_allclose(theta, case.by_textbook(loop), rtol=tolerance, atol=tolerance)
    alone = Case(Logistic(l2=0.3), 1, pattern=pattern, method=method, comm=MPI.COMM_SELF)
    whole = alone.run([0, STEPS])[case.hosted.start : case.hosted.stop]
    np.testing.assert_array_equal(whole, theta)
    between = Case(Logistic(l2=0.3), 1, pattern=pattern, method=method, hosts=TwoHosts())
    np.testing.assert_array_equal(between.run([0, STEPS]), theta)
    if COMM.size > 1:
        sgd = Case(Logistic(l2=0.3), 1, pattern=pattern)
        sgd.run([0, STEPS])
        times = len(case.iterates.mixed)
        assert case.meter.bytes_sent == times * sgd.meter.bytes_sent


class Directed(Case):
    """On a circle that leads one way, with links across."""

    topology = nx.DiGraph([(i, (i + 1) % AGENTS) for i in range(AGENTS)] + [(0, 3), (0, 7), (5, 2)])


@pytest.mark.parametrize("interval", [1, 3])
def test_push_sum_is_the_dense_loop_where_links_lead_one_way(interval: int) -> None:
    """With the bits of one rank alone and on two hosts; θ and the weight are sent one way."""
    pattern = DSGD(weights="out_degree", interval=interval)
    found = [
        Directed(Logistic(l2=0.3), 1, pattern=pattern, method=PushSum(), comm=comm)
        for comm in (COMM, MPI.COMM_SELF)
    ]
    case, alone = found
    theta, whole = (each.run([0, 1, 2, 10, STEPS]) for each in found)
    np.testing.assert_allclose(theta, case.by_textbook(textbook.push_sum), rtol=1e-12, atol=1e-12)
    mine = slice(case.hosted.start, case.hosted.stop)
    np.testing.assert_array_equal(whole[mine], theta)
    np.testing.assert_array_equal(alone.iterates["weight"][mine], case.iterates["weight"])
    between = Directed(Logistic(l2=0.3), 1, pattern=pattern, method=PushSum(), hosts=TwoHosts())
    np.testing.assert_array_equal(between.run([0, STEPS]), theta)
    assert np.ptp(alone.iterates["weight"]) > 0.1
    pairs = {
        (i, case.layout.host(np.array([j]))[0])
        for i, j in case.topology.edges
        if i in case.hosted and j not in case.hosted
    }
    numbers = case.iterates.theta[0].size + TRIALS
    assert case.meter.bytes_sent == len(pairs) * 8 * numbers * (STEPS // interval)


def test_what_follows_an_aggregation_does_so_where_computing_is_emulated() -> None:
    """And at no other step, though there W is asked at each."""
    settings = {
        "agents": COMM.size,
        "steps": 12,
        "trials": 2,
        "method": {"kind": "prox", "mu": 0.9},
        "communication": {"kind": "lsgd_fp", "interval": 4},
        "topology": "complete",
        "groups": {"all": {"share": 1, "sampler": "iid"}},
        "timing": {"compute": {"kind": "constant", "mean": 1e-5}},
        "record": {"steps": [12]},
    }
    posed = pose(check(settings), RanksTeam.evenly(COMM, COMM.size))
    simulations = [Simulation(COMM, posed, emulate=emulate) for emulate in (False, True)]
    for each in simulations:
        each.run(Control(COMM, Policy()), lambda _: None, lambda: None)
    if COMM.rank == 0:
        found = [each.recording["theta_mean"] for each in simulations if each.recording]
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("pattern", [DSGD(interval=3), LSGDPP(participants=3, interval=2)])
def test_a_users_method_is_the_built_in_one(pattern: Pattern) -> None:
    """Here momentum once more; and with the bits of one rank alone."""
    own = CustomMethod(path="tests.own_method:HeavyBall", arguments={"beta": 0.8})
    case = Case(Logistic(l2=0.3), 1, pattern=pattern, method=own)
    assert not isinstance(case.update, Fused)
    theta = case.run([0, 1, 2, 10, STEPS])
    expected = Case(Logistic(l2=0.3), 1, pattern=pattern, method=Momentum(beta=0.8))
    np.testing.assert_allclose(theta, expected.run([0, STEPS]), rtol=1e-12, atol=1e-12)
    alone = Case(Logistic(l2=0.3), 1, pattern=pattern, method=own, comm=MPI.COMM_SELF)
    whole = alone.run([0, STEPS])[case.hosted.start : case.hosted.stop]
    np.testing.assert_array_equal(whole, theta)


@pytest.mark.parametrize(
    "pattern",
    [
        DSGD(precision="single"),
        Centralized(interval=4),
        LSGDPP(participants=3, interval=2),
        UnreliableLinks(failure=0.4),
        DropOut(leave=0.3),
    ],
    ids=lambda pattern: type(pattern).__name__,
)
def test_with_every_kind_of_w(pattern: Pattern) -> None:
    case = Case(Logistic(), 1, pattern=pattern, method=Momentum())
    theta = case.run([0, 7, STEPS])
    tolerance = 1e-12 if case.pattern.precision == "double" else 1e-7
    np.testing.assert_allclose(theta, case.expected(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: type(pattern).__name__)
def test_w_mixes_a_state_with_theta_and_leaves_others_alone(pattern: Pattern) -> None:
    topology = nx.connected_watts_strogatz_graph(AGENTS, 4, 0.5, seed=1)
    schedule = pattern.start(from_networkx(topology, "topology"), seed=5)
    layout = Layout.even(AGENTS, COMM.size)
    states = [
        State("tracked", "", 7, mixed=True),
        State("kept", "", 3),
        State("compressed", "", 5, SINGLE),
    ]
    rows = partial(shared_rows, COMM, schedule, layout)
    iterates = Iterates(TRIALS, 4, states, rows)
    mixers = [Mixer(COMM, schedule, each, Meter()) for each in iterates.mixed.values()]
    hosted = layout.hosted(COMM.rank)
    mine = slice(hosted.start, hosted.stop)
    rng = np.random.default_rng(3)
    whole = {
        name: rng.normal(size=(AGENTS, TRIALS, elements))
        for name, elements in {"theta": 4, "tracked": 7, "kept": 3, "compressed": 5}.items()
    }
    for name, values in whole.items():
        iterates[name][:] = values[mine]

    def descend(_: int, __: np.ndarray, gamma: np.ndarray) -> None:
        for _ in gamma:
            iterates["tracked"][:] += 1
            iterates.theta[:] *= 1.1

    update = StepByStep(descend, w_of(mixers), schedule.times)
    update(0, np.empty((8, len(hosted), TRIALS), dtype=np.int32), np.ones(8))
    for mixer in mixers:
        mixer.free()
    for n in range(1, 9):
        W = matrix(schedule, n, AGENTS)
        whole["tracked"] = np.einsum("ij,jtd->itd", W, whole["tracked"] + 1)
        whole["theta"] = np.einsum("ij,jtd->itd", W, whole["theta"] * 1.1)
    assert iterates["compressed"].dtype == SINGLE
    whole["compressed"] = whole["compressed"].astype(SINGLE)
    for name, values in whole.items():
        np.testing.assert_allclose(iterates[name], values[mine], rtol=1e-12, atol=1e-14)
