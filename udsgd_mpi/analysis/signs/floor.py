"""An error that lies on its floor since many agents have the same inefficient sampler.

The floor is γ_n Tr V, or the stationary variance under a constant step. An error counts as on it if
theory says that the start is forgotten and the mean over ten trials or more is within a quarter of
it, give or take two standard errors. One that is twice as high passes with a probability of 4 % if
its standard error is 10 %, and of 2e-8 if it is 5 %. What makes it a sign of trouble is no matter
of statistics: agents with one sampler, half of all or more, make nearly all of the floor, which
would be ten times lower if they drew independently.
"""

import numpy as np

from udsgd_mpi.analysis.contributions import Contributions, contributions
from udsgd_mpi.analysis.signs.evidence import Evidence, Trouble
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.measured import Measured

_FEWEST_TRIALS = 10
_NEAR = 1.25
_MOST_OF_IT = 0.8
_TIMES_LOWER = 10.0


def floor(of: Evidence) -> Trouble | None:
    """The sampler that holds the floor up, and how far independent draws would lower it."""
    measured, found = of.measured, contributions(of.measured)
    if found is None or found.independent is None or not _is_on(measured, found):
        return None
    total = float(found.own.sum())
    for sampler in dict.fromkeys(measured.samplers):
        mine = np.array(measured.samplers) == sampler
        lower = float(np.where(mine, found.independent, found.own).sum())
        share = float(found.own[mine].sum()) / total
        many = 2 * mine.sum() >= len(mine)
        if many and share >= _MOST_OF_IT and total >= _TIMES_LOWER * lower:
            return _trouble(sampler, np.flatnonzero(mine).tolist(), found, lower, share)
    return None


def _is_on(measured: Measured, found: Contributions) -> bool:
    if not found.reached or found.floor <= 0:
        return False
    if "squared_error" not in measured.measures or len(measured.trials) < _FEWEST_TRIALS:
        return False
    mse, error = over_trials(measured.measure("squared_error")[-1])
    low, high = float(mse - 2 * error), float(mse + 2 * error)
    return low <= _NEAR * found.floor and high >= found.floor / _NEAR


def _trouble(
    sampler: str, agents: list[int], found: Contributions, lower: float, share: float
) -> Trouble:
    after = found.scale * lower
    times = float(found.own.sum()) / lower
    falls = "falls with γₙ alone" if found.symbol == "Tr V" else "does not fall any more"
    numbers = {"floor": found.floor, "floor_of_independent_draws": after, "share": share}
    return Trouble(
        "floor",
        agents,
        f"the error lies on its floor, {found.floor:.3g} predicted at the last step, and {falls};"
        f" {share:.0%} of it is made by {sampler} of {len(agents):,} agents",
        f"upgrade their sampler: with independent draws the floor is {after:.3g}, {times:.3g}"
        f" times lower; with a self-repellent walk (srrw) it can be lower still. udsgd plan"
        f" --upgrade {sampler}:srrw says whose upgrade pays most",
        numbers,
    )
