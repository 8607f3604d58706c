"""Tables give each agent its rows, points as scikit-learn makes them of the pooled file."""

import gzip
import logging
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.test_claims import measured
from udsgd_mpi.data.tables.sets import TABLES
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.read import to_toml, variants
from udsgd_mpi.problem import LoneTeam, Problem, pose, with_agents_of_data
from udsgd_mpi.support.errors import ConfigurationError

SIZES = {"ward 10": 2, "ward 2": 40, "ward 1": 13}  # not in natural order, and one of two rows
AGENTS = ["ward 1", "ward 2", "ward 10"]
HEAD = ["ward", "age", "pressure", "place", "constant", "sex", "outcome"]


def rows(*, missing: bool = False) -> list[list[str]]:
    """Cells of all agents, one row after the other in turn as long as there are any."""
    rng = np.random.default_rng(4)
    found = []
    left = dict(SIZES)
    while any(left.values()):
        for ward in [name for name, count in left.items() if count]:
            left[ward] -= 1
            age, pressure = rng.normal(60, 9), rng.normal(1010, 0.3)
            place = rng.choice(["town", "a, b", "sea"])
            sex = rng.choice(["1", "1.0", "2", "10"])
            outcome = str(int(rng.integers(4)))
            row = [ward, f"{age!r}", f"{pressure:.2f}", place, "0.1", sex, outcome]
            if missing and rng.random() < 0.3:
                row[rng.integers(1, 4)] = str(rng.choice(["", "?", "NA"]))
            found.append(row)
    return found


def write(path: Path, lines: list[list[str]], head: list[str] | None = None) -> Path:
    quoted = [[f'"{c}"' if "," in c else c for c in line] for line in [head or HEAD, *lines]]
    text = "\n".join(",".join(line) for line in quoted) + "\n\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def settings(path: Path, **changes: Any) -> dict[str, Any]:
    data = {"kind": "table", "path": str(path), "label": "outcome", "agent": "ward"}
    data |= {"categorical": ["place", "sex"], "standardize": True} | changes
    objective = {"kind": "ridge", "l2": 0.1}
    return {"data": data, "objective": objective, "groups": {"all": {"sampler": "iid"}}}


def posed(path: Path, more: Mapping[str, Any] | None = None, **changes: Any) -> Problem:
    experiment = check(settings(path, **changes) | dict(more or {}))
    experiment = with_agents_of_data({"main": experiment})["main"]
    return pose(experiment, LoneTeam(experiment.agents or 1))


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


def changed(k: int, column: str, cell: str) -> list[list[str]]:
    lines = rows()
    lines[k][HEAD.index(column)] = cell
    return lines


@pytest.mark.parametrize(
    ("lines", "changes", "said"),
    [
        (
            changed(5, "age", "forty"),
            {},
            r"line 7, column 'age': expected a finite number, got 'fo",
        ),
        (changed(5, "age", "inf"), {}, "line 7, column 'age': expected a finite number, got 'inf'"),
        (changed(5, "age", "1_0"), {}, "line 7, column 'age': expected a finite number, got '1_0'"),
        (
            changed(4, "age", "?"),
            {},
            r"agent 1 \(ward 2\): .* line 6, column 'age': expected a val",
        ),
        (changed(4, "outcome", ""), {}, "line 6, column 'outcome': expected a value, got none"),
        (changed(4, "ward", ""), {}, "line 6, column 'ward': expected the name of an agent"),
        (rows(), {"label": "outcom"}, "data.label: .*'outcom'; did you mean 'outcome'"),
        (rows(), {"agent": "wrd"}, "data.agent: .*'wrd'; did you mean 'ward'"),
        (rows(), {"columns": ["aeg"]}, "data.columns: .*'aeg'; did you mean 'age'"),
        (rows(), {"drop": ["sexes"]}, "data.drop: .*'sexes'; did you mean 'sex'"),
        (rows(), {"categorical": ["plaice"]}, "data.categorical: .*did you mean 'place'"),
        (rows(), {"agent": None}, "data.agent: expected the column of .* with the names of agents"),
        (rows(), {"names": HEAD[:-1], "label": "sex"}, "line 1: expected 6 cells, as many as colu"),
        ([*rows(), ["ward 1", "3"]], {}, "line 57: expected 7 cells, as many as columns have"),
        ([], {}, "expected rows of agents, got none"),
    ],
)
def test_what_is_wrong_is_named(
    lines: list[list[str]], changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        posed(write(tmp_path / "all.csv", lines), **changes)


def test_agents_without_rows_are_named(tmp_path: Path) -> None:
    lines = [[*line[:1], "", *line[2:]] if line[0] == "ward 10" else line for line in rows()]
    path = write(tmp_path / "all.csv", lines)
    with pytest.raises(ConfigurationError, match=r"agent 2 \(ward 10\): .*got none of 2; drop the"):
        posed(path, missing="drop")
    for line in lines:
        line[1] = ""
    with pytest.raises(ConfigurationError, match="column 'age': expected a value of some agent"):
        posed(write(tmp_path / "none.csv", lines), missing="mean")
    with pytest.raises(ConfigurationError, match=r"agents: expected 3, .* got 5; leave agents out"):
        posed(path, {"agents": 5}, missing="drop")
    (tmp_path / "wards").mkdir()
    write(tmp_path / "wards/a.csv", [line[1:] for line in rows()], HEAD[1:])
    write(tmp_path / "wards/b.csv", [], HEAD[1:])
    with pytest.raises(ConfigurationError, match=r"agent 1: .*b.csv: expected rows, got the names"):
        posed(tmp_path / "wards", agent=None)


def test_files_that_differ_in_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "wards").mkdir()
    write(tmp_path / "wards/a.csv", [line[1:] for line in rows()], HEAD[1:])
    write(tmp_path / "wards/b.csv", [line[1:] for line in rows()], ["years", *HEAD[2:]])
    said = (
        r"agent 1 \(b\): .*b.csv: expected the columns of .*a.csv, got further ones \(years\) and"
    )
    with pytest.raises(ConfigurationError, match=said + " none of age"):
        posed(tmp_path / "wards", agent=None)
    with pytest.raises(ConfigurationError, match="beside a folder with a file for each agent"):
        posed(tmp_path / "wards")
    posed(tmp_path / "wards", agent=None, columns=["pressure", "sex"])


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    files: Iterator[tuple[str, bytes, str]] = iter(
        [
            ("empty.csv", b"", "expected CSV, got an empty file"),
            ("latin.csv", b"ward,outcome\n\xe9,1\n", "expected UTF-8, got byte 0xe9"),
            ("quote.csv", b'ward,outcome\n"a,1\n', "expected complete CSV"),
            (
                "cut.csv.gz",
                gzip.compress(b"ward,outcome\na,1\n" * 9, mtime=0)[:-9],
                "expected complete CSV",
            ),
            ("twice.csv", b"ward,outcome,ward\na,1,b\n", "got 'ward' twice or more"),
        ]
    )
    for name, content, said in files:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigurationError, match=said):
            posed(tmp_path / name, categorical=[])
    with pytest.raises(ConfigurationError, match=r"missing\.csv: cannot be read"):
        posed(tmp_path / "missing.csv")
    with pytest.raises(ConfigurationError, match="expected a folder with a file for each agent"):
        posed(tmp_path / "folder", agent=None)


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


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"b.csv": "y,x\nNA,1\n,2\n"}, r"agent 1 \(b\): .*'y': expected a label in one row at l"),
        ({"b.csv": "y,x\n1,NA\n2,?\n"}, r"agent 1 \(b\): .*expected a row without missing values"),
        ({"b.csv": "y,x\n"}, r"agent 1: .*b\.csv: expected rows, got the names of columns alone"),
        ({"b.csv": ""}, r"agent 1: data file .*b\.csv: expected CSV, got an empty file"),
        ({"b.csv": "z,x\n1,2\n"}, r"data\.label: expected a column of .*b\.csv, got 'y'"),
        ({"b.csv": "y,xx\n1,2\n"}, r"agent 1 \(b\): .*further ones \(xx\) and none of x"),
        ({"b.csv": "y,x,u\n1,2,3\n"}, r"agent 1 \(b\): .*further ones \(u\);"),
        ({"b.csv": "y,x\n1,2,3\n"}, r"agent 1: .*b\.csv: line 2: expected 2 cells"),
        ({"b.csv": "y,x\n1,2\n", "b.txt": "y,x\n3,4\n"}, r"got b\.csv and b\.txt for b; remove"),
    ],
)
def test_what_is_wrong_with_one_file_of_a_folder_is_named(
    files: dict[str, str], said: str, tmp_path: Path
) -> None:
    for name, text in {"a.csv": "y,x\n1,2\n3,5\n", **files}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        posed(tmp_path, agent=None, label="y", categorical=[], missing="drop")


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
