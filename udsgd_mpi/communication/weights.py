"""Weights on a topology: rules that give each edge its own."""

import numpy as np

from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.graphs import Graph


def metropolis(topology: Graph) -> Weights:
    """Metropolis–Hastings weights: w_ij = min(1/d_i, 1/d_j) and w_ii = 1 − Σ_j w_ij.

    They are symmetric, hence doubly stochastic (paper, Appendix F.1).
    """
    degrees, (i, j) = topology.degrees, topology.edges
    return Weights.from_edges(len(topology), i, j, 1 / np.maximum(degrees[i], degrees[j]))


def uniform(topology: Graph) -> Weights:
    """Maximum-degree weights: w_ij = 1/(1 + max_k d_k) for neighbours, the rest on the diagonal.

    On the complete graph this is J.
    """
    i, j = topology.edges
    weight = 1 / (1 + topology.degrees.max())
    return Weights.from_edges(len(topology), i, j, np.full(len(i), weight))


def out_degree(topology: Graph) -> Weights:
    """w_ij = 1/(1 + d_j) for j = i and where j tells i; d_j is how many agents j tells.

    An agent has to know nothing but that number. Columns sum to 1, rows need not
    (Nedić and Olshevsky, Stochastic gradient-push for strongly convex functions on time-varying
    directed graphs, IEEE Transactions on Automatic Control, 2016, eq. 3).
    """
    n, (tails, heads) = len(topology), topology.arcs
    own = np.arange(n)
    share = 1 / (1 + np.bincount(tails, minlength=n))
    rows, columns = np.append(heads, own), np.append(tails, own)
    return Weights.from_entries(n, rows, columns, share[columns])


def lazy(weights: Weights) -> Weights:
    """(I + W) / 2, which contracts on every connected topology.

    Metropolis–Hastings weights leave no self-weight on a regular bipartite topology (two agents,
    a ring of even length): there W has the eigenvalue −1 and never brings the agents together.
    """
    n = len(weights)
    diagonal = np.arange(n)
    return Weights.from_entries(
        n,
        np.append(weights.rows, diagonal),
        np.append(weights.columns, diagonal),
        np.append(weights.values / 2, np.full(n, 0.5)),
    )
