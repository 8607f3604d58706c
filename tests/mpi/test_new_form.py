"""A form of W that is none of the package's own runs by its file and a registration."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from tests.every_pair import experiment
from udsgd_mpi.clock import elapsed
from udsgd_mpi.communication import Average, Layout, MessageTimes, Mixing, Traffic, contraction
from udsgd_mpi.communication.base import InTurn
from udsgd_mpi.communication.codecs import Codec
from udsgd_mpi.engine.draws import Draws
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.sgd import StepByStep, unified_distributed_sgd
from udsgd_mpi.parallel.exchanges import Exchange, Ranks, exchange_of
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import LoneTeam, pose, start_paths
from udsgd_mpi.samplers import Streams
from udsgd_mpi.theory.step_size import CachedStepSize

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
AGENTS = 5


class Mirror(Mixing):
    """W = (I + P)/2, where P turns the order of the agents round."""

    def matrix(self, agents: int) -> np.ndarray:
        return (np.eye(agents) + np.eye(agents)[::-1]) / 2

    def apply(self, half_steps: np.ndarray, mixed: np.ndarray) -> None:
        mixed[:] = (half_steps + half_steps[::-1]) / 2

    def messages(self, agents: int) -> int:
        return agents // 2 * 2

    def advance(self, now: np.ndarray, messages: MessageTimes) -> None:
        agents = np.arange(len(now))
        others = agents != agents[::-1]
        sent = now + messages.busy
        latency = messages.latency.between(agents[::-1], agents)
        now[others] = np.maximum(sent, sent[::-1] + latency)[others]

    def traffic(self, layout: Layout, rank: int, elements: int, codec: Codec) -> Traffic:
        hosted = layout.counts[rank]
        return Traffic(layout.ranks - 1, hosted * (layout.ranks - 1) * codec.row_bytes(elements))


class MirrorExchange(Exchange):
    """Everybody hears everything."""

    def __init__(self, form: Mirror, ranks: Ranks) -> None:
        self._comm, self._array = ranks.comm, ranks.array
        array = ranks.array
        self._traffic = form.traffic(array.layout, array.rank, array.elements, array.codec)

    def __call__(self, number: int) -> Traffic:
        rows = np.concatenate(self._comm.allgather(self._array.rows))
        hosted = self._array.layout.hosted(self._array.rank)
        self._array.rows[:] = ((rows + rows[::-1]) / 2)[hosted.start : hosted.stop]
        return self._traffic


@pytest.fixture
def registered() -> Iterator[None]:
    """The new form, for one test."""
    exchange_of.register(Mirror, MirrorExchange)
    yield
    exchange_of.register(Mirror, exchange_of.dispatch(object))


def schedule() -> InTurn:
    """With one of the package's own beside it."""
    return InTurn(2, [Mirror(), Average(), Mirror()])


@pytest.mark.usefixtures("registered")
def test_ranks_carry_it_out() -> None:
    """Against the two lines of the equation in one process, with W as a dense array."""
    settings = experiment("dsgd", "iid")
    problem = pose(settings, RanksTeam.evenly(COMM, AGENTS))
    recording = simulate(COMM, replace(problem, schedule=schedule()), lambda _: None)
    if recording is None:
        return
    for row, n in enumerate(recording.step.tolist()):
        np.testing.assert_allclose(
            recording["theta"][row].swapaxes(0, 1), by_dense_arrays(n), rtol=1e-10, atol=1e-12
        )


def by_dense_arrays(n: int) -> np.ndarray:
    """θ_n of all agents."""
    settings = experiment("dsgd", "iid")
    alone = pose(settings, LoneTeam(AGENTS))
    trials, d = settings.trials, len(alone.minimizer)
    iterates, Ws = Iterates.alone(AGENTS, trials, d), schedule()

    def mix(time: int) -> None:
        dense = Ws.mixing(time).matrix(AGENTS)
        iterates.theta[:] = np.einsum("ij,jtd->itd", dense, iterates.theta.copy())

    descend = LocalSteps(iterates, settings.method, settings.objective, alone.points, alone.batch)
    paths = start_paths(alone.agents, Streams(settings.seed, np.arange(AGENTS), trials))
    unified_distributed_sgd(
        Draws(paths, alone.first_rows, alone.batch, trials),
        CachedStepSize(settings.step_size),
        StepByStep(descend, mix, Ws.times),
        [n] if n else [],
        lambda _: None,
    )
    return iterates.theta


def test_what_is_asked_of_it_is_answered() -> None:
    # (I + P)/2 shrinks nothing that is even, and J everything.
    assert contraction(schedule(), AGENTS).factor ** 2 == pytest.approx(2 / 3)
    found = elapsed(schedule(), None, AGENTS, 8, np.array([2, 4, 12]))
    assert found.sent.tolist() == [8 * 4, 8 * (4 + 8), 8 * 2 * (4 + 8 + 4)]


def test_one_that_is_not_registered_is_named() -> None:
    problem = pose(experiment("dsgd", "iid"), RanksTeam.evenly(COMM, AGENTS))
    with pytest.raises(TypeError, match="expected a form of W with an exchange, got Mirror"):
        simulate(COMM, replace(problem, schedule=schedule()), lambda _: None)
