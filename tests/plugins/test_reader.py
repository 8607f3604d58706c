"""Data that a user's class reads are those of a file with the same points."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array

from tests.small_problem import AGENTS, POINTS, D
from udsgd_mpi.data.reader import CustomReader, users_dataset
from udsgd_mpi.experiment.check import check
from udsgd_mpi.problem import LoneTeam, Problem, pose
from udsgd_mpi.support.errors import ConfigurationError

POINTS_OF_ALL = np.random.default_rng(8).normal(size=(AGENTS * POINTS, D + 1))


class Whole:
    """All points."""

    def __init__(self, sparse: bool = False) -> None:
        self.sparse = sparse

    def read(self) -> Any:
        """Features and labels."""
        features = POINTS_OF_ALL[:, :-1]
        return coo_array(features) if self.sparse else features, POINTS_OF_ALL[:, -1]


class OfAgents:
    """Each agent's points, some of which have one feature more."""

    def __init__(self, more: int = 0) -> None:
        self.more = more

    def read_agent(self, agent: int) -> Any:
        """Features and labels."""
        rows = POINTS_OF_ALL[agent * POINTS : (agent + 1) * POINTS]
        features = np.pad(rows[:, :-1], ((0, 0), (0, self.more * (agent == 2))))
        return features.tolist(), rows[:, -1]


class Both(Whole, OfAgents):
    """One of them too many."""


def posed(own: str, arguments: dict[str, Any] | None = None, **settings: Any) -> Problem:
    reader = {
        "kind": "custom",
        "path": f"tests.plugins.test_reader:{own}",
        "arguments": arguments or {},
    }
    raw = {
        "agents": AGENTS,
        "data": {**reader, **settings},
        "objective": {"kind": "ridge", "l2": 0.1},
        "groups": {"all": {"share": 1, "sampler": "iid"}},
    }
    experiment = check(raw)
    return pose(experiment, LoneTeam(AGENTS))


def write(path: Path, points: np.ndarray) -> None:
    lines = (
        f"{y!r} " + " ".join(f"{k + 1}:{v!r}" for k, v in enumerate(x)) for *x, y in points.tolist()
    )
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_points_of_all_are_those_of_a_file(sparse: bool, standardize: bool, tmp_path: Path) -> None:
    write(tmp_path / "x.svm", POINTS_OF_ALL)
    raw = {
        "agents": AGENTS,
        "data": {"source": str(tmp_path / "x.svm"), "standardize": standardize},
        "objective": {"kind": "ridge", "l2": 0.1},
        "groups": {"all": {"share": 1, "sampler": "iid"}},
    }
    expected = pose(check(raw), LoneTeam(AGENTS))
    found = posed("Whole", {"sparse": sparse}, standardize=standardize)
    np.testing.assert_array_equal(found.points.features, expected.points.features)
    np.testing.assert_array_equal(found.points.labels, expected.points.labels)
    np.testing.assert_array_equal(found.minimizer, expected.minimizer)
    assert found.digests.data == expected.digests.data
    assert found.portable


def test_each_agents_points_stay_with_it() -> None:
    found = posed("OfAgents")
    np.testing.assert_array_equal(found.points.features, POINTS_OF_ALL[:, :-1])
    assert not found.portable
    assert found.experiment.data.is_of_agents


def test_agents_must_have_the_same_features() -> None:
    with pytest.raises(ConfigurationError, match=r"agent 2: data .*expected points of 5 features"):
        posed("OfAgents", {"more": 1})


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("Both", r"read\(\) and read_agent\(agent\), got read and read_agent"),
        ("write", "TypeError"),
        ("Missing", r"data\.path|no 'Missing'"),
    ],
)
def test_classes_that_read_nothing(own: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        posed(own)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.ones((3, 2)), "expected a pair of features and labels, got ndarray"),
        ((np.ones(3), np.ones(3)), r"expected features .*\(points, features\), got .*\(3,\)"),
        ((np.ones((3, 2)), np.ones((3, 1))), r"expected labels .*\(points,\), got .*\(3, 1\)"),
        ((np.ones((3, 2)), np.ones(4)), "as many points, and of one at least, got 3 and 4"),
        ((np.ones((0, 2)), np.ones(0)), "as many points, and of one at least, got 0 and 0"),
        ((np.array([["a"]]), np.ones(1)), "expected features that are numbers"),
        ((np.ones((1, 1)), np.array(["a"])), "expected labels that are numbers"),
        (([[1, 2], [3]], [1, 2]), "ValueError"),
    ],
)
def test_what_is_read_must_be_points(given: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"data mine:Mine: .*{said}|{said}"):
        users_dataset(given, "data mine:Mine")


def test_numbers_that_are_not_finite_name_the_row() -> None:
    reader = CustomReader(path="tests.plugins.test_reader:Whole")
    assert reader.read().features.flags.c_contiguous
    POINTS_OF_ALL[7, 0] = np.nan
    try:
        with pytest.raises(ConfigurationError, match=r"agent \d: data .*first: row 8"):
            posed("Whole")
    finally:
        POINTS_OF_ALL[7, 0] = 0.0


@pytest.mark.parametrize("beside", [{"source": "digits"}, {"index_base": 0}])
def test_one_reader_at_a_time(beside: dict[str, Any]) -> None:
    reader = {"kind": "custom", "path": "tests.plugins.test_reader:Whole"}
    raw = {"groups": {"all": {"share": 1, "sampler": "iid"}}, "data": {"reader": reader, **beside}}
    with pytest.raises(ConfigurationError, match="beside a class that reads data"):
        check(raw)
