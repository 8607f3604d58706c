"""Agents tell each other no more labels than it takes to use them as classes, or refuse them."""

from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from udsgd_mpi.experiment.check import check
from udsgd_mpi.objectives import Logistic, Objective, Softmax
from udsgd_mpi.objectives.network.settings import Network
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.support.errors import ConfigurationError

T = TypeVar("T")
AGES = 20.5 + np.arange(60)


class Heard(LoneTeam):
    """Notes all that agents tell each other."""

    def __init__(self, agents: int) -> None:
        super().__init__(agents)
        self.said: list[object] = []

    def allgather(self, items: list[T]) -> list[T]:
        self.said += items
        return super().allgather(items)


@pytest.mark.parametrize(
    ("kind", "told", "message"),
    [
        ("logistic", 3, r"two classes for logistic.* got more than two \(20\.5, 21\.5, 22\.5\)"),
        ("softmax", 1, r"whole numbers of two classes or more.* got 20\.5"),
    ],
)
def test_a_column_that_is_no_label_is_refused_before_it_is_told(
    kind: str, told: int, message: str, tmp_path: Path
) -> None:
    for i in range(2):
        rows = [f"{age},{k % 3}" for k, age in enumerate(AGES[i::2].tolist())]
        (tmp_path / f"site{i}.csv").write_text("\n".join(["age,dose", *rows]))
    groups = {"all": {"share": 1, "sampler": "iid"}}
    data = {"kind": "table", "path": str(tmp_path), "label": "age"}
    experiment = check({"data": data, "objective": {"kind": kind}, "groups": groups})
    team = Heard(2)
    with pytest.raises(ConfigurationError, match=message):
        pose(experiment, team)
    heard = np.concatenate([np.ravel(each) for each in team.said if isinstance(each, np.ndarray)])
    assert np.isin(AGES, heard).sum() == told


@pytest.mark.parametrize(
    ("objective", "labels", "found"),
    [
        (Logistic(), [-1.0, 1, 1, -1], [-1, 1]),
        (Logistic(), [5.0, 3, 4, 2], [2, 3, 4]),
        (Softmax(), [7.0, 2, 5, 2], [2, 5, 7]),
        (Softmax(), [7.0, 2.5, 0.5, 3], [0.5]),
        (Network(), [7.0, 2, 5, 2], [2, 5, 7]),
        (Network(), [7.0, 2.5, 0.5, 3], [0.5]),
        (Network(outputs=6), [7.0, 2, 5, 2.5], [2, 5]),
    ],
)
def test_classes_of_all_agents_are_those_among_what_each_tells(
    objective: Objective, labels: list[float], found: list[float]
) -> None:
    all_labels = np.array(labels)
    parts = [objective.classes_among(all_labels[some]) for some in (slice(2), slice(2, None))]
    assert objective.classes_among(all_labels).tolist() == found
    assert objective.classes_among(np.concatenate(parts)).tolist() == found
