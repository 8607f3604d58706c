"""What is public of agents' θ where messages are compressed, and the messages that tell it."""

from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.codecs import Compressed
from udsgd_mpi.communication.compression.base import kernels_of
from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import ROWS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ANNOUNCE = f"void({ROWS}, {ROWS}, {ROWS}, float64)"
_SETTLE = f"void({ROWS}, {ROWS}, float64)"


class Messages(NamedTuple):
    """Q(θ − x̂) of some agents, in one piece of memory.

    Attributes
    ----------
    memory
        All of it, shape (bytes,).
    numbers, codes
        Parts of it, shape (agents, trials, …).
    """

    memory: NDArray[np.uint8]
    numbers: Floats
    codes: NDArray[np.uint8]

    @classmethod
    def room(cls, codec: Compressed, agents: int, trials: int) -> "Messages":
        """For so many agents."""
        memory = np.zeros(codec.row_bytes(agents * trials * codec.d), np.uint8)
        shape = agents, trials, codec.compression.numbers(codec.d)
        numbers, codes = np.split(memory, [prod(shape) * codec.dtype.itemsize])
        of_codes = agents, trials, codec.compression.code_bytes(codec.d)
        return cls(memory, numbers.view(codec.dtype).reshape(shape), codes.reshape(of_codes))

    def copy(self, agents: Integers, to: "Messages") -> None:
        """Copy those of some agents."""
        np.take(self.numbers, agents, axis=0, out=to.numbers, mode="clip")
        np.take(self.codes, agents, axis=0, out=to.codes, mode="clip")


class PublicCopies:
    """x̂ of the hosted agents.

    Parameters
    ----------
    values
        x̂, shape (agents, trials, d).
    private
        Room for what is not public of θ, shape (agents, trials · d).
    agents, trials
        Their numbers.

    Attributes
    ----------
    messages
        What x̂ was last told.
    """

    def __init__(
        self,
        codec: Compressed,
        values: Floats,
        private: Floats,
        seed: int,
        agents: range,
        trials: range,
    ) -> None:
        self.codec = codec
        self.values = values
        self._private = private.reshape(values.shape)
        self._agents = np.array(agents, dtype=np.int64)
        self._seed = np.uint64(seed), np.uint64(trials.start)
        compression, d = codec.compression, codec.d
        self._step = compression.step(d)
        self._bits = compression.code_bits(d)
        self._pack, self._unpack = kernels_of(compression, values.dtype, codec.dtype)
        self._announce, self._settle = _of_type(values.dtype)
        self.messages = Messages.room(codec, len(values), len(trials))

    def publish(self, theta: Floats, number: int) -> None:
        """x̂ ← x̂ + Q(θ − x̂), by which θ is replaced.

        Parameters
        ----------
        theta
            Half-steps, shape (agents, trials, d).
        number
            Of the aggregation.
        """
        messages = self.messages
        told = self._bits, self._agents, *self._seed, number
        self._pack(theta, self.values, messages.numbers, messages.codes, *told)
        self.hear(messages, self._agents, self.values, number)
        self._announce(theta, self.values, self._private, self._step)

    def settle(self, theta: Floats) -> None:
        """θ ← θ_½ + γ (W x̂ − x̂), where W x̂ is in its place."""
        self._settle(theta, self._private, self._step)

    def hear(self, messages: Messages, agents: Integers, public: Floats, number: int) -> None:
        """Bring x̂ of some agents, shape (agents, trials, d), up to date.

        Parameters
        ----------
        agents
            Their numbers.
        number
            Of the aggregation.
        """
        numbers, codes = messages.numbers, messages.codes
        self._unpack(public, numbers, codes, self._bits, agents, *self._seed, number)

    @property
    def kernels(self) -> list[Kernel[..., None]]:
        """Those that it calls."""
        return [self._pack, self._unpack, self._announce, self._settle]


@kernel(_ANNOUNCE)
def _announce(theta: Floats, public: Floats, private: Floats, step: float) -> None:
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                private[i, t, k] = theta[i, t, k] - step * public[i, t, k]
                theta[i, t, k] = public[i, t, k]


@kernel(_SETTLE)
def _settle(theta: Floats, private: Floats, step: float) -> None:
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                theta[i, t, k] = private[i, t, k] + step * theta[i, t, k]


@cache
def _of_type(dtype: np.dtype[Any]) -> tuple[Kernel[..., None], Kernel[..., None]]:
    if dtype == np.float64:
        return _announce, _settle
    single = ROWS.replace("64", "32")
    return _announce.with_types(ROWS, single), _settle.with_types(ROWS, single)
