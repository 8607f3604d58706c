"""The data graphs of some agents in one piece of memory, as kernels read them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.compiled import inlined

T = TypeVar("T")

Integers = NDArray[np.int64]

STACK = "Tuple((int64[::1], int64[::1], int64[::1], int32[::1]))"
Stack = tuple[Integers, Integers, Integers, NDArray[np.int32]]


class GraphStack(NamedTuple):
    """Graphs back to back; a graph that agents share is stored once.

    Attributes
    ----------
    first_node, first_arc
        Where the graph of each agent begins among the offsets, and among the neighbours; shape
        (agents,).
    offsets, neighbours
        Those of the graphs.
    """

    first_node: Integers
    first_arc: Integers
    offsets: Integers
    neighbours: NDArray[np.int32]

    @classmethod
    def of(cls, graphs: Sequence[Graph]) -> "GraphStack":
        """The graphs of agents, in their order."""
        different, which = unique(graphs)
        return cls(
            firsts(len(graph.offsets) for graph in different)[which],
            firsts(len(graph.neighbours) for graph in different)[which],
            joined([graph.offsets for graph in different]),
            joined([graph.neighbours for graph in different]),
        )

    @property
    def arrays(self) -> Stack:
        """All of it, of type ``STACK``."""
        return self.first_node, self.first_arc, self.offsets, self.neighbours


def unique(grounds: Sequence[T]) -> tuple[list[T], Integers]:
    """Each graph, or what else agents share, once, as it first comes; and which agents have."""
    different = {id(ground): ground for ground in grounds}
    place = {key: k for k, key in enumerate(different)}
    return list(different.values()), np.array([place[id(ground)] for ground in grounds])


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays one after the other; no copy of one alone."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def firsts(lengths: Iterable[int]) -> Integers:
    """Where each of some arrays begins once they are joined."""
    return np.append(0, np.cumsum([*lengths])[:-1])


@inlined
def graph_of_agent(stack: Stack, i: int) -> tuple[Integers, NDArray[np.int32]]:
    """Offsets and neighbours of the graph of the i-th agent, and what comes after them."""
    return stack[2][stack[0][i] :], stack[3][stack[1][i] :]
