"""Step sizes, and those that limit theorems are about."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

_BLOCK = 1024
_LONG_BLOCK = 2**14

Offset = Annotated[float, Meta(ge=0, le=1e9)]


class StepSize(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """γ_n for n = 1, 2, …; subclasses are listed in a registry.

    Parameters
    ----------
    gamma
        γ⋆ > 0, a billion at most: γ_1 where there is no offset.
    """

    gamma: Annotated[float, Meta(gt=0, le=1e9)] = 1.0

    def __call__(self, first: int, last: int) -> NDArray[np.float64]:
        """γ_first, …, γ_last; both ends belong to it."""
        raise NotImplementedError

    @property
    def is_constant(self) -> bool:
        """Whether γ_n = γ⋆ for all n."""
        return False

    def in_blocks(self, first: int, last: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """γ_first, …, γ_last in blocks, each with its first n, for loops over any number of steps.

        The last block of a range may be short; a range with last < first has none.
        """
        for n in range(first, last + 1, _LONG_BLOCK):
            yield n, self(n, min(last, n + _LONG_BLOCK - 1))


class Polynomial(StepSize, frozen=True, tag="polynomial"):
    """γ_n = γ⋆ / (n + n₀)^a (paper, Assumption 2.3, where n₀ = 0).

    Parameters
    ----------
    exponent
        a in (0.5, 1]; or 0, a constant step, for which no limit theorem holds.
    offset
        n₀ ≥ 0, which makes the first steps smaller: γ_1 = γ⋆ / (1 + n₀)^a. As γ_n n^a tends to γ⋆
        all the same, limits are those of n₀ = 0. The start is forgotten later: with a = 1, about
        (n₀ / (n + n₀))^{γ⋆h} of it is left along an eigenvalue h of H, instead of n^{−γ⋆h}.
    """

    exponent: Annotated[float, Meta(ge=0, le=1)] = 1.0
    offset: Offset = 0.0

    def __post_init__(self) -> None:
        if 0 < self.exponent <= 0.5:
            raise ValueError(
                f"expected an exponent a in (0.5, 1], or 0 for a constant step; got {self.exponent}"
            )
        check_offset(self.offset, self.exponent)

    def __call__(self, first: int, last: int) -> NDArray[np.float64]:
        """γ_first, …, γ_last; both ends belong to it."""
        n = np.arange(first, last + 1, dtype=np.float64)
        return self.gamma / (n + self.offset) ** self.exponent

    @property
    def is_constant(self) -> bool:
        return self.exponent == 0


def check_offset(offset: float, exponent: float) -> None:
    """Refuse an offset of steps that do not fall, which would do nothing.

    Raises
    ------
    ValueError
        If there is one.
    """
    if offset > 0 and exponent == 0:
        raise ValueError(f"expected no offset beside exponent = 0, got {offset:g}")


class CachedStepSize:
    """Step sizes of a block of steps, computed once: γ of a single step costs as much.

    Parameters
    ----------
    step_size
        What is asked for γ_first, …, γ_last.
    """

    def __init__(self, step_size: StepSize) -> None:
        self._step_size = step_size
        self._first = 0
        self._values = np.empty(0)

    def __call__(self, first: int, last: int) -> NDArray[np.float64]:
        """γ_first, …, γ_last; both ends belong to it."""
        begin, end = first - self._first, last - self._first + 1
        if begin < 0 or end > len(self._values):
            self._first = first
            self._values = self._step_size(first, max(last, first + _BLOCK - 1))
            begin, end = 0, last - first + 1
        return self._values[begin:end]
