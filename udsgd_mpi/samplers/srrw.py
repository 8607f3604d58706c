"""Self-repellent random walk."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.compiled import inlined, kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Cost, Indices, Path, Sampler, Stream, graph_of
from udsgd_mpi.samplers.history import History
from udsgd_mpi.seeding import Purpose, unit
from udsgd_mpi.theory.chains import ReversibleChain, asymptotic_covariance
from udsgd_mpi.theory.noise import Noise

_LARGEST_SPECTRUM = 1000

# Powers: bits of the significand, the greatest exponent, and the bits of the number 1.
_SHIFT = 43
_LARGEST_EXPONENT = 2.0**19
_ONE = 1023 << 52
_SMALLEST = -1023 << _SHIFT  # relative to the largest; becomes 0


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
    cost: ClassVar[Cost] = Cost(step=40, neighbour=2)

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
    """One integer holds the power (x_j / μ_j)^(−α) of a node as significand · 2^exponent.

    A step takes one logarithm, and no α overflows. The greater power is the greater integer, and
    shifting the bits of the difference from the greatest makes it a floating-point number.
    """

    def __init__(self, law: SRRW, graph: Graph, stream: Stream) -> None:
        self.alpha = law.alpha
        self.graph = graph
        self.stream = stream
        self.next = stream.uniform_start(len(graph))
        self.history = History(stream.trials, len(graph), law.b)
        self.log_target = np.log2(graph.degrees / graph.degrees.sum())
        self.powers = np.empty(self.history.visits.shape, dtype=np.int64)
        self._compute_powers()

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {"next": self.next, **self.history.memory}

    @property
    def nbytes(self) -> int:
        return super().nbytes + self.powers.nbytes

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
def _power(alpha: float, visits: float, log_target: float) -> np.int64:
    """(visits / μ)^(−α) with a significand of 43 bits below an exponent of 20."""
    logarithm = -alpha * (np.log2(visits) - log_target)
    exponent = np.floor(min(max(logarithm, -_LARGEST_EXPONENT), _LARGEST_EXPONENT))
    significand = np.float64(np.exp2(min(max(logarithm - exponent, 0.0), 1.0)))
    return (np.int64(exponent) << _SHIFT) + ((significand.view(np.int64) - _ONE) >> (52 - _SHIFT))


@kernel("void(float64, float64[::1], float64[:, ::1], int64[:, ::1])")
def _all_powers(
    alpha: float,
    log_target: NDArray[np.float64],
    visits: NDArray[np.float64],
    powers: NDArray[np.int64],
) -> None:
    trials, points = visits.shape
    for t in range(trials):
        for j in range(points):
            powers[t, j] = _power(alpha, visits[t, j], log_target[j])


@kernel(
    "void(int64[::1], int32[::1], float64, float64[::1], float64[::1], uint64[:, ::1],"
    " int32[::1], float64[:, ::1], int64[:, ::1], int32[:, :])"
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
    powers: NDArray[np.int64],
    out: Indices,
) -> None:
    # Weights are added up in eights, whose sums do not wait for each other.
    steps, trials = out.shape
    eights = np.max(np.diff(offsets)) // 8 + 2
    shifted = np.empty(8 * eights, dtype=np.int64)
    weights = shifted.view(np.float64)
    cumulative = np.empty(eights)
    for t in range(trials):
        x = node[t]
        for n in range(steps):
            out[n, t] = x
            first = offsets[x]
            degree = offsets[x + 1] - first

            largest = powers[t, neighbours[first]]
            for k in range(degree):
                power = powers[t, neighbours[first + k]]
                shifted[k] = power
                largest = max(largest, power)
            largest = largest >> _SHIFT << _SHIFT
            for k in range(degree):
                power = max(shifted[k] - largest, _SMALLEST)
                shifted[k] = (power << (52 - _SHIFT)) + _ONE
            for k in range(degree, degree + 7):
                shifted[k] = 0
            total = 0.0
            for k in range((degree + 7) // 8):
                w = weights[8 * k : 8 * k + 8]
                total += ((w[0] + w[1]) + (w[2] + w[3])) + ((w[4] + w[5]) + (w[6] + w[7]))
                cumulative[k] = total
            threshold = unit(bits[n, t]) * total
            k = 0
            while cumulative[k] <= threshold:
                k += 1
            if k > 0:
                threshold -= cumulative[k - 1]
            k = 8 * k
            last = min(k + 8, degree) - 1
            while k < last and weights[k] <= threshold:
                threshold -= weights[k]
                k += 1

            x = neighbours[first + k]
            visits[t, x] += gains[n]
            powers[t, x] = _power(alpha, visits[t, x], log_target[x])
        node[t] = x
