"""What the agents of a rank carry from step to step: their θ, and further state."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.communication.codecs import EXACT, Codec, Compressed
from udsgd_mpi.engine.history import History
from udsgd_mpi.engine.host_memory import DOUBLE, HostMemory
from udsgd_mpi.engine.public_copies import PublicCopies
from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.kernels.rounding import restore
from udsgd_mpi.methods import State

Floats = NDArray[np.float64]

THETA = "theta"
PUBLIC = "public"
HISTORY = "history"


class MixedRows:
    """An array that W mixes, in two alternating buffers: one before mixing, one after it.

    The first rows belong to the agents that the rank hosts; the rows after them receive copies
    of other agents' half-steps.

    Parameters
    ----------
    copies
        Number of rows for copies.
    shape
        Of what an agent has, (trials, d) for θ.
    memory
        Where the buffers lie, a section of it; by default in memory of this rank alone.
    codec
        Of messages; ``round_off`` rounds rows to what it carries.
    dtype
        Type of the numbers here.
    staleness
        How many aggregations ago what W mixes may have been made.

    Attributes
    ----------
    agents, elements
        How many the rank hosts, and how many numbers each of them has.
    buffers
        Shape (agents + copies, elements) each.
    present
        Which of them holds the present values; ``swap`` alone changes it.
    lost
        What others do not know of the hosted agents' rows; without rows where that is nothing.
    public
        What they know where messages are compressed; None elsewhere.
    history
        Half-steps of earlier aggregations, in the order of the rows; None where all are new.
    """

    def __init__(
        self,
        layout: Layout,
        rank: int,
        copies: int,
        shape: tuple[int, ...],
        memory: HostMemory | None = None,
        codec: Codec = EXACT,
        dtype: np.dtype[Any] = DOUBLE,
        staleness: int = 0,
    ) -> None:
        self.layout = layout
        self.rank = rank
        self.agents = len(layout.hosted(rank))
        self.elements = prod(shape)
        self.codec = codec
        rows = self.agents + copies
        self.memory = memory or HostMemory.private(rank, rows, self.elements, dtype)
        first = self.memory.first[rank]
        one, other = (buffer[first : first + rows] for buffer in self.memory.buffers)
        self.buffers = (one, other)
        self.present = 0
        self.lost = np.empty((0 if codec.exact else self.agents, self.elements), dtype)
        self.public: PublicCopies | None = None
        self.history = History(staleness, rows, self.elements, dtype) if staleness else None
        self._shape = (self.agents, *shape)

    def swap(self, times: int = 1) -> None:
        """Make the buffer that has been mixed the present one."""
        self.present = (self.present + times) % 2

    @property
    def values(self) -> Floats:
        """Present values of the hosted agents, shape (agents, …); a view."""
        return self.rows.reshape(self._shape)

    @property
    def rows(self) -> Floats:
        """The same, shape (agents, elements); a view."""
        return self.half_steps[: self.agents]

    @property
    def half_steps(self) -> Floats:
        """Present values, with the copies of others'."""
        return self.buffers[self.present]

    @property
    def mixed(self) -> Floats:
        """The buffer that receives the mixed values."""
        return self.buffers[1 - self.present]

    @property
    def in_memory(self) -> Floats:
        """Present values of all agents that this rank can read, in the memory of its host."""
        return self.memory.buffers[self.present]

    @property
    def row_bytes(self) -> int:
        """Bytes of an agent's row, as it is sent."""
        return self.codec.row_bytes(self.elements)

    @property
    def kept(self) -> dict[str, Floats]:
        """Half-steps of the hosted agents in the history, by name, as ``values``; views."""
        past = self.history.past[:, : self.agents] if self.history else ()
        return {f"{HISTORY}_{k}": rows.reshape(self._shape) for k, rows in enumerate(past)}

    def publish(self, number: int) -> None:
        """Make the present values what others know of them, and keep what they lose.

        Parameters
        ----------
        number
            Of the aggregation.
        """
        if self.public is not None:
            self.public.publish(self.values, number)
        elif len(self.lost):
            self.codec.quantize(self.rows, self.lost)

    def restore(self) -> None:
        """Give back to the mixed values what others do not know."""
        if self.public is not None:
            self.public.settle(self.values)
        elif len(self.lost):
            restore(self.rows, self.lost)


class Iterates:
    """θ of the agents of a rank at the present step, and further state.

    Parameters
    ----------
    states
        What is beside it.
    rows
        Makes what W mixes, given the shape of what an agent has.

    Attributes
    ----------
    mixed
        θ and the states that W mixes, by name.
    """

    def __init__(
        self,
        trials: int,
        d: int,
        states: Sequence[State],
        rows: Callable[[tuple[int, int]], MixedRows],
    ) -> None:
        self._states = states
        mixed = {each.name: rows((trials, each.elements)) for each in states if each.mixed}
        self.mixed = {THETA: rows((trials, d)), **mixed}
        self.layout = self.mixed[THETA].layout
        kept, agents = self.mixed[THETA].kept, self.mixed[THETA].agents
        self._local: dict[str, NDArray[Any]] = {
            each.name: kept[each.name]
            if each.name in kept
            else aligned_zeros((agents, trials, each.elements), each.dtype)
            for each in states
            if not each.mixed
        }
        for each in states:
            if self[each.name].dtype != each.dtype:
                message = f"{each.name}: what W mixes is of θ's type, got {each.dtype}"
                raise ValueError(message)
            self[each.name][:] = each.initial

    @classmethod
    def alone(
        cls,
        agents: int,
        trials: int,
        d: int,
        states: Sequence[State] = (),
        codec: Codec = EXACT,
        dtype: np.dtype[Any] = DOUBLE,
    ) -> "Iterates":
        """All agents in one process."""
        rows = partial(MixedRows, Layout.even(agents, 1), 0, 0, codec=codec, dtype=dtype)
        return cls(trials, d, states, rows)

    def compress(self, seed: int, agents: range, trials: range) -> None:
        """Let messages of θ be compressed where their codec does that.

        Parameters
        ----------
        seed
            Of what is drawn for it.
        agents, trials
            Numbers of the hosted agents, and of the trials.
        """
        theta = self.mixed[THETA]
        if isinstance(codec := theta.codec, Compressed):
            public = self._local[PUBLIC]
            theta.public = PublicCopies(codec, public, theta.lost, seed, agents, trials)

    def begin(self, start: NDArray[np.floating[Any]]) -> None:
        """Let all be at θ_0, shape (trials, d), and have been there."""
        self.theta[:] = start
        if history := self.mixed[THETA].history:
            history.begin(start.reshape(-1))

    @property
    def theta(self) -> Floats:
        """θ_n, shape (agents, trials, d); a view, until the next exchange."""
        return self.mixed[THETA].values

    def __getitem__(self, name: str) -> NDArray[Any]:
        """θ, or a state of shape (agents, trials, elements); a view, until the next exchange."""
        return self.mixed[name].values if name in self.mixed else self._local[name]

    @property
    def names(self) -> list[str]:
        """Of θ and all states."""
        return [THETA, *(each.name for each in self._states)]

    def of_agent(self, i: int) -> dict[str, NDArray[Any]]:
        """All that the i-th hosted agent has, by name, shape (trials, elements) each; views."""
        return {name: self[name][i] for name in self.names}
