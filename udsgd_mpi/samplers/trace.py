"""Recorded visits, replayed."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import field
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground, GroundSource
from udsgd_mpi.graphs.visits import Visits, VisitsFile
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.samplers.base import DrawingTime, Indices, SamplePaths, Sampler, Streams
from udsgd_mpi.samplers.graph_stack import firsts, joined, unique
from udsgd_mpi.support.file_names import is_of_agents, names_file
from udsgd_mpi.theory.noise import Noise

Integers = NDArray[np.int64]


@kernel("void(int64, int64[::1], int64[::1], int32[::1], int32[:, ::1], int32[:, :, :])")
def _replay(
    first_step: int,
    first_visit: Integers,
    lengths: Integers,
    visits: Indices,
    starts: Indices,
    out: Indices,
) -> None:
    steps, agents, trials = out.shape
    for i in range(agents):
        trace = visits[first_visit[i] : first_visit[i] + lengths[i]]
        for t in range(trials):
            k = (starts[i, t] + first_step) % lengths[i]
            for n in range(steps):
                out[n, i, t] = trace[k]
                k = k + 1 if k + 1 < lengths[i] else 0


class _Replayed(SamplePaths):
    def __init__(
        self,
        law: "Trace",
        _points: Sequence[int],
        traces: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        visits = [visits_of(trace) for trace in traces]
        different, which = unique(visits)
        self.visits = joined([each.points for each in different])
        self.first = firsts(len(each) for each in different)[which]
        self.lengths = np.array([len(each) for each in visits])
        self.starts = streams.uniform_starts(self.lengths)
        if law.start_at == "first":
            self.starts[:] = 0

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {"start": self.starts[k]}

    def draw(self, out: Indices) -> None:
        _replay(self.n, self.first, self.lengths, self.visits, self.starts, out)
        self.n += len(out)


class Trace(Sampler, frozen=True, tag="trace"):
    """X_n = x_{(s + n) mod L}: a recorded sequence x_0, …, x_{L−1} again and again.

    π is the share of each point in it; points that it never visits have weight 0, and f_i is the
    sum over the others divided by the number of all points. With s uniform X is stationary. A sum
    over L steps does not depend on s, so U = 0 and V = 0, as for single shuffling: that is the
    limit for n ≫ L alone. Up to n = L a trial sees an extract of what was recorded; U is then
    estimated along its paths.

    Parameters
    ----------
    path
        Text with an index, counted from 0, on each line, or several with spaces between; or
        NumPy's ``.npy``. Of the agent's points, or batches. ``{agent}`` in it stands for each
        agent's number, ``{agent:02d}`` for 00, 01, ….
    start_at
        ``start`` in experiment files. Where a trial begins: ``"random"``, s uniform; ``"first"``,
        s = 0, so that all trials are the same.
    """

    path: Annotated[str, names_file()]
    start_at: Literal["random", "first"] = field(default="random", name="start")
    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False
    long_memory: ClassVar[bool] = True
    paths: ClassVar[Callable[..., SamplePaths]] = _Replayed
    drawing_time: ClassVar[DrawingTime] = DrawingTime(step=1)

    def __post_init__(self) -> None:
        is_of_agents(self.path)

    def source(self, graph: GroundSource | None) -> GroundSource | None:
        return VisitsFile(self.path)

    def stationary_law(self, points: int, graph: Ground | None) -> NDArray[np.float64]:
        visits = visits_of(graph).points
        return np.bincount(visits, minlength=points) / len(visits)

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return Noise.white(np.zeros((G.shape[1], G.shape[1])))

    def noise_up_to(self, n: int, G: NDArray[np.float64], graph: Ground | None) -> Noise | None:
        return self.noise(G, graph) if n >= len(visits_of(graph)) else None


def visits_of(trace: Ground | None) -> Visits:
    """The visits, which can't be replayed without."""
    if not isinstance(trace, Visits):
        raise TypeError(f"a trace has recorded visits and got {type(trace).__name__}")
    return trace
