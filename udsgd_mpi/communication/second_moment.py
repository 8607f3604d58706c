"""E[WᵀW], which gives how fast a pattern brings the agents to consensus."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]

_DENSE_AGENTS = 500
_NOTHING = 1e-12
_MOST_ITERATIONS = 20_000
_FIRST_LOOK, _ENOUGH = 40, 1e-3


@dataclass(frozen=True)
class SecondMoment:
    """S = Σ_k c_k A_kᵀ A_k + B with E[WᵀW] = S + (1 − s) J, where S 1 = s 1.

    Averages are the part with J. Entries of S are not negative, so that no eigenvalue is above s.

    Attributes
    ----------
    terms
        c_k > 0 and A_k, each (agents, agents).
    rest
        B, symmetric.
    """

    terms: Sequence[tuple[float, "csr_array"]]
    rest: "csr_array"

    @classmethod
    def of(
        cls,
        agents: int,
        terms: Sequence[tuple[float, "csr_array"]] = (),
        rest: "csr_array | None" = None,
    ) -> "SecondMoment":
        """Without negligible terms; B = 0 by default."""
        from scipy.sparse import csr_array

        kept = [(c, A) for c, A in terms if c > _NOTHING]
        return cls(kept, csr_array((agents, agents)) if rest is None else rest)

    @classmethod
    def mean(cls, shares: Floats, moments: Sequence["SecondMoment"]) -> "SecondMoment":
        """E[WᵀW] where W is of several kinds, each with a probability."""
        agents = moments[0].rest.shape[0]
        weighted = list(zip(shares.tolist(), moments, strict=True))
        terms = [(share * c, A) for share, moment in weighted for c, A in moment.terms]
        rest = sum(share * moment.rest for share, moment in weighted)
        return cls.of(agents, terms, rest)

    def apply(self) -> Callable[[Floats], Floats]:
        """Function v ↦ S v that avoids S, which is dense where an agent has many links."""
        squares = [(c * A.T.tocsr(), A) for c, A in self.terms]

        def product(v: Floats) -> Floats:
            return np.asarray(sum((left @ (A @ v) for left, A in squares), self.rest @ v))

        return product

    def matrix(self) -> Floats:
        """S, dense."""
        S = self.rest.toarray()
        for c, A in self.terms:
            S += c * (A.T @ A).toarray()
        return np.asarray(S)

    def parts(self) -> NDArray[np.int64]:
        """The part that each agent is in, shape (agents,): nothing but J joins two parts."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = self.rest.shape[0]
        # A_kᵀA_k joins the agents of which a row of A_k has some: rows are nodes, too.
        joins = [(0, self.rest.tocoo())]
        joins += [((k + 1) * n, A.tocoo()) for k, (_, A) in enumerate(self.terms)]
        kept = [abs(A.data) > _NOTHING for _, A in joins]
        i = np.concatenate([A.col[some] for (_, A), some in zip(joins, kept, strict=True)])
        j = np.concatenate([k + A.row[some] for (k, A), some in zip(joins, kept, strict=True)])
        nodes = n * len(joins)
        graph = coo_array((np.ones(len(i)), (i, j)), shape=(nodes, nodes))
        return np.asarray(connected_components(graph, directed=False)[1][:n], dtype=np.int64)

    def norm(self) -> float:
        """‖E[WᵀW] − J‖: the largest eigenvalue of S on the vectors of mean 0."""
        n = self.rest.shape[0]
        if n == 1:
            return 0.0
        s = self._sum
        if self.parts().any():  # a vector that is constant on each part
            return s
        if n > _DENSE_AGENTS:
            return largest(self.apply(), n)[0]
        return max(0.0, float(np.linalg.eigvalsh(self.matrix() - s / n)[-1]))

    @property
    def contracts(self) -> bool:
        """Whether ‖E[WᵀW] − J‖ < 1; of many agents that are joined it is, by Perron–Frobenius."""
        few = self.rest.shape[0] <= _DENSE_AGENTS
        return self.joins and (self._sum < 1 - _NOTHING or not few or self.norm() < 1 - _NOTHING)

    @property
    def joins(self) -> bool:
        """Whether J, or what agents send each other, joins them all."""
        return self._sum < 1 - _NOTHING or not self.parts().any()

    @property
    def _sum(self) -> float:
        """The s of S 1 = s 1."""
        return float(self.apply()(np.ones(self.rest.shape[0]))[0])


def largest(apply: Callable[[Floats], Floats], n: int) -> tuple[float, Floats]:
    """Largest eigenvalue λ of a symmetric matrix on the vectors of mean 0, and an eigenvector.

    By Lanczos without restarts, until 1 − λ is known to a thousandth. ARPACK restarts, and takes
    half a minute for a ring of 10,000 agents.
    """
    from scipy.linalg import eigh_tridiagonal

    diagonal: list[float] = []
    beside: list[float] = []
    known, look = np.inf, _FIRST_LOOK
    for _, alpha, beta in islice(_lanczos(apply, n), _MOST_ITERATIONS):
        diagonal.append(alpha)
        k = len(diagonal)
        last = k == _MOST_ITERATIONS or beta < _NOTHING
        if last or k == look:
            found = eigh_tridiagonal(diagonal, beside, select="i", select_range=(k - 1, k - 1))
            value = float(found[0][0])
            if last or abs(value - known) <= _ENOUGH * (1 - value):
                break
            known, look = value, k + k // 2
        beside.append(beta)
    basis = (v for v, _, _ in _lanczos(apply, n))
    vector = np.zeros(n)
    for y, v in zip(found[1][:, 0].tolist(), basis, strict=False):
        vector += y * v
    return value, vector / np.linalg.norm(vector)


def _lanczos(apply: Callable[[Floats], Floats], n: int) -> Iterator[tuple[Floats, float, float]]:
    """Vectors v_1, v_2, …, with α_k and β_k of the tridiagonal matrix; the start is fixed."""
    v, before, beta = np.cos(np.arange(n)), np.zeros(n), 0.0
    v -= v.mean()
    v /= np.linalg.norm(v)
    while True:
        w = apply(v) - beta * before
        alpha = float(w @ v)
        w -= alpha * v
        w -= w.mean()
        beta = float(np.linalg.norm(w))
        yield v, alpha, beta
        before, v = v, w / beta
