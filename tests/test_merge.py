"""Parts of a study join to what one job would have written."""

from typing import Any

import numpy as np
import pytest
import tomli_w

from udsgd_mpi.storage.merge import Part, merge_parts
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.support.errors import ConfigurationError

ERRORS = np.arange(30.0).reshape(3, 10)


def part(name: str, first: int, last: int, variant: str = "a", **settings: Any) -> Part:
    """Trials first, …, last − 1 of one variant."""
    settings = {"seed": 1, "first_trial": first, "trials": last - first, **settings}
    run = Run(
        {"title": "", "complete": True},
        {
            "step": Variable(np.array([1, 2, 3]), ("step",), ""),
            "trial": Variable(np.arange(first, last), ("trial",), ""),
            "squared_error": Variable(ERRORS[:, first:last], ("step", "trial"), ""),
            "mean_degree": Variable(np.array([np.nan, 2.0]), ("agent",), ""),
        },
    )
    attributes = {
        "status": "complete",
        "udsgd_mpi_version": "1",
        "started": name,
        "written": name,
        "configuration": tomli_w.dumps({"variant": {variant: settings}}),
    }
    return Part(name, attributes, {variant: run})


def test_trials_in_any_order_and_of_any_number() -> None:
    parts = [part("3", 7, 10), part("1", 0, 4), part("2", 4, 7)]
    attributes, runs = merge_parts(parts, "all.h5")
    np.testing.assert_array_equal(runs["a"]["squared_error"], ERRORS)
    np.testing.assert_array_equal(runs["a"]["trial"], np.arange(10))
    np.testing.assert_array_equal(runs["a"]["mean_degree"], [np.nan, 2])
    assert "trials = 10" in attributes["configuration"]
    assert "first_trial = 0" in attributes["configuration"]
    assert 'output = "all.h5"' in attributes["configuration"]
    assert (attributes["started"], attributes["written"]) == ("1", "3")


def test_variants() -> None:
    _, runs = merge_parts([part("1", 0, 10), part("2", 0, 10, variant="b")], "all.h5")
    assert list(runs) == ["a", "b"]


def of_another_version() -> list[Part]:
    other = part("2", 4, 7)
    return [
        part("1", 0, 4),
        other._replace(attributes={**other.attributes, "udsgd_mpi_version": 2}),
    ]


def unfinished() -> list[Part]:
    other = part("2", 4, 7)
    return [part("1", 0, 4), other._replace(attributes={**other.attributes, "status": "stopped"})]


def of_other_graphs() -> list[Part]:
    other = part("2", 4, 7)
    other.runs["a"].variables["mean_degree"].values[1] = 3
    return [part("1", 0, 4), other]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([part("1", 0, 4), part("2", 5, 7)], "1 and 2 leave a gap in variant a: expected trial 4"),
        ([part("1", 0, 4), part("2", 3, 7)], "1 and 2 overlap in variant a: expected trial 4"),
        ([part("1", 0, 4), part("2", 4, 7, seed=2)], "2: expected variant.a.seed = 1 as in 1, got"),
        (of_another_version(), "2: expected udsgd_mpi 1 as in 1, got 2"),
        (unfinished(), "2: expected a complete run, got one that is stopped"),
        (of_other_graphs(), "2: expected the same mean_degree as in 1, got another"),
    ],
)
def test_refusals(parts: list[Part], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        merge_parts(parts, "all.h5")
    assert message in str(refused.value)
