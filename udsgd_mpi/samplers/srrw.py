"""Self-repellent random walk."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.compiled import inlined, kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Indices, Path, Sampler, Stream, graph_of
from udsgd_mpi.samplers.history import History
from udsgd_mpi.seeding import Purpose, unit
from udsgd_mpi.theory.chains import ReversibleChain, asymptotic_covariance
from udsgd_mpi.theory.noise import Noise

_LARGEST_SPECTRUM = 1000


class SRRW(Sampler, frozen=True, tag="srrw"):
    """Self-repellent walk over the simple random walk (paper, eqs. 89 and 90).

    K_ij[x] ∝ P_ij (x_j / μ_j)^(−α),   x_{n+1} = x_n + β_{n+1} (δ_{X_{n+1}} − x_n),

    with μ ∝ degree, x_0 = 1/B and β_n = (n + 1)^(−b) (Doshi, Hu and Eun, ICML 2023).

    Parameters
    ----------
    alpha
        Strength of the repulsion, α ≥ 0; 0 is the simple random walk.
    b
        Exponent of β_n, in (0.5, 1].
    """

    alpha: Annotated[float, Meta(ge=0)] = 20.0
    b: Annotated[float, Meta(gt=0.5, le=1)] = 0.8
    long_memory: ClassVar[bool] = True

    # On graphs too large for all eigenvectors it is the noise of a history that has converged.
    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        chain = ReversibleChain.simple(graph_of(self, graph))
        if len(chain.law) > _LARGEST_SPECTRUM:
            return Noise.white(asymptotic_covariance(chain, chain.repel(G, self.alpha)))
        values, vectors = chain.spectrum()
        amplitudes = vectors.T @ (chain.law[:, None] * G)
        amplitudes *= np.sqrt(np.maximum(0, 1 + values) / (1 - values))[:, None]
        return Noise(amplitudes, 1 + self.alpha * np.maximum(0, 1 + values), self.b)

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _SRRWPath(self, graph_of(self, graph), stream)


class _SRRWPath(Path):
    """The power (x_j / μ_j)^(−α) of every node is kept as significand · 2^exponent.

    A step takes one logarithm, and no α overflows. The two numbers lie side by side, so that a
    neighbour is one look into memory.
    """

    def __init__(self, law: SRRW, graph: Graph, stream: Stream) -> None:
        self.alpha = law.alpha
        self.graph = graph
        self.stream = stream
        self.next = stream.uniform_start(len(graph))
        self.history = History(stream.trials, len(graph), law.b)
        self.log_target = np.log2(graph.degrees / graph.degrees.sum())
        self.powers = np.empty((*self.history.visits.shape, 2))
        self._compute_powers()

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {"next": self.next, **self.history.memory}

    def recall(self, n: int, memory: Mapping[str, NDArray[Any]]) -> None:
        super().recall(n, memory)
        self._compute_powers()

    def draw(self, out: Indices) -> None:
        bits = self.stream.bits(Purpose.SAMPLING, self.n, len(out))
        done = 0
        while done < len(out):
            gains = self.history.gains(self.n, len(out) - done)
            end = done + len(gains)
            _walk(
                self.graph.offsets,
                self.graph.neighbours,
                self.alpha,
                self.log_target,
                gains,
                bits[done:end],
                self.next,
                self.history.visits,
                self.powers,
                out[done:end],
            )
            if self.history.rescale():
                self._compute_powers()
            self.n += len(gains)
            done = end

    def _compute_powers(self) -> None:
        _all_powers(self.alpha, self.log_target, self.history.visits, self.powers)


@inlined
def _power(alpha: float, visits: float, log_target: float) -> tuple[float, float]:
    """(visits / μ)^(−α) as a significand in [1, 2) and an exponent."""
    logarithm = -alpha * (np.log2(visits) - log_target)
    exponent = np.floor(logarithm)
    return np.exp2(logarithm - exponent), exponent


@inlined
def _power_of_two(exponent: float) -> np.float64:
    """2^exponent for whole exponents up to 0, and 0 below −1022."""
    return np.int64((np.int64(max(exponent, -1023.0)) + 1023) << 52).view(np.float64)


@kernel("void(float64, float64[::1], float64[:, ::1], float64[:, :, ::1])")
def _all_powers(
    alpha: float,
    log_target: NDArray[np.float64],
    visits: NDArray[np.float64],
    powers: NDArray[np.float64],
) -> None:
    trials, points = visits.shape
    for t in range(trials):
        for j in range(points):
            powers[t, j, 0], powers[t, j, 1] = _power(alpha, visits[t, j], log_target[j])


@kernel(
    "void(int64[::1], int32[::1], float64, float64[::1], float64[::1], uint64[:, ::1],"
    " int32[::1], float64[:, ::1], float64[:, :, ::1], int32[:, :])"
)
def _walk(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    alpha: float,
    log_target: NDArray[np.float64],
    gains: NDArray[np.float64],
    bits: NDArray[np.uint64],
    node: Indices,
    visits: NDArray[np.float64],
    powers: NDArray[np.float64],
    out: Indices,
) -> None:
    steps, trials = out.shape
    cumulative = np.empty(np.max(np.diff(offsets)))
    for t in range(trials):
        x = node[t]
        for n in range(steps):
            out[n, t] = x
            first = offsets[x]
            degree = offsets[x + 1] - first

            largest = powers[t, neighbours[first], 1]
            for k in range(1, degree):
                largest = max(largest, powers[t, neighbours[first + k], 1])
            total = 0.0
            for k in range(degree):
                j = neighbours[first + k]
                total += powers[t, j, 0] * _power_of_two(powers[t, j, 1] - largest)
                cumulative[k] = total
            threshold = unit(bits[n, t]) * total
            k = 0
            while cumulative[k] <= threshold:
                k += 1

            x = neighbours[first + k]
            visits[t, x] += gains[n]
            powers[t, x, 0], powers[t, x, 1] = _power(alpha, visits[t, x], log_target[x])
        node[t] = x
