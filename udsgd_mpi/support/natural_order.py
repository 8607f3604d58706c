"""The order of names: numbers by value, then names with the numbers in them by value."""

import re
from collections.abc import Sequence
from decimal import Decimal

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
_DIGITS = re.compile(r"([0-9]+)")


def as_number(name: str) -> Decimal | None:
    """The number that a name is, if it is one."""
    return Decimal(name) if NUMBER.fullmatch(name) else None


def natural_order(names: Sequence[str]) -> list[int]:
    """Places of the names in their order.

    Examples
    --------
    >>> names = ["n10", "n2", "12", "-3", "b"]
    >>> [names[i] for i in natural_order(names)]
    ['-3', '12', 'b', 'n2', 'n10']
    """
    return sorted(range(len(names)), key=lambda i: _key(names[i]))


def _key(name: str) -> tuple[object, ...]:
    number = as_number(name)
    if number is not None:
        return False, number, name
    # Digits are compared by value, but Python converts no integer with thousands of them.
    parts = [
        (len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else part
        for part in _DIGITS.split(name)
    ]
    return True, parts, name
