"""Walks of some agents on their data graphs."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import Kernel
from udsgd_mpi.kernels.random_numbers import Purpose
from udsgd_mpi.samplers.base import KEY, Indices, SamplePaths, Sampler, Streams, graph_of
from udsgd_mpi.samplers.graph_stack import STACK, GraphStack

WALK = f"void({KEY}, int64, int64, {STACK}, int32[:, ::1], int32[:, :, :])"


class Walks(SamplePaths):
    """Walks from node to neighbour.

    Attributes
    ----------
    walk
        The kernel that takes their steps; of the signature ``WALK`` where ``draw`` is this one.
    graphs, points
        Of each agent; points are the nodes of its graph.
    next
        The next node of each agent in each trial, shape (agents, trials).
    """

    walk: ClassVar[Kernel[..., None]]

    def __init__(
        self,
        law: Sampler,
        _points: Sequence[int],
        graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        walked = [graph_of(law, graph) for graph in graphs]
        self.graphs = walked
        self.stack = GraphStack.of(walked).arrays
        self.points = np.array([len(graph) for graph in walked])
        self.streams = streams
        self.next = streams.uniform_starts(self.points)

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {"next": self.next[k]}

    def draw(self, out: Indices) -> None:
        self.walk(self.streams.key, Purpose.SAMPLING, self.n, self.stack, self.next, out)
        self.n += len(out)
