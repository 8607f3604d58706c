"""Agents that step, and neighbours that average, whenever their clocks ring."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.activation.bernoulli import Independent
from udsgd_mpi.communication.base import Flags, InTurn, Pattern, Schedule
from udsgd_mpi.communication.forms.base import Floats, Integers
from udsgd_mpi.communication.forms.links import DRAW_LINKS, Drawing, OnLinks
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, generator, philox, unit

_MIXING = np.uint64(Purpose.MIXING)
_32 = np.uint64(32)

Rate = Annotated[float, Meta(gt=0, le=1000)]


@kernel(DRAW_LINKS)
def rung_alone(number: int, drawing: Drawing) -> None:
    """Links whose clocks ring while no other link of their ends rings.

    ``law`` has the probability that each link rings; ``good`` counts the rings of each agent's
    links, up to two.
    """
    seed, _, first, second, law, _, good, there = drawing
    good[:] = 0
    even = odd = np.uint64(0)
    for e in range(len(there)):
        if e % 2 == 0:
            w0, w1, w2, w3 = philox(
                np.uint64(number), _MIXING, np.uint64(e // 2), np.uint64(0), seed
            )
            even, odd = (w0 << _32) | w1, (w2 << _32) | w3
        there[e] = unit(odd if e % 2 else even) < law[e]
        if there[e]:
            good[first[e]] = min(2, good[first[e]] + 1)
            good[second[e]] = min(2, good[second[e]] + 1)
    for e in range(len(there)):
        there[e] &= (good[first[e]] == 1) & (good[second[e]] == 1)


class AsyncGossip(Pattern, frozen=True, tag="async_gossip"):
    """Each agent and each edge has a Poisson clock; n counts ticks of one unit of time.

    An agent whose clock rings in a tick takes a local step, and then the ends of an edge whose
    clock rings average; two edges that ring in one tick at one agent are in each other's way, and
    neither does. There is no round that anybody waits for (asynchronous gossip: Boyd, Ghosh,
    Prabhakar and Shah, 2006; with local steps: Lian, Zhang, Zhang and Liu, Asynchronous
    decentralized parallel SGD, ICML 2018). The smaller the rates, the nearer ticks are to
    continuous time. γ_n goes by ticks, whoever steps.

    Parameters
    ----------
    step_rate
        Mean number of rings of an agent's clock in a tick; it takes 1 − exp(−``step_rate``) steps a
        tick on average.
    edge_rate
        The same of all edges of an agent together, at most: edge {i, j} has ``edge_rate`` times
        min(1/d_i, 1/d_j).
    """

    step_rate: Rate = 1.0
    edge_rate: Rate = 0.5

    @property
    def interval(self) -> int:
        """Every tick."""
        return 1

    def start(self, topology: Graph, seed: int) -> Schedule:
        return _Ticks(self.step_rate, _Rung(topology, self.edge_rate, seed), seed)


class _Ticks(InTurn):
    """The edges that ring, and the agents that do.

    Parameters
    ----------
    rate
        Of an agent.
    """

    def __init__(self, rate: float, form: "_Rung", seed: int) -> None:
        super().__init__(1, [form])
        p = np.full(len(form.support), -np.expm1(-rate))
        # Not the numbers of an activation, which has the seed itself.
        own = int(generator(seed, Purpose.MIXING).integers(2**63))
        self._stepping = Independent(p, own)

    def active(self, n: int, m: int, agents: Integers | None = None) -> Flags:
        return self._stepping.between(n, m, agents)

    def availability(self, last: int) -> NDArray[np.float64]:
        return self._stepping.shares(last)

    def fluctuations(self) -> NDArray[np.float64]:
        return self._stepping.fluctuations()


class _Rung(OnLinks):
    """Whether a link is taken depends on those beside it: every rank draws all.

    Parameters
    ----------
    rate
        Of the edges of an agent together, at most.
    """

    draw = rung_alone

    def __init__(self, topology: Graph, rate: float, seed: int) -> None:
        super().__init__(topology)
        self._rates: Floats = rate * self.weights  # Metropolis weights are min(1/d_i, 1/d_j)
        super().__init__(topology, weights=0.5)
        self._seed = np.uint64(seed)

    def drawing(self, links: Integers) -> tuple[Drawing, Integers]:
        nothing, agents = np.empty(0, dtype=np.int64), len(self.support)
        rings, there = (np.zeros(size, dtype=np.uint8) for size in (agents, len(self.i)))
        law = -np.expm1(-self._rates)
        drawing = Drawing(self._seed, nothing, self.i, self.j, law, nothing, rings, there)
        return drawing, links

    def second_moment(self, agents: int) -> SecondMoment:
        """E[W²] = E[W] = I − ½ Σ p_e L_e, as W is a projection.

        p_e = (1 − exp(−r_e)) exp(−R_i − R_j + 2 r_e) with r_e the rate of e = {i, j} and R_i that
        of all edges of i.
        """
        from scipy.sparse import eye_array

        r = self._rates
        R = np.bincount(self.i, r, agents) + np.bincount(self.j, r, agents)
        p = -np.expm1(-r) * np.exp(2 * r - R[self.i] - R[self.j])
        rest = eye_array(agents, format="csr") - self.laplacian(p / 2)
        return SecondMoment.of(agents, rest=rest)
