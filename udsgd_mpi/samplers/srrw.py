"""Self-repellent random walk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import inlined, kernel
from udsgd_mpi.kernels.random_numbers import fill_with_bits, unit
from udsgd_mpi.samplers.base import (
    KEY,
    DrawingTime,
    Indices,
    Key,
    SamplePaths,
    Sampler,
    Streams,
    graph_of,
)
from udsgd_mpi.samplers.graph_stack import STACK, Stack, graph_of_agent, joined
from udsgd_mpi.samplers.history import HistoryWalks
from udsgd_mpi.samplers.ragged import array_of_agent
from udsgd_mpi.theory.chains import ReversibleChain, asymptotic_covariance
from udsgd_mpi.theory.noise import Noise

_LARGEST_SPECTRUM = 1000

# Powers: bits of the significand, the greatest exponent, and the bits of the number 1.
_SHIFT = 43
_LARGEST_EXPONENT = 2.0**19
_ONE = 1023 << 52
_SMALLEST = -1023 << _SHIFT  # relative to the largest; becomes 0


@inlined
def _power(alpha: float, visits: float, log_target: float) -> np.int64:
    """(visits / μ)^(−α) with a significand of 43 bits below an exponent of 20."""
    logarithm = -alpha * (np.log2(visits) - log_target)
    exponent = np.floor(min(max(logarithm, -_LARGEST_EXPONENT), _LARGEST_EXPONENT))
    significand = np.float64(np.exp2(min(max(logarithm - exponent, 0.0), 1.0)))
    return (np.int64(exponent) << _SHIFT) + ((significand.view(np.int64) - _ONE) >> (52 - _SHIFT))


@kernel("void(float64, float64[::1], int64[::1], int64, float64[::1], int64[::1])")
def _all_powers(
    alpha: float,
    log_targets: NDArray[np.float64],
    points: NDArray[np.int64],
    trials: int,
    visits: NDArray[np.float64],
    powers: NDArray[np.int64],
) -> None:
    target, k = 0, 0
    for i in range(len(points)):
        for _ in range(trials):
            for j in range(points[i]):
                powers[k] = _power(alpha, visits[k], log_targets[target + j])
                k += 1
        target += points[i]


@inlined
def _walk_of_agent(
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


@kernel(
    f"void({KEY}, int64, int64, {STACK}, float64, float64[::1], int64[::1], int32[:, ::1],"
    " float64[::1], float64[::1], int64[::1], int32[:, :, :])"
)
def _walk(
    key: Key,
    purpose: int,
    first: int,
    stack: Stack,
    alpha: float,
    gains: NDArray[np.float64],
    points: NDArray[np.int64],
    nodes: Indices,
    visits_of_all: NDArray[np.float64],
    log_targets: NDArray[np.float64],
    powers_of_all: NDArray[np.int64],
    out: Indices,
) -> None:
    seed, agents, first_trial = key
    steps, _, trials = out.shape
    bits = np.empty((steps, trials), dtype=np.uint64)
    start, target = 0, 0
    for i in range(len(agents)):
        fill_with_bits(seed, purpose, agents[i], first_trial, first, bits)
        offsets, neighbours = graph_of_agent(stack, i)
        visits = array_of_agent(visits_of_all, start, trials, points[i])
        powers = array_of_agent(powers_of_all, start, trials, points[i])
        log_target = log_targets[target : target + points[i]]
        start += visits.size
        target += points[i]
        _walk_of_agent(
            offsets[: points[i] + 1],
            neighbours,
            alpha,
            log_target,
            gains,
            bits,
            nodes[i],
            visits,
            powers,
            out[:, i],
        )


class _Walks(HistoryWalks):
    """One integer holds the power (x_j / μ_j)^(−α) of a node as significand · 2^exponent.

    A step takes one logarithm, and no α overflows. The greater power is the greater integer, and
    shifting the bits of the difference from the greatest makes it a floating-point number.
    """

    walk = _walk

    def __init__(
        self,
        law: "SRRW",
        points: Sequence[int],
        graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        super().__init__(law, points, graphs, streams)
        log_targets = joined(
            [np.log2(graph.degrees / graph.degrees.sum()) for graph in self.graphs]
        )
        self.more = log_targets, np.empty(len(self.visits.flat), dtype=np.int64)
        self.rescaled()

    def recall(self, n: int, memories: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        super().recall(n, memories)
        self.rescaled()

    def rescaled(self) -> None:
        """Compute all powers."""
        log_targets, powers = self.more
        trials, visits = self.streams.trials, self.visits.flat
        _all_powers(self._law.alpha, log_targets, self.points, trials, visits, powers)


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

    alpha: Annotated[float, Meta(ge=0, le=1e6)] = 20.0
    b: Annotated[float, Meta(gt=0.5, le=1)] = 0.8
    long_memory: ClassVar[bool] = True
    paths: ClassVar[Callable[..., SamplePaths]] = _Walks
    drawing_time: ClassVar[DrawingTime] = DrawingTime(step=40, neighbour=2)

    # On graphs too large for all eigenvectors it is the noise of a history that has converged.
    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        chain = ReversibleChain.simple(graph_of(self, graph))
        if len(chain.law) > _LARGEST_SPECTRUM:
            return Noise.white(asymptotic_covariance(chain, chain.repel(G, self.alpha)))
        values, vectors = chain.spectrum()
        amplitudes = vectors.T @ (chain.law[:, None] * G)
        amplitudes *= np.sqrt(np.maximum(0, 1 + values) / (1 - values))[:, None]
        return Noise(amplitudes, 1 + self.alpha * np.maximum(0, 1 + values), self.b)

    def nbytes(self, points: int, graph: Ground | None) -> int:
        return super().nbytes(points, graph) + 8 * points  # powers
