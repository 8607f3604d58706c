"""What of V a plan makes small, and the agents whose upgrades make it smallest.

With the agents of a set S upgraded, V is V_0 − Σ_{i ∈ S} D_i, where D_i = (V_i − V'_i)/N². See
``docs/which_agents_to_upgrade.md``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.support.errors import ConfigurationError, nearest

Floats = NDArray[np.float64]
CriterionName = Literal["trace", "largest", "contrast"]
CRITERIA: tuple[CriterionName, ...] = ("trace", "largest", "contrast")

_GAP = 1e-4  # relative, at which a search ends
_ROUNDS, _NODES = 60, 2000  # of a search, and of each round's integer program


class Choice(NamedTuple):
    """Some of the upgrades.

    Attributes
    ----------
    chosen
        Which of them, ascending.
    value
        Of the criterion after them.
    bound
        No other choice of so many has less than this, but for rounding.
    """

    chosen: list[int]
    value: float
    bound: float


class Criterion(Protocol):
    """A function of V that is to be small.

    Attributes
    ----------
    symbol
        As it is written in formulas.
    separable
        Whether it falls by the sum of what each upgrade alone takes off.
    """

    @property
    def symbol(self) -> str: ...

    @property
    def separable(self) -> bool: ...

    def __call__(self, V: Floats) -> float:
        """Its value for V (d, d)."""

    def choices(self, V: Floats, gains: Iterable[Floats]) -> Callable[[int], Choice]:
        """What takes k and gives the k upgrades after which it is least.

        Parameters
        ----------
        V
            Without upgrades, shape (d, d).
        gains
            What each upgrade takes off V, shape (d, d) each.
        """


@dataclass(frozen=True)
class Linear:
    """⟨A, V⟩, such as Tr V with A = I or cᵀVc with A = ccᵀ.

    The k upgrades that take off most are the best choice.
    """

    symbol: str
    A: Floats = field(repr=False)
    separable: bool = True

    @classmethod
    def trace(cls, d: int) -> "Linear":
        """Tr V, the limit of E‖θ_n − θ*‖² / γ_n."""
        return cls("Tr V", np.eye(d))

    @classmethod
    def contrast(cls, c: Floats) -> "Linear":
        """cᵀVc, the limit of Var(cᵀθ_n) / γ_n, with c of shape (d,)."""
        return cls("cᵀVc", np.outer(c, c))

    def __call__(self, V: Floats) -> float:
        return float((self.A * V).sum())

    def choices(self, V: Floats, gains: Iterable[Floats]) -> Callable[[int], Choice]:
        before, each = self(V), np.array([self(gain) for gain in gains])
        largest_first = np.argsort(-each, kind="stable")

        def best(k: int) -> Choice:
            chosen = largest_first[:k]
            value = before - float(each[chosen].sum())
            return Choice(sorted(chosen.tolist()), value, value)

        return best


@dataclass(frozen=True)
class Largest:
    """λ_max(V): cᵀVc of the worst c of length 1.

    The best choice is found by outer approximation (Duran and Grossmann, Math. Program. 36, 1986):
    λ_max(V) is the largest of vᵀVv over unit vectors v, each of which is linear in the choice. So
    the choice that is best for some v together bounds λ_max from below, and the eigenvectors of its
    own V are the next v. The search ends where both meet, or with the gap that remains.
    """

    symbol: str = "λ_max(V)"
    separable: bool = False

    def __call__(self, V: Floats) -> float:
        return float(np.linalg.eigvalsh(V)[-1])

    def choices(self, V: Floats, gains: Iterable[Floats]) -> Callable[[int], Choice]:
        of_all = np.stack([*gains])
        scale = self(V)

        def best(k: int) -> Choice:
            if scale <= 0 or k in {0, len(of_all)}:
                value = self(V - of_all[:k].sum(axis=0))
                return Choice([*range(k)], value, value)
            chosen, value, bound = _OuterApproximation(V / scale, of_all / scale, k).search()
            return Choice(chosen, scale * value, scale * min(bound, value))

        return best


class _OuterApproximation:
    """The search of ``Largest`` for one k, with V scaled to a largest eigenvalue of 1.

    At first choices may take parts of upgrades, as cuts are found faster then.
    """

    def __init__(self, V: Floats, gains: Floats, k: int) -> None:
        self._V, self._gains, self._k = V, gains, k
        # Of each v: vᵀD_iv for all i, and vᵀVv.
        self._cuts: list[Floats] = []
        self._levels: list[float] = []
        self._found = Choice([], np.inf, -np.inf)

    def search(self) -> Choice:
        """The best choice found, and the largest bound."""
        self._cut(*np.linalg.eigh(self._V), above=-np.inf)
        for whole in (False, True):
            for _ in range(_ROUNDS):
                shares = self._master(whole=whole)
                if shares is None:
                    break
                values, vectors = self._decompose(shares)
                self._consider(shares)
                _, value, bound = self._found
                if value - bound <= _GAP * value:
                    return self._found
                if values[-1] - bound <= _GAP * values[-1]:  # no cut is new
                    break
                self._cut(values, vectors, above=bound)
        return self._found

    def _cut(self, values: Floats, vectors: Floats, above: float) -> None:
        for v in vectors.T[values > above]:
            self._cuts.append(self._gains @ v @ v)
            self._levels.append(float(v @ self._V @ v))

    def _master(self, *, whole: bool) -> Floats | None:
        """The shares of the upgrades that are best for all v so far; raises the bound."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        m = len(self._gains)
        rows = np.column_stack([self._cuts, np.ones(len(self._cuts))])
        found = milp(
            np.append(np.zeros(m), 1.0),
            integrality=np.append(np.full(m, int(whole)), 0),
            bounds=Bounds(np.append(np.zeros(m), -np.inf), np.append(np.ones(m), np.inf)),
            constraints=[
                LinearConstraint(rows, np.array(self._levels), np.inf),
                LinearConstraint(np.append(np.ones(m), 0.0), self._k, self._k),
            ],
            options={"mip_rel_gap": _GAP / 2, "node_limit": _NODES},
        )
        bound = found.mip_dual_bound if whole else found.fun
        if bound is not None:
            self._found = self._found._replace(bound=max(self._found.bound, float(bound)))
        return None if found.x is None else np.asarray(found.x[:m])

    def _decompose(self, shares: Floats) -> tuple[Floats, Floats]:
        return np.linalg.eigh(self._V - np.tensordot(shares, self._gains, 1))

    def _consider(self, shares: Floats) -> None:
        chosen = np.argsort(-shares, kind="stable")[: self._k]
        value = np.linalg.eigvalsh(self._V - self._gains[chosen].sum(axis=0))[-1]
        if value < self._found.value:
            self._found = Choice(sorted(chosen.tolist()), float(value), self._found.bound)


def criterion_of(name: str, contrast: Sequence[float] | Floats | None, d: int) -> Criterion:
    """The criterion of a name.

    Parameters
    ----------
    contrast
        C of cᵀVc, shape (d,); for ``"contrast"`` alone.
    d
        Number of parameters.

    Raises
    ------
    ConfigurationError
        If there is none of this name, or the contrast does not fit.
    """
    if name not in CRITERIA:
        raise ConfigurationError(f"unknown criterion {name!r}: {nearest(name, CRITERIA)}")
    if (contrast is not None) != (name == "contrast"):
        got = "none" if contrast is None else f"one for the criterion {name!r}"
        raise ConfigurationError(
            f"contrast: expected one with the criterion 'contrast' and only there, got {got}"
        )
    if contrast is not None:
        return Linear.contrast(_checked(contrast, d))
    return Largest() if name == "largest" else Linear.trace(d)


def _checked(contrast: Sequence[float] | Floats, d: int) -> Floats:
    try:
        c = np.asarray(contrast, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"contrast: expected numbers; {error}") from error
    if c.shape != (d,):
        raise ConfigurationError(
            f"contrast: expected {d:,} numbers, one for each parameter, got"
            f" {c.size if c.ndim == 1 else f'an array of shape {c.shape}'}"
        )
    if not np.isfinite(c).all() or not c.any():
        raise ConfigurationError("contrast: expected finite numbers that are not all 0")
    return c
