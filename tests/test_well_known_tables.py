"""Well-known tables are found by name, with every file, and have the minimisers of scikit-learn."""

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from tests.tables import posed, rows, write
from udsgd_mpi.data.tables.sets import TABLES
from udsgd_mpi.experiment.check import check
from udsgd_mpi.problem import LoneTeam, pose, with_agents_of_data
from udsgd_mpi.support.errors import ConfigurationError


def test_well_known_tables_are_looked_for_in_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UDSGD_DATA", str(tmp_path))
    place = tmp_path / "deployments/heart_disease"
    place.mkdir(parents=True)
    for remote in TABLES["heart_disease"].files:
        row = ",".join(["1"] * 13)
        (place / remote.name).write_text(f"{row},0\n{row},2\n")
    found = posed(Path("heart_disease"), agent=None, label="num", categorical=["cp"], above=0)
    assert found.points.labels.tolist() == [0, 1] * 4
    assert found.points.features.shape == (8, 14)
    (tmp_path / "parkinsons").mkdir()
    packed = write(tmp_path / "parkinsons/parkinsons_updrs.data.gz", rows())
    assert TABLES["parkinsons"].fetch() == packed


def station(hours: int, seed: int) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    weather = rng.normal(size=(hours, 2))
    label = weather @ [3, -1] + rng.normal(size=hours)
    return [[f"{y:.3f}", *map(repr, x)] for y, x in zip(label, weather.tolist(), strict=True)]


def test_hours_without_a_label_are_left_out_and_counted_with_the_gaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """θ* is that of scikit-learn on the complete rows of all files."""
    monkeypatch.setenv("UDSGD_DATA", str(tmp_path))
    (tmp_path / "beijing_air").mkdir()
    whole = []
    for k, remote in enumerate(TABLES["beijing_air"].files):
        hours = station(30, k)
        if k == 2:
            # One gap of two hours, one of one, and one at the end, after which no hour follows.
            for hour, column in ((4, 0), (5, 1), (9, 0), (29, 2)):
                hours[hour][column] = "NA"
        write(tmp_path / "beijing_air" / f"{remote.name}.gz", hours, ["PM2.5", "TEMP", "DEWP"])
        whole += [hour for hour in hours if "NA" not in hour]
    data: dict[str, Any] = {
        "agent": None,
        "label": "PM2.5",
        "categorical": [],
        "standardize": False,
    }
    with caplog.at_level(logging.WARNING):
        found = posed(Path("beijing_air"), {"weighting": "points"}, **data, missing="drop")
    said = "4 of 30 rows are left out, as values are missing (the label in 2 of them); gaps between"
    assert f"agent 2 (PRSA_Data_Dingling_20130301-20170228): {tmp_path}" in caplog.text
    assert f"{said} rows that are kept: 2\n" in caplog.text
    assert [entry.points for entry in found.summaries] == [30, 30, 26, *[30] * 9]
    table = np.array(whole, dtype=float)
    expected = Ridge(alpha=0.1 * len(table), fit_intercept=False, tol=1e-14)
    expected.fit(np.column_stack([table[:, 1:], np.ones(len(table))]), table[:, 0])
    np.testing.assert_allclose(found.minimizer, expected.coef_, rtol=0, atol=1e-8)
    with pytest.raises(ConfigurationError, match=r"Dingling.*line 6, column 'PM2.5': expected a"):
        posed(Path("beijing_air"), **data)


@pytest.mark.skipif(
    not (Path(os.environ.get("UDSGD_DATA", "nowhere")) / "deployments").is_dir(),
    reason="UDSGD_DATA names no folder with deployments",
)
@pytest.mark.parametrize(
    ("changes", "agents", "of"),
    [
        ({"path": "heart_disease", "label": "num", "above": 0, "missing": "drop"}, 4, 740),
        ({"path": "parkinsons", "label": "motor_UPDRS", "agent": "subject#"}, 42, 5875),
        pytest.param(
            {
                "path": "beijing_air",
                "label": "PM2.5",
                "columns": ["SO2", "NO2", "CO", "O3", "TEMP", "PRES", "DEWP", "WSPM"],
                "missing": "drop",
            },
            12,
            383_771,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_minimisers_of_deployments_are_those_of_scikit_learn(
    changes: dict[str, Any], agents: int, of: int
) -> None:
    few = {4: {"drop": ["slope", "ca", "thal"]}, 42: {"drop": ["total_UPDRS"]}}.get(agents, {})
    data = {"kind": "table", "standardize": True, **few, **changes}
    kind = "logistic" if agents == 4 else "ridge"
    raw = {"data": data, "objective": {"kind": kind, "l2": 0.1}, "weighting": "points"}
    experiment = check(raw | {"groups": {"all": {"sampler": "iid"}}})
    experiment = with_agents_of_data({"main": experiment})["main"]
    assert experiment.agents == agents
    found = pose(experiment, LoneTeam(agents))
    assert len(found.points.labels) == of
    if kind == "ridge":
        model = Ridge(alpha=0.1 * of, fit_intercept=False, tol=1e-14)
    else:
        model = LogisticRegression(C=10 / of, fit_intercept=False, tol=1e-12, solver="newton-cg")
    model.fit(found.points.features, found.points.labels)
    np.testing.assert_allclose(found.minimizer, model.coef_.ravel(), rtol=0, atol=1e-8)
