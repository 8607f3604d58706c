"""Warnings before a run say what is wrong with the mixing at hand, and what helps against it."""

from pathlib import Path

import pytest

from tests.small_problem import problem, write_points
from udsgd_mpi.preflight.cautions import cautions


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


def said(data: Path, **settings: object) -> list[str]:
    return [
        text
        for text in cautions(problem(data, "iid", trials=2, **settings))
        if text.startswith("communication")
    ]


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ({"kind": "dsgd"}, 'use weights = "lazy"'),
        ({"kind": "dsgd_vt", "topologies": ["ring", "ring"]}, 'use weights = "lazy"'),
        ({"kind": "lsgd_pp", "participants": 1}, "use communication.participants = 2 or more"),
        ({"kind": "unreliable_links", "failure": 0.0}, "use communication.failure above 0"),
        ({"kind": "drop_out", "leave": 0.0}, "use communication.leave above 0"),
    ],
)
def test_a_pattern_that_never_mixes_is_named_with_a_remedy(
    data: Path, pattern: dict[str, object], remedy: str
) -> None:
    """Four agents on a ring, of even length."""
    (text,) = said(data, communication=pattern)
    assert "the agents never reach consensus" in text
    assert remedy in text


@pytest.mark.parametrize(
    "pattern",
    [
        {"kind": "dsgd", "weights": "lazy"},
        {"kind": "dsgd_vt", "topologies": ["ring", "complete"]},
        {"kind": "lsgd_pp", "participants": 2},
        {"kind": "unreliable_links", "failure": 1e-6},
        {"kind": "drop_out", "leave": 1e-6},
        {"kind": "random_matching"},
        {"kind": "hlsgd", "outer": 1000},
        {"kind": "centralized"},
    ],
)
def test_what_mixes_slowly_is_not_called_broken(data: Path, pattern: dict[str, object]) -> None:
    assert said(data, communication=pattern) == []


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({"kind": "dsgd", "weights": "lazy", "interval": 101}, "the agents never exchange"),
        ({"kind": "hlsgd", "outer": 101}, "leave the agents in parts"),
        ({"kind": "hlsgd", "outer": 100}, ""),
        ({"kind": "hlsgd", "outer": 101, "clusters": 1}, ""),
    ],
)
def test_aggregations_after_the_last_step_are_warned_of(
    data: Path, pattern: dict[str, object], message: str
) -> None:
    found = said(
        data, communication=pattern, topology="complete", steps=100, record={"steps": [100]}
    )
    assert len(found) == bool(message)
    assert all(message in text for text in found)
