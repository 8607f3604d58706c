"""A few models that walk over the topology, and learn from the agents where they are."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout, Pattern
from udsgd_mpi.communication.base import InTurn
from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.samplers import MHRW, SRRW, SRW, Streams
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.tokens.hops import Hops
from udsgd_mpi.tokens.places import Places

Floats = NDArray[np.float64]

AnyWalk = SRW | MHRW | SRRW


class Token(Pattern, frozen=True, tag="token"):
    """θ_{n+1} = θ_n − γ_{n+1} ω_i w(X^i_n) ∇F_i(θ_n, X^i_n) with i = A_n, where the model is.

    A model visits the agents by a walk A_n of its own over the topology and takes a step at each,
    with that agent's point; ω_i = 1/(N π_i) by the walk's stationary law π, so that its mean
    gradient is ∇f in the long run. Samplers run on at agents without a model. Models walk
    independently, may share an agent, and what counts is their average (walks on agents:
    Johansson, Rabi and Johansson, SIAM J. Optim. 2009; self-repellent ones: Hu, Doshi and Eun,
    ICLR 2024).

    Parameters
    ----------
    walks
        Number of models.
    sampler
        How they walk: ``"srw"``, ``"mhrw"`` or ``"srrw"``.
    """

    walks: Annotated[int, Meta(ge=1, le=10_000)] = 1
    sampler: AnyWalk = SRW()

    def __post_init__(self) -> None:
        if self.compression is not None or self.precision != "double":
            raise ValueError(
                "expected neither compression nor precision of messages beside token, whose models"
                ' nobody keeps a copy of; leave them out, or use dtype = "float32"'
            )

    @property
    def interval(self) -> int:
        """Every step."""
        return 1

    def start(self, topology: Graph, seed: int) -> "Walking":
        """The schedule, of which ``places`` says where the models are.

        Raises
        ------
        ConfigurationError
            If there is no other agent to go to.
        """
        if len(topology) == 1:
            raise ConfigurationError(
                "communication token: expected 2 agents or more to walk between, got 1"
            )
        return Walking(self, topology, seed)


class Walking(InTurn):
    """Models that move after every step, which those agents take that have one.

    Attributes
    ----------
    walks
        Number of models.
    law
        π of a walk, shape (agents,).
    chain
        The walk, of self-repellent ones the one without repulsion.
    """

    def __init__(self, token: Token, topology: Graph, seed: int) -> None:
        self.walks = token.walks
        self._sampler = token.sampler
        self._topology = topology
        # Not the numbers of the agents' samplers, which have the seed itself.
        self._seed = int(generator(seed, Purpose.MIXING).integers(2**63))
        self.law = token.sampler.stationary_law(len(topology), topology)
        base = SRW() if isinstance(token.sampler, SRRW) else token.sampler
        self.chain = base.chain(topology)
        super().__init__(1, [Hops(self.walks * float(self.chain.flows.sum()))])

    @property
    def mixes(self) -> bool:
        return False

    @property
    def paces(self) -> Floats:
        """ω_i = 1/(N π_i), shape (agents,)."""
        return np.asarray(1 / (len(self.law) * self.law))

    def between(self, layout: Layout) -> float:
        """Mean number of models that change their rank at a step of a trial, in the long run.

        Of self-repellent walks by the walk that they would be without repulsion.
        """
        flows = self.chain.flows.tocoo()
        hosts = layout.host(np.arange(layout.agents))
        across = hosts[flows.coords[0]] != hosts[flows.coords[1]]
        return float(self.walks * flows.data[across].sum())

    def nbytes(self, trials: int) -> int:
        """Bytes that paths of all walks hold on every rank."""
        N = len(self._topology)
        return self.walks * trials * self._sampler.nbytes(N, self._topology)

    def places(self, trials: range) -> Places:
        """Where the models are in some trials."""
        K = self.walks
        streams = Streams(self._seed, np.arange(K), len(trials), trials.start)
        paths = self._sampler.start_all([len(self._topology)] * K, [self._topology] * K, streams)
        return Places(paths, K, len(trials))
