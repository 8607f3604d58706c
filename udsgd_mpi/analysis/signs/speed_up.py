"""A speed-up short of 1/N: few agents keep up Tr V, or the stationary variance.

N agents that add alike bring the error to 1/N of one's alone. Each is held against what it would
add with independent draws, and against what agents add in the middle where that is less: what
exceeds this keeps the sum up. A quarter of the agents, or fewer, that make it twice as large as it
would be are named if each adds, on average, eight times what one of the others does, once theory
says that the start is forgotten. No statistics are in this: it is theory's sum.
"""

import numpy as np

from udsgd_mpi.analysis.contributions import contributions
from udsgd_mpi.analysis.signs.evidence import Evidence, Trouble

_FEW = 4  # one of so many agents
_TIMES = 2.0
_STAND_OUT = 8.0
_CORRELATED = 2.0


def speed_up(of: Evidence) -> Trouble | None:
    """The few agents that keep the error up, if they do."""
    found = contributions(of.measured)
    if found is None or found.independent is None or not found.reached:
        return None
    if len(found.own) < 2 or found.floor == 0:
        return None
    own, independent = found.own, found.independent
    usual = np.minimum(independent, np.median(independent))
    excess = np.maximum(own - usual, 0)
    total, agents = float(own.sum()), len(own)
    order = np.argsort(-excess, kind="stable")[: max(1, agents // _FEW)]
    without = total - np.cumsum(excess[order])
    enough = np.flatnonzero(total >= _TIMES * without)
    if len(enough) == 0 or total < _TIMES * float(usual.sum()):
        return None
    named = np.sort(order[: enough[0] + 1])
    if own[named].mean() < _STAND_OUT * np.delete(own, named).mean():
        return None
    lower, share = float(without[enough[0]]), float(own[named].sum()) / total
    effective = agents * lower / total
    correlated = found.correlation[named] > _CORRELATED
    numbers = {
        "share": share,
        "effective_agents": effective,
        "error": found.floor,
        "error_after": found.scale * lower,
    }
    buys = f"{found.symbol} falls from {total:.3g} to {lower:.3g}"
    if correlated.all():
        times = float(found.correlation[named].max())
        why = f"their draws are correlated, up to {times:.3g} times the noise of independent ones"
        remedy = f"upgrade their samplers: with independent draws {buys}"
    elif correlated.any():
        why = "their draws are correlated, or their data are noisier than others'"
        remedy = f"upgrade their samplers, and give them larger batches: once like others {buys}"
    else:
        why = "their data are noisier than others', or count for more"
        remedy = f"give them larger batches, or more like others' data: once like others {buys}"
    few = "agent makes" if len(named) == 1 else "agents make"
    return Trouble(
        "speed-up",
        named.tolist(),
        f"the error of {agents:,} agents is that of {effective:.3g}: {len(named):,} {few}"
        f" {share:.0%} of {found.symbol}; {why}",
        remedy,
        numbers,
    )
