"""Rows of W are applied in the order of their columns, whatever the layout: bit for bit."""

import numpy as np
import pytest

from udsgd_mpi.kernels.agent_sums import combine


@pytest.mark.parametrize("elements", [1, 7, 31, 32, 33, 64, 250])
def test_combine_adds_in_the_order_of_the_columns(elements: int) -> None:
    rng = np.random.default_rng(elements)
    half_steps = rng.normal(size=(13, elements))
    needed = rng.permutation(13)[:9]
    counts = np.array([1, 9, 4, 5])
    rows = np.array([5, 0, 3, 2])
    offsets = np.append(0, np.cumsum(counts))
    columns = np.concatenate([np.sort(rng.permutation(9)[:count]) for count in counts])
    values = rng.random(len(columns))
    out = np.full((6, elements), np.nan)
    combine(offsets, columns.astype(np.int32), values, needed, rows, half_steps, out)
    expected = np.full((6, elements), np.nan)
    for i, row in enumerate(rows):
        first, *others = range(offsets[i], offsets[i + 1])
        expected[row] = values[first] * half_steps[needed[columns[first]]]
        for k in others:
            expected[row] = expected[row] + values[k] * half_steps[needed[columns[k]]]
    np.testing.assert_array_equal(out, expected)
