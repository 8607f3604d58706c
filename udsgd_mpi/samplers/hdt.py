"""History-driven target over the Metropolis–Hastings walk."""

from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.compiled import kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Cost, Indices, Path, Sampler, Stream, graph_of
from udsgd_mpi.samplers.history import History
from udsgd_mpi.seeding import Purpose, below, unit
from udsgd_mpi.theory.chains import ReversibleChain, asymptotic_covariance
from udsgd_mpi.theory.noise import Noise


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

    alpha: Annotated[float, Meta(ge=0)] = 10.0
    b: Annotated[float, Meta(gt=0.5, le=1)] = 0.8
    degree_biased: ClassVar[bool] = False
    long_memory: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(step=26)

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        chain = ReversibleChain.metropolis_hastings(graph_of(self, graph))
        return Noise.white(asymptotic_covariance(chain, G), 1 + self.alpha, self.b)

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _HDTPath(self, graph_of(self, graph), stream)


class _HDTPath(Path):
    def __init__(self, law: HDT, graph: Graph, stream: Stream) -> None:
        self.alpha = law.alpha
        self.graph = graph
        self.stream = stream
        self.next = stream.uniform_start(len(graph))
        self.history = History(stream.trials, len(graph), law.b)

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {"next": self.next, **self.history.memory}

    def draw(self, out: Indices) -> None:
        bits = self.stream.bits(Purpose.SAMPLING, 2 * self.n, 2 * len(out))
        done = 0
        while done < len(out):
            gains = self.history.gains(self.n, len(out) - done)
            end = done + len(gains)
            _walk(
                self.graph.offsets,
                self.graph.neighbours,
                self.alpha,
                gains,
                bits[2 * done : 2 * end],
                self.next,
                self.history.visits,
                out[done:end],
            )
            self.history.rescale()
            self.n += len(gains)
            done = end


@kernel(
    "void(int64[::1], int32[::1], float64, float64[::1], uint64[:, ::1], int32[::1],"
    " float64[:, ::1], int32[:, :])"
)
def _walk(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    alpha: float,
    gains: NDArray[np.float64],
    bits: NDArray[np.uint64],
    node: Indices,
    visits: NDArray[np.float64],
    out: Indices,
) -> None:
    # Rows 2n and 2n + 1 of bits propose and accept.
    steps, trials = out.shape
    for n in range(steps):
        for t in range(trials):
            x = node[t]
            out[n, t] = x
            degree = offsets[x + 1] - offsets[x]
            y = neighbours[offsets[x] + below(bits[2 * n, t], np.uint64(degree))]
            log_ratio = alpha * np.log(visits[t, x] / visits[t, y]) + np.log(
                degree / (offsets[y + 1] - offsets[y])
            )
            if log_ratio >= 0 or unit(bits[2 * n + 1, t]) < np.exp(log_ratio):
                x = y
            node[t] = x
            visits[t, x] += gains[n]
