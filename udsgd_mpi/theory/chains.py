"""Markov chains on data graphs, and their asymptotic covariances.

U = lim n Cov((1/n) Σ_s g(X_s)) = Gᵀ D M + Mᵀ D G − Gᵀ D G, where the rows of G are g(x) − E_π g,
D = diag(π), and M = Σ_k P^k G solves Poisson's equation (I − P) M = G with πᵀ M = 0; M is Z G
with the fundamental matrix Z = (I − P + 1πᵀ)⁻¹ (paper, eqs. 4 and 5), which is never formed
for large graphs.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.transitions import TransitionMatrix
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.noise import Noise

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

Floats = NDArray[np.float64]

LARGEST_DENSE = 600
_LARGEST_SOLVED = 10_000  # states; beyond it a factorisation may take gigabytes
_MOST_ITERATIONS, _CONVERGED = 100_000, 1e-14


class Chain(Protocol):
    """A stationary chain whose states show points."""

    def lift(self, G: Floats) -> Floats:
        """Values on states from values on points, shape (states, d)."""

    @property
    def law(self) -> Floats:
        """Stationary law of the states, shape (states,)."""

    def poisson(self, G: Floats) -> Floats:
        """M with (I − P) M = G and πᵀ M = 0, for G with πᵀ G = 0; shape (states, d)."""

    def first_step(self, start: Floats) -> Floats:
        """Masses of the states that show X_1, from those of the points of X_0."""

    def step(self, masses: Floats) -> Floats:
        """Masses of the states a step later, shape (states,)."""

    def on_points(self, M: Floats) -> Floats:
        """Σ π_s M(s) over the states s that show each point, shape (points, d)."""

    @property
    def backward(self) -> "csr_array | None":
        """The chain in reversed time, π_y P_yx / π_x; None where the past says nothing."""


def asymptotic_covariance(chain: Chain, G: Floats) -> Floats:
    """U of a chain for values G of the points, shape (points, d), whose mean under π is 0.

    Returns
    -------
    U, shape (d, d); symmetric.
    """
    on_states = chain.lift(G)
    return _covariance(chain, on_states, chain.poisson(on_states))


def noise_of_walk(chain: Chain, G: Floats) -> Noise:
    """What a walk without a history does to θ; see ``asymptotic_covariance``.

    Its lag follows from Poisson's equation for M, as Σ_k k P^k G = Σ_k P^k M − M.
    """
    on_states = chain.lift(G)
    M = chain.poisson(on_states)
    noise = Noise.white(_covariance(chain, on_states, M))
    later = chain.law[:, None] * (chain.poisson(M) - M)
    total = float((noise.amplitudes**2).sum())
    return replace(noise, lag=2 * float((on_states * later).sum()) / total if total > 0 else 0.0)


def _covariance(chain: Chain, on_states: Floats, M: Floats) -> Floats:
    weighted = chain.law[:, None] * on_states
    half = weighted.T @ M
    return np.asarray(half + half.T - on_states.T @ weighted)


@dataclass(frozen=True)
class IndependentDraws:
    """No memory at all.

    Attributes
    ----------
    law
        π, shape (points,).
    """

    law: Floats
    backward: ClassVar[None] = None

    def lift(self, G: Floats) -> Floats:
        return G

    def poisson(self, G: Floats) -> Floats:
        return G

    def first_step(self, start: Floats) -> Floats:
        return self.step(start)

    def step(self, masses: Floats) -> Floats:
        return np.asarray(masses.sum() * self.law)

    def on_points(self, M: Floats) -> Floats:
        return self.law[:, None] * M


@dataclass(frozen=True)
class ReversibleChain:
    """A chain on the nodes of a graph with π_x P_xy = π_y P_yx.

    Attributes
    ----------
    flows
        π_x P_xy for x ≠ y, shape (n, n); symmetric.
    law
        π, shape (n,).
    """

    flows: "csr_array"
    law: Floats

    @classmethod
    def simple(cls, graph: Graph) -> "ReversibleChain":
        """Simple random walk: uniform neighbours."""
        return cls._from_arcs(graph, np.full(len(graph.neighbours), 1 / len(graph.neighbours)))

    @classmethod
    def metropolis_hastings(cls, graph: Graph) -> "ReversibleChain":
        """Metropolis–Hastings walk to the uniform law: P_xy = min(1/deg x, 1/deg y)."""
        tails = np.repeat(graph.degrees, graph.degrees)
        heads = graph.degrees[graph.neighbours]
        return cls._from_arcs(graph, 1 / np.maximum(tails, heads) / len(graph), uniform=True)

    @classmethod
    def _from_arcs(cls, graph: Graph, flows: Floats, *, uniform: bool = False) -> "ReversibleChain":
        from scipy.sparse import csr_array

        n = len(graph)
        law = np.full(n, 1 / n) if uniform else graph.degrees / len(graph.neighbours)
        return cls(csr_array((flows, graph.neighbours, graph.offsets), shape=(n, n)), law)

    def lift(self, G: Floats) -> Floats:
        return G

    def poisson(self, G: Floats) -> Floats:
        # D (I − P) is a Laplacian; without one node it is positive definite.
        laplacian = -self.flows
        laplacian.setdiag(self.flows.sum(axis=1))
        M = np.zeros_like(G)
        M[1:] = _solve(laplacian.tocsc()[1:, 1:], self.law[1:, None] * G[1:])
        return np.asarray(M - self.law @ M)

    def first_step(self, start: Floats) -> Floats:
        return self.step(start)

    def step(self, masses: Floats) -> Floats:
        shares = masses / self.law
        return np.asarray(masses - shares * self.flows.sum(axis=1) + self.flows @ shares)

    def on_points(self, M: Floats) -> Floats:
        return self.law[:, None] * M

    @property
    def backward(self) -> "csr_array":
        from scipy.sparse import diags_array

        moves = diags_array(1 / self.law) @ self.flows
        return (moves + diags_array(1 - moves.sum(axis=1))).tocsr()

    def repel(self, G: Floats, alpha: float) -> Floats:
        """(α(I + P) + I)⁻¹ G: what self-repulsion makes of G in the long run."""
        matrix = alpha * self.flows
        matrix.setdiag((2 * alpha + 1) * self.law - alpha * self.flows.sum(axis=1))
        return _solve(matrix.tocsc(), self.law[:, None] * G)

    def spectrum(self) -> tuple[Floats, Floats]:
        """Eigenvalues λ_k of P except the largest, which is 1, and eigenvectors.

        Returns
        -------
        λ, shape (n − 1,), ascending, and Φ with Φᵀ D Φ = I, shape (n, n − 1).
        """
        root = np.sqrt(self.law)
        symmetric = self.flows.toarray() / np.outer(root, root)
        np.fill_diagonal(symmetric, 1 - self.flows.sum(axis=1) / self.law)
        values, vectors = np.linalg.eigh(symmetric)
        return values[:-1], vectors[:, :-1] / root[:, None]


@dataclass(frozen=True)
class NonBacktrackingChain:
    """The non-backtracking walk on the arcs of a graph; an arc shows the point at its head.

    Its law is uniform on the arcs. With S_j = Σ_k M(j → k), Poisson's equation reads

        M(i → j) + b_j M(j → i) = G(j) + s_j S_j,

    where s_j = b_j = 1/(deg j − 1), or s_j = 1 and b_j = 0 at a node of degree 1. The equations of
    i → j and j → i give both M by S, unless b_i b_j = 1, which is where both degrees are 2. So the
    unknowns are S and those M: a sparse system hardly larger than the graph.
    """

    graph: Graph

    def lift(self, G: Floats) -> Floats:
        return G[self.graph.neighbours]

    @property
    def law(self) -> Floats:
        """Uniform on the arcs, shape (arcs,)."""
        arcs = len(self.graph.neighbours)
        return np.full(arcs, 1 / arcs)

    def poisson(self, G: Floats) -> Floats:
        from scipy.sparse import csc_array

        graph = self.graph
        if (graph.degrees == 2).all():
            return self._along_the_cycle(G)
        n, arcs = len(graph), len(graph.neighbours)
        tails, heads = np.repeat(np.arange(n), graph.degrees), graph.neighbours
        reverse = graph.reverse_arcs()
        leaf = graph.degrees == 1
        s = np.where(leaf, 1, 1 / np.maximum(1, graph.degrees - 1))
        b = np.where(leaf, 0, s)
        determinant = 1 - b[tails] * b[heads]
        kept = np.flatnonzero(determinant == 0)
        gone = np.flatnonzero(determinant != 0)
        place = np.zeros(arcs, dtype=np.int64)
        place[kept] = n + np.arange(len(kept))
        i, j, scale = tails[gone], heads[gone], 1 / determinant[gone]
        node, own = np.arange(n), place[kept]
        entries = (
            (node, node, np.ones(n)),
            (i, i, b[j] * s[i] * scale),
            (i, j, -s[j] * scale),
            (tails[kept], own, -np.ones(len(kept))),
            (own, own, np.ones(len(kept))),
            (own, place[reverse[kept]], b[heads[kept]]),
            (own, heads[kept], -s[heads[kept]]),
        )
        rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        size = n + len(kept)
        right = np.zeros((size, G.shape[1]))
        np.add.at(right, i, (G[gone] - b[j, None] * G[reverse[gone]]) * scale[:, None])
        right[n:] = G[kept]
        # The sum of all equations is 0 = 0: instead of the first let S of node 0 be 0.
        rest = rows != 0
        rows, columns = np.append(rows[rest], 0), np.append(columns[rest], 0)
        matrix = csc_array((np.append(values[rest], 1.0), (rows, columns)), shape=(size, size))
        right[0] = 0
        solved = _solve(matrix, right)
        M = np.empty_like(G)
        M[kept] = solved[n:]
        by_head = G[gone] + s[j, None] * solved[j]
        by_tail = G[reverse[gone]] + s[i, None] * solved[i]
        M[gone] = (by_head - b[j, None] * by_tail) * scale[:, None]
        return np.asarray(M - M.mean(axis=0))

    def first_step(self, start: Floats) -> Floats:
        graph = self.graph
        return np.asarray(np.repeat(start / graph.degrees, graph.degrees))

    def step(self, masses: Floats) -> Floats:
        graph = self.graph
        arrived = np.bincount(graph.neighbours, masses, minlength=len(graph))
        back = masses[graph.reverse_arcs()]
        degrees = np.repeat(graph.degrees, graph.degrees)
        # From a leaf the only way is back.
        others = np.repeat(arrived, graph.degrees) - np.where(degrees > 1, back, 0)
        return np.asarray(others / np.maximum(1, degrees - 1))

    def on_points(self, M: Floats) -> Floats:
        points = np.zeros((len(self.graph), M.shape[1]))
        np.add.at(points, self.graph.neighbours, M / len(M))
        return points

    @property
    def backward(self) -> "csr_array":
        from scipy.sparse import csr_array

        graph = self.graph
        following = graph.degrees[graph.neighbours]  # how many arcs begin where each one ends
        arcs = np.repeat(np.arange(len(following)), following)
        place = np.arange(len(arcs)) - np.repeat(np.cumsum(following) - following, following)
        after = graph.offsets[graph.neighbours][arcs] + place
        allowed = (after != graph.reverse_arcs()[arcs]) | (following[arcs] == 1)
        arcs, after = arcs[allowed], after[allowed]
        chances = 1 / np.maximum(1, following - 1)[arcs]
        # The law is uniform, so that time is reversed by a transpose.
        return csr_array((chances, (after, arcs)), shape=(len(following),) * 2)

    def _along_the_cycle(self, G: Floats) -> Floats:
        """On a cycle the walk goes round for ever in its first direction: M is a sum along it."""
        reverse, offsets = self.graph.reverse_arcs(), self.graph.offsets
        M = np.empty_like(G)
        for start in (0, int(reverse[0])):
            order = [start]
            for _ in range(len(self.graph) - 1):
                back = int(reverse[order[-1]])
                node = int(np.searchsorted(offsets, back, side="right")) - 1
                order.append(2 * int(offsets[node]) + 1 - back)
            # M(e) = G(e) + M(next of e).
            sums = np.cumsum(G[order][::-1], axis=0)[::-1]
            M[order] = sums - sums.mean(axis=0)
        return M


@dataclass(frozen=True)
class MarkovChain:
    """Any irreducible chain on the points, reversible or not, periodic or not.

    Attributes
    ----------
    transitions
        P, shape (n, n).
    law
        π, shape (n,).
    """

    transitions: TransitionMatrix
    law: Floats

    @classmethod
    def of(cls, transitions: TransitionMatrix) -> "MarkovChain":
        """The chain of a matrix, with the law that solves πᵀ (I − P) = 0."""
        return cls(transitions, _law(transitions))

    def lift(self, G: Floats) -> Floats:
        return G

    def poisson(self, G: Floats) -> Floats:
        # Without one state I − P is invertible, as the chain comes to that state from all others.
        M = np.zeros_like(G)
        if len(G) > 1:
            M[1:] = _solve(_generator(self.transitions)[1:, 1:], G[1:])
        return np.asarray(M - self.law @ M)

    def first_step(self, start: Floats) -> Floats:
        return self.step(start)

    def step(self, masses: Floats) -> Floats:
        return np.asarray(self.transitions.csr.T @ masses)

    def on_points(self, M: Floats) -> Floats:
        return self.law[:, None] * M

    @property
    def backward(self) -> "csr_array":
        from scipy.sparse import diags_array

        flows = diags_array(self.law) @ self.transitions.csr
        return (diags_array(1 / self.law) @ flows.T).tocsr()


@lru_cache(maxsize=64)
def _law(transitions: TransitionMatrix) -> Floats:
    if len(transitions) == 1:
        return np.ones(1)
    if len(transitions) > _LARGEST_SOLVED:
        return _iterated_law(transitions)
    # Flows into the other states, relative to the law of state 0.
    backward = _generator(transitions).T.tocsc()
    rest = _solve(backward[1:, 1:], -backward[1:, [0]].toarray())[:, 0]
    law = np.append(1.0, np.maximum(rest, 0))
    return np.asarray(law / law.sum())


def _iterated_law(transitions: TransitionMatrix) -> Floats:
    """π as the limit of the lazy chain's law, which exists where P is periodic, too."""
    backward = transitions.csr.T.tocsr()
    law = np.full(len(transitions), 1 / len(transitions))
    for _ in range(_MOST_ITERATIONS):
        before = law
        law = (law + backward @ law) / 2
        if abs(law - before).sum() < _CONVERGED:
            return np.asarray(law / law.sum())
    raise ConfigurationError(
        f"chain of {len(transitions):,} points: expected one that mixes within"
        f" {_MOST_ITERATIONS:,} steps, as its stationary law is found by iteration beyond"
        f" {_LARGEST_SOLVED:,} points, got a slower one; use fewer points"
    )


def _generator(transitions: TransitionMatrix) -> "csc_array":
    """I − P."""
    from scipy.sparse import csc_array, eye_array

    return csc_array(eye_array(len(transitions)) - transitions.csr)


def _solve(matrix: "csc_array", right: Floats) -> Floats:
    if matrix.shape[0] <= LARGEST_DENSE:
        return np.asarray(np.linalg.solve(matrix.toarray(), right))
    from scipy.sparse.linalg import splu

    return np.asarray(splu(matrix).solve(np.ascontiguousarray(right)))
