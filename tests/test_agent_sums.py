"""Sums over agents are in their order and in double precision, whatever the layout: bit for bit."""

import numpy as np
import pytest

from udsgd_mpi.kernels.agent_sums import combine_in, mean_in

ELEMENTS = [1, 7, 31, 32, 33, 64, 250]
TYPES = [np.float64, np.float32]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("elements", ELEMENTS)
def test_combine_adds_in_the_order_of_the_columns(elements: int, dtype: type) -> None:
    rng = np.random.default_rng(elements)
    half_steps = rng.normal(size=(13, elements)).astype(dtype)
    needed = rng.permutation(13)[:9]
    counts = np.array([1, 9, 4, 5])
    rows = np.array([5, 0, 3, 2])
    offsets = np.append(0, np.cumsum(counts))
    columns = np.concatenate([np.sort(rng.permutation(9)[:count]) for count in counts])
    values = rng.random(len(columns))
    out = np.full((6, elements), np.nan, dtype)
    combine = combine_in(np.dtype(dtype))
    combine(offsets, columns.astype(np.int32), values, needed, rows, half_steps, out)
    expected = np.full((6, elements), np.nan)
    for i, row in enumerate(rows):
        first, *others = range(offsets[i], offsets[i + 1])
        expected[row] = values[first] * half_steps[needed[columns[first]]].astype(float)
        for k in others:
            expected[row] = expected[row] + values[k] * half_steps[needed[columns[k]]]
    np.testing.assert_array_equal(out, expected.astype(dtype))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("elements", ELEMENTS)
@pytest.mark.parametrize("start", [0, 5])
def test_a_mean_adds_in_the_order_of_the_agents(elements: int, start: int, dtype: type) -> None:
    rng = np.random.default_rng(elements)
    rows = rng.normal(size=(13, elements + 9)).astype(dtype)
    which = rng.permutation(13)[:11]
    out = np.full(elements, np.nan, dtype)
    mean_in(np.dtype(dtype))(rows, which, start, out)
    total = np.zeros(elements)
    for i in which:
        total = total + rows[i, start : start + elements]
    np.testing.assert_array_equal(out, (total / 11).astype(dtype))
