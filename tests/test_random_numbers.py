"""Draws depend on (seed, purpose, agent, trial, step) alone, and are Philox4x32-10's."""

import numpy as np
import pytest
from scipy.stats import chisquare

from tests import reference
from udsgd_mpi.kernels.random_numbers import Purpose, below, random_bits, unit

# Random123's own known answers for philox4x32 with 10 rounds: counter, key, result.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


def draw(
    first: int, steps: int, *, trials: int = 5, first_trial: int = 0, seed: int = 2**62 + 3
) -> np.ndarray:
    out = np.empty((steps, trials), dtype=np.uint64)
    random_bits(seed, Purpose.SAMPLING, 7, first_trial, first, out)
    return out


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_reference_gives_the_known_answers(
    counter: list[int], key: list[int], words: list[int]
) -> None:
    assert reference.philox4x32_10(counter, key) == words


def test_kernel_equals_reference() -> None:
    expected = [
        [reference.bits(2**62 + 3, Purpose.SAMPLING, 7, t, n) for t in range(5)] for n in range(9)
    ]
    np.testing.assert_array_equal(draw(0, 9), np.array(expected, dtype=np.uint64))


@pytest.mark.parametrize("first", [0, 1, 2, 7])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_blocks_and_trials_do_not_matter(first: int, steps: int) -> None:
    whole = draw(0, 20, trials=6)
    np.testing.assert_array_equal(draw(first, steps, trials=6), whole[first : first + steps])
    np.testing.assert_array_equal(
        draw(first, steps, trials=2, first_trial=3), whole[first : first + steps, 3:5]
    )


@pytest.mark.parametrize("bound", [1, 2, 7, 500, 2**31 - 1])
def test_integers_are_the_high_word_of_the_product(bound: int) -> None:
    words = draw(0, 40).ravel()
    got = [below(word, np.uint64(bound)) for word in words]
    # The kernel drops the carry of the lowest 32 bits of the product: never more than one off,
    # and below 2³² in 96 bits exactly this.
    assert got == [
        ((int(w) >> 32) * bound + ((int(w) & 0xFFFFFFFF) * bound >> 32)) >> 32 for w in words
    ]
    assert got == [reference.pick(int(word), bound) for word in words]


def test_integers_are_uniform() -> None:
    # One test at level 1e-4.
    counts = np.bincount([below(w, np.uint64(13)) for w in draw(0, 4000).ravel()], minlength=13)
    assert chisquare(counts).pvalue > 1e-4


def test_unit_interval() -> None:
    assert unit(np.uint64(0)) == 0
    assert unit(np.uint64(2**64 - 1)) == 1 - 2**-53
