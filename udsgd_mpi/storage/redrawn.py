"""Patterns whose links an older version drew otherwise: its part of a run is none of ours."""

from collections.abc import Iterable

from udsgd_mpi.communication import DropOut, Pattern, RandomMatching, UnreliableLinks
from udsgd_mpi.support.digests import Digests


def is_redrawn(pattern: Pattern, parts: Iterable[Digests | None]) -> bool:
    """Whether links of some part of a run were drawn by another generator than today's.

    Parameters
    ----------
    parts
        What each of them has noted of its inputs; the version that drew otherwise noted nothing.
    """
    at_random = isinstance(pattern, DropOut | RandomMatching | UnreliableLinks)
    return at_random and any(noted is None for noted in parts)
