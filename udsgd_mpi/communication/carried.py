"""How far agents carry their own steps before all of them share them alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.base import Schedule
from udsgd_mpi.communication.forms.base import Mixing

Floats = NDArray[np.float64]

_MOST_AGENTS = 500
_FEWEST_STARTS, _MOST_STARTS, _ENTRIES = 20, 200, 4_000_000
_MOST_WORK = 2 * 10**10  # multiplications for products of W; some seconds
_MOST_PRODUCTS = 100_000
_MOST_LAGS = 10**7  # numbers in ``excess``
_FEWEST_TIMES = 2
_NOTHING = 1e-5


@dataclass(frozen=True)
class Carried:
    """Means of products of W over the last k steps, less J = 11ᵀ/N, in the long run.

    Attributes
    ----------
    excess
        Their diagonals for k = 1, 2, …, shape (lags, agents); nearly 0 beyond.
    total
        Their sum over all k ≥ 1, shape (agents, agents): with the drift −γ h_i of each agent, mean
        0, agents come to −γ total h.
    """

    excess: Floats
    total: Floats


def carried(schedule: Schedule, agents: int, last: int) -> Carried | str:
    """It, where aggregations are evenly spaced in the second half of a run; or why there is none.

    Exact where forms of W recur in a fixed order, otherwise a mean over up to 200 aggregations from
    which products begin. Models that no other ever meets, as those of agents beside a server's, are
    among those for which there is none.

    Parameters
    ----------
    last
        The last step of the run.
    """
    if agents > _MOST_AGENTS:
        return f"products of W are taken of {_MOST_AGENTS} agents at most"
    first = last // 2
    number = schedule.count(first)
    evenly = _spacing(schedule, first, last)
    if evenly is None:
        return "aggregations are not evenly spaced in the second half of the run"
    means = _means_of_products(schedule, agents, number, first, evenly)
    if means is None:
        return "agents take too long to agree for products of their W"
    # Of none, one, two … aggregations; between two of them there is one or the other in k steps.
    apart = np.stack([np.eye(agents), *means]) - 1 / agents
    if len(apart) * evenly * agents > _MOST_LAGS:
        return "aggregations are too rare for sums over all steps between them"
    total = evenly * apart[1:].sum(axis=0) + (evenly - 1) / 2 * apart[0]
    diagonals = np.append(apart.diagonal(axis1=1, axis2=2), np.zeros((1, agents)), axis=0)
    before, steps = np.divmod(np.arange(1, len(apart) * evenly), evenly)
    share = (steps / evenly)[:, None]
    return Carried((1 - share) * diagonals[before] + share * diagonals[before + 1], total)


def _spacing(schedule: Schedule, first: int, last: int) -> int | None:
    """Steps between aggregations in (first, last], if it is always the same number."""
    count = schedule.count(last) - schedule.count(first)
    if count == 0:
        return None
    evenly = round((last - first) / count)
    until = min(last, first + _MOST_STARTS * evenly)
    times = schedule.times(first, until)
    if len(times) < _FEWEST_TIMES or (np.diff(times) != evenly).any():
        return None
    return evenly if abs(count - (last - first) / evenly) <= 1 else None


def _means_of_products(
    schedule: Schedule, agents: int, number: int, first: int, evenly: int
) -> list[Floats] | None:
    """Means of the products of 1, 2, … consecutive W, until they are J; None if that takes long.

    Parameters
    ----------
    number, first, evenly
        How many aggregations there are up to a step, the step, and how far apart they are.
    """
    begin = int(schedule.times(first, first + evenly)[0])
    starts = _starts(schedule, agents, begin, evenly)
    products = np.tile(np.eye(agents), (starts, 1, 1))
    forms: dict[int, Floats] = {}

    def matrix(k: int) -> Floats:
        n = begin + k * evenly
        form = schedule.forms[schedule.which(n)]
        if not isinstance(form, Mixing):
            return form.at(number + 1 + k).matrix(agents)
        return forms.setdefault(schedule.which(n), form.matrix(agents))

    means: list[Floats] = []
    upcoming = [matrix(k) for k in range(starts)]
    while not means or abs(means[-1] - 1 / agents).max() > _NOTHING:
        products = np.stack(upcoming) @ products
        means.append(products.mean(axis=0))
        upcoming = [*upcoming[1:], matrix(len(means) + starts - 1)]
        made = starts * len(means)
        if made > _MOST_PRODUCTS or made * agents**3 > _MOST_WORK:
            return None
    return means


def _starts(schedule: Schedule, agents: int, begin: int, evenly: int) -> int:
    """From how many consecutive aggregations products begin: those of a period, if there is one."""
    most = max(_FEWEST_STARTS, min(_MOST_STARTS, _ENTRIES // agents**2))
    if not all(isinstance(form, Mixing) for form in schedule.forms):
        return most
    order = np.array([schedule.which(begin + k * evenly) for k in range(2 * most)])
    periods = (p for p in range(1, most) if (order[p:] == order[:-p]).all())
    return next(periods, most)
