"""Weights that a user brings: a matrix W in a text file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.doubly_stochastic import check_doubly_stochastic
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.graphs import Graph
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import content_of, decoded


def read_weights(path: Path, topology: Graph) -> Weights:
    """Doubly stochastic W of a text file: N rows of N numbers, with spaces or commas between.

    Raises
    ------
    ConfigurationError
        If the file can't be read, or W is not N × N, not doubly stochastic, joins agents that
        are not neighbours, or leaves the agents in parts; names the agents.
    """
    name = f"communication.weights {path}"
    content = content_of(path, name)
    try:
        lines = decoded(content).replace(",", " ").splitlines()
        rows = [line.partition("#")[0].split() for line in lines]
        W = np.array([row for row in rows if row], dtype=np.float64, ndmin=2)
    except ValueError as error:
        raise ConfigurationError(f"{name}: expected rows of numbers; {error}") from error
    _check(W, topology, name)
    i, j = np.nonzero(W)
    return Weights.from_entries(len(W), i, j, W[i, j])


def _check(W: NDArray[np.float64], topology: Graph, name: str) -> None:
    from scipy.sparse import csr_array

    n = len(topology)
    check_doubly_stochastic(csr_array(W), n, name)
    neighbours = np.eye(n, dtype=bool)
    tails, heads = topology.arcs
    neighbours[heads, tails] = True
    from scipy.sparse.csgraph import connected_components

    parts, part = connected_components(W != 0)
    if parts > 1:
        other = int(np.flatnonzero(part != part[0])[0])
        raise ConfigurationError(
            f"{name}: expected weights that connect all agents, got {parts} parts: no path leads"
            f" from agent 0 to agent {other}"
        )
    for i, j in np.argwhere((W != 0) & ~neighbours)[:1]:
        raise ConfigurationError(
            f"{name}: expected 0 in row {i}, column {j}, as agent {j} does not tell agent {i}, got"
            f' {W[i, j]:g}; use a topology with that edge, e.g. topology = "complete"'
        )
