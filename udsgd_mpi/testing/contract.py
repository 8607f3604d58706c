"""What all contracts share: properties, and how one that does not hold says so."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9  # an error is no more than that beside a difference


class ContractError(AssertionError):
    """A property does not hold; the message says where, what was expected, and what came."""


class Contract:
    """Properties that every member of a family has: the methods ``test_…``.

    A subclass names the member. pytest collects it if its own name begins with ``Test``; nothing
    here imports pytest.

    Attributes
    ----------
    basis
        A property without which no other can be told.
    """

    basis: ClassVar[str] = ""

    @classmethod
    def properties(cls) -> list[str]:
        """Names of all properties, those of base classes first, each in the order of its class."""
        names: dict[str, None] = {}
        for each in reversed(cls.__mro__):
            names |= dict.fromkeys(name for name in vars(each) if name.startswith("test_"))
        return [name for name in names if callable(getattr(cls, name))]


def require(holds: object, message: str) -> None:
    """Say that a property does not hold, unless it does.

    Raises
    ------
    ContractError
        With the message.
    """
    if not holds:
        raise ContractError(message)


def require_same(got: NDArray[Any], expected: NDArray[Any], what: str, remedy: str) -> None:
    """Require the same numbers in the same shape.

    Parameters
    ----------
    what
        What they are; ``{}`` in it stands for the place of the first difference.

    Raises
    ------
    ContractError
        With the first place where they differ.
    """
    require(
        got.shape == expected.shape,
        f"{what.format('shape')}: expected {expected.shape}, got {got.shape}; {remedy}",
    )
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    _require_nowhere(~same, got, expected, what, remedy)


def require_close(
    got: NDArray[Any],
    expected: NDArray[Any],
    what: str,
    remedy: str,
    *,
    relative: float,
    absolute: float = 0.0,
) -> None:
    """Require numbers within relative · |expected| + absolute of those expected.

    Parameters
    ----------
    what
        As for ``require_same``.

    Raises
    ------
    ContractError
        With the first place where they are further away, or not finite.
    """
    require(
        got.shape == expected.shape,
        f"{what.format('shape')}: expected {expected.shape}, got {got.shape}; {remedy}",
    )
    near = np.abs(got - expected) <= relative * np.abs(expected) + absolute
    _require_nowhere(~near, got, expected, what, remedy)


def deviation(difference: float, error: float) -> str:
    """How many standard errors a difference is."""
    return f"z = {difference / error:+.1f}" if abs(error) > _ROUNDING * abs(difference) else "z = ∞"


def _require_nowhere(
    wrong: NDArray[np.bool_], got: NDArray[Any], expected: NDArray[Any], what: str, remedy: str
) -> None:
    if wrong.any():
        at = tuple(int(k) for k in np.argwhere(wrong)[0])
        place = str(list(at)) if at else ""
        raise ContractError(
            f"{what.format(place)}: expected {expected[at]:.17g}, got {got[at]:.17g}; {remedy}"
        )
