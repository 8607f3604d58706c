"""Signs of trouble in result files: what goes wrong, by which agents, and what to do.

To add one, write its function in a file of its own and name it in ``SIGNS``.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from udsgd_mpi.analysis.signs.divergence import divergence
from udsgd_mpi.analysis.signs.evidence import Evidence, Trouble
from udsgd_mpi.analysis.signs.exchanges import exchanges
from udsgd_mpi.analysis.signs.floor import floor
from udsgd_mpi.analysis.signs.speed_up import speed_up

Sign: TypeAlias = Callable[[Evidence], Trouble | None]

SIGNS: tuple[Sign, ...] = (divergence, floor, exchanges, speed_up)


def troubles(of: Evidence) -> list[Trouble]:
    """What signs there are in a variant."""
    found = [sign(of) for sign in SIGNS]
    return [each for each in found if each is not None]


def in_words(found: Mapping[str, list[Trouble]]) -> list[str]:
    """A paragraph for each sign, after its variant."""
    return [f"{name}: sign of trouble: {each}" for name, those in found.items() for each in those]


__all__ = ["SIGNS", "Evidence", "Sign", "Trouble", "in_words", "troubles"]
