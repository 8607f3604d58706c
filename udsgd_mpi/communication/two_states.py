"""Independent two-state Markov chains, of which the state at any time is drawn directly.

A chain goes from good to bad with probability f and back with probability r. If f + r ≤ 1, it
keeps its state with probability 1 − (f + r), and otherwise draws it anew, good with probability
r / (f + r); if f + r > 1, it changes its state with probability f + r − 1, and otherwise draws it
anew, good with probability (1 − f) / (2 − f − r). Either way it changes with the two probabilities,
and what came before the last draw anew does not matter: it lies back a geometric number of steps
(coupling from the past; Propp and Wilson, 1996).
"""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.forms.links import DRAW_LINKS, Drawing
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, philox, unit

Floats = NDArray[np.float64]

_MIXING = np.uint64(Purpose.MIXING)
_32 = np.uint64(32)


def law(failure: float, recovery: float) -> Floats:
    """The chains' law as ``links_of_chains`` takes it.

    One uniform u is drawn at each time: below the first number a chain becomes good, below the
    second bad; otherwise it keeps its state, or changes it where the third is 1. The first
    state is good with the fourth as its probability.
    """
    turns = failure + recovery > 1
    return np.array(
        [
            min(recovery, 1 - failure),
            min(failure + recovery, 2 - failure - recovery),
            float(turns),
            recovery / (failure + recovery),
        ]
    )


@kernel(DRAW_LINKS)
def links_of_chains(number: int, drawing: Drawing) -> None:
    """A link is up if both of its chains are good.

    From the state at an earlier time, if it is known, each chain takes a draw for each time since;
    one Philox call serves two chains.
    """
    seed, chains, first, second, law, at, good, there = drawing
    known = at[0] if at[0] <= number else 0
    pair = time = -1
    even = odd = np.uint64(0)
    turns = np.uint8(law[2])
    for k in range(len(chains)):
        state, turned = good[k], np.uint8(0)
        m = number
        while m > known:
            if chains[k] >> 1 != pair or m != time:
                pair, time = chains[k] >> 1, m
                w0, w1, w2, w3 = philox(np.uint64(m), _MIXING, np.uint64(pair), np.uint64(0), seed)
                even, odd = (w0 << _32) | w1, (w2 << _32) | w3
            u = unit(odd if chains[k] & 1 else even)
            if m == 1:
                state = np.uint8(u < law[3])
                break
            if u < law[1]:
                state = np.uint8(u < law[0])
                break
            turned ^= turns
            m -= 1
        good[k] = state ^ turned
    at[0] = number
    for k in range(len(there)):
        there[k] = good[first[k]] & good[second[k]]
