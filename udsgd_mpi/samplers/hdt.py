"""History-driven target over the Metropolis–Hastings walk."""

from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import below, fill_with_bits, unit
from udsgd_mpi.samplers.base import KEY, DrawingTime, Indices, Key, SamplePaths, Sampler, graph_of
from udsgd_mpi.samplers.graph_stack import STACK, Stack, graph_of_agent
from udsgd_mpi.samplers.history import HistoryWalks
from udsgd_mpi.samplers.ragged import array_of_agent
from udsgd_mpi.theory.chains import ReversibleChain, asymptotic_covariance
from udsgd_mpi.theory.noise import Noise


@kernel(
    f"void({KEY}, int64, int64, {STACK}, float64, float64[::1], int64[::1], int32[:, ::1],"
    " float64[::1], int32[:, :, :])"
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
    out: Indices,
) -> None:
    # Rows 2n and 2n + 1 of bits propose and accept.
    seed, agents, first_trial = key
    steps, _, trials = out.shape
    bits = np.empty((2 * steps, trials), dtype=np.uint64)
    start = 0
    for i in range(len(agents)):
        fill_with_bits(seed, purpose, agents[i], first_trial, 2 * first, bits)
        offsets, neighbours = graph_of_agent(stack, i)
        node = nodes[i]
        visits = array_of_agent(visits_of_all, start, trials, points[i])
        start += visits.size
        for n in range(steps):
            for t in range(trials):
                x = node[t]
                out[n, i, t] = x
                degree = offsets[x + 1] - offsets[x]
                y = neighbours[offsets[x] + below(bits[2 * n, t], np.uint64(degree))]
                log_ratio = alpha * np.log(visits[t, x] / visits[t, y]) + np.log(
                    degree / (offsets[y + 1] - offsets[y])
                )
                if log_ratio >= 0 or unit(bits[2 * n + 1, t]) < np.exp(log_ratio):
                    x = y
                node[t] = x
                visits[t, x] += gains[n]


class _Walks(HistoryWalks):
    walk = _walk


class HDT(Sampler, frozen=True, tag="hdt"):
    """MHRW for the target ∝ μ_i (x_i / μ_i)^(−α) with μ uniform and x the visit history.

    Only the present and the proposed node are read, so a step costs the same at any degree
    (Hu, Ma and Eun, ICML 2025, arXiv 2505.18300).

    Parameters
    ----------
    alpha
        Strength of the repulsion, α ≥ 0; 0 is the Metropolis–Hastings walk.
    b
        Exponent of β_n, in (0.5, 1].
    """

    alpha: Annotated[float, Meta(ge=0, le=1e6)] = 10.0
    b: Annotated[float, Meta(gt=0.5, le=1)] = 0.8
    degree_biased: ClassVar[bool] = False
    long_memory: ClassVar[bool] = True
    paths: ClassVar[Callable[..., SamplePaths]] = _Walks
    drawing_time: ClassVar[DrawingTime] = DrawingTime(step=26)

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        chain = ReversibleChain.metropolis_hastings(graph_of(self, graph))
        return Noise.white(asymptotic_covariance(chain, G), 1 + self.alpha, self.b)
