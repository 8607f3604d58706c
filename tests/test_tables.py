"""Tables give each agent its rows, points as scikit-learn makes them of the pooled file."""

import logging
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.claimed import measured
from tests.tables import AGENTS, HEAD, SIZES, posed, rows, settings, write
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.read import to_toml, variants


def pooled(lines: list[list[str]]) -> np.ndarray:
    """What scikit-learn makes of all rows, agent after agent."""
    ordered = [line for ward in AGENTS for line in lines if line[0] == ward]
    table = np.array(ordered, dtype=object)
    absent = np.isin(table, ["", "?", "NA"])
    numbers = np.where(absent, "nan", table)[:, [1, 2, 4]].astype(float)
    sex = table[:, [5]].astype(float)
    place = np.where(absent, "~", table)[:, [3]].astype(str)  # sorted behind all others
    made = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), [0, 1, 2]),
            ("p", OneHotEncoder(sparse_output=False), [3]),
            ("s", OneHotEncoder(sparse_output=False), [4]),
        ]
    ).fit_transform(np.concatenate([numbers, place, sex], axis=1, dtype=object))
    return np.column_stack([np.asarray(made, dtype=float), np.ones(len(made))])


@pytest.mark.parametrize("missing", [False, True])
def test_points_are_those_of_scikit_learn(missing: bool, tmp_path: Path) -> None:
    lines = rows(missing=missing)
    found = posed(write(tmp_path / "all.csv.gz", lines), missing="mean" if missing else "error")
    assert [entry.points for entry in found.summaries] == [SIZES[ward] for ward in AGENTS]
    expected = pooled(lines)
    # place stands before constant in the file, but categories behind all numbers
    np.testing.assert_allclose(found.points.features, expected, rtol=0, atol=1e-12)
    outcomes = [float(line[-1]) for ward in AGENTS for line in lines if line[0] == ward]
    np.testing.assert_array_equal(found.points.labels, outcomes)
    assert found.experiment.data.is_of_agents
    assert not found.portable


def test_rows_with_missing_values_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = rows(missing=True)
    kept = [line for line in lines if not {"", "?", "NA"} & {*line}]
    with caplog.at_level(logging.WARNING):
        found = posed(write(tmp_path / "all.csv", lines), missing="drop")
    expected = posed(write(tmp_path / "kept.csv", kept))
    np.testing.assert_array_equal(found.points.features, expected.points.features)
    assert "agent 1 (ward 2)" in caplog.text
    assert "of 40 rows are left out, as values are missing (the label in 0 of" in caplog.text


def test_a_file_for_each_agent_gives_the_same_bits(tmp_path: Path) -> None:
    lines = rows()
    whole = posed(write(tmp_path / "all.csv", lines))
    (tmp_path / "wards").mkdir()
    for k, ward in enumerate(AGENTS):
        own = [line[1:][::-1] for line in lines if line[0] == ward]  # in another order of columns
        head = HEAD[1:][::-1]
        if k == 0:
            own, head = [line[::-1] for line in own], head[::-1]
        write(tmp_path / "wards" / f"{ward}.csv{'.gz' * (k == 1)}", own, head)
        write(tmp_path / f"{k:02d}.data", own, head)
    (tmp_path / "wards/README.md").write_text("no table")
    folder = posed(tmp_path / "wards", agent=None)
    each = posed(tmp_path / "{agent:02d}.data", {"agents": 3}, agent=None)
    for other in (folder, each):
        np.testing.assert_array_equal(other.points.features, whole.points.features)
        assert other.digests == whole.digests
        np.testing.assert_array_equal(other.minimizer, whole.minimizer)


def test_columns_without_names_and_another_separator(tmp_path: Path) -> None:
    lines = rows()
    path = tmp_path / "all.data"
    path.write_text("\n".join(";".join(line) for line in lines))
    found = posed(path, names=HEAD, separator=";")
    expected = posed(write(tmp_path / "all.csv", lines))
    np.testing.assert_array_equal(found.points.features, expected.points.features)


@pytest.mark.parametrize("weighting", ["points", "agents"])
def test_minimisers_are_those_of_scikit_learn(weighting: str, tmp_path: Path) -> None:
    """Weighted by points f is that of the pooled rows; else every agent's rows weigh 1 / n_i."""
    path = write(tmp_path / "all.csv", rows())
    sizes = np.array([SIZES[ward] for ward in AGENTS])
    of_each = 1 / (sizes * len(sizes)) if weighting == "agents" else np.full(3, 1 / sizes.sum())
    weights = np.repeat(of_each, sizes)
    l2 = 0.1
    found = posed(path, {"weighting": weighting})
    ridge = Ridge(alpha=l2, fit_intercept=False, tol=1e-14)
    ridge.fit(found.points.features, found.points.labels, sample_weight=weights)
    np.testing.assert_allclose(found.minimizer, ridge.coef_, rtol=0, atol=1e-8)
    assert np.mean([entry.share for entry in found.summaries]) == pytest.approx(1)
    found = posed(
        path, {"weighting": weighting, "objective": {"kind": "logistic", "l2": l2}}, above=0
    )
    logistic = LogisticRegression(C=1 / l2, fit_intercept=False, tol=1e-12, solver="newton-cg")
    logistic.fit(found.points.features, found.points.labels, sample_weight=weights)
    np.testing.assert_allclose(found.minimizer, logistic.coef_[0], rtol=0, atol=1e-8)


def test_labels_may_be_categories(tmp_path: Path) -> None:
    path = write(tmp_path / "all.csv", rows())
    found = posed(path, label="place", categorical=["place"], drop=["outcome"])
    assert {*found.points.labels.tolist()} == {0.0, 1.0, 2.0}
    assert found.points.features.shape[1] == 5


@pytest.mark.parametrize(
    "over", [{"source": "digits"}, {"path": "{agent}.svm"}, {"kind": "custom", "path": "a:B"}]
)
def test_other_data_take_the_place_of_a_table(over: dict[str, Any]) -> None:
    """As the quick size of an experiment, a variant or the command line lays them over it."""
    table = {"kind": "table", "path": "a.csv", "label": "y"}
    for below, above in ((table, over), (over, table)):
        raw = {"groups": {"all": {"sampler": "iid"}}, "data": {**below, "standardize": True}}
        laid_over = variants(raw | {"variant": {"main": {"data": above}}}, {})
        alone = variants(raw | {"data": {**above, "standardize": True}}, {})
        assert laid_over == alone
        assert variants(tomllib.loads(to_toml(alone)), {}) == alone
    assert check(settings(Path("a.csv"))).data.reader is not None


def test_the_table_says_how_unequal_agents_count() -> None:
    unequal = {"points": np.array([2, 40, 13]), "shares": np.ones(3)}
    assert measured(np.ones(4), **unequal).composition == "1 iid, of 2 to 40 points, counted alike"
    unequal["shares"] = np.array([0.1, 2.2, 0.7])
    said = "1 iid, of 2 to 40 points, counted by their points"
    assert measured(np.ones(4), **unequal).composition == said
    assert measured(np.ones(4), points=np.array([9, 9, 9])).composition == "1 iid"
