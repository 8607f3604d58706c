"""Tables in Parquet give the points that the same table in CSV gives."""

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.tables import HEAD, posed, rows, write
from udsgd_mpi.support.errors import ConfigurationError

NUMERIC = ("age", "pressure", "constant", "outcome")


def columns(lines: list[list[str]]) -> dict[str, Any]:
    """Columns as a data frame has them: of numbers, of texts, with nulls."""
    made = {}
    for k, name in enumerate(HEAD):
        cells = [None if line[k] in {"", "?", "NA"} else line[k] for line in lines]
        if name in NUMERIC:
            made[name] = [None if cell is None else float(cell) for cell in cells]
        else:
            made[name] = pa.array(cells).dictionary_encode()
    return made


def saved(path: Path, made: dict[str, Any], **how: Any) -> Path:
    parquet.write_table(pa.table(made), path, **how)
    return path


def same_points(mine: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(mine.points.features, theirs.points.features)
    np.testing.assert_array_equal(mine.points.labels, theirs.points.labels)
    assert mine.digests == theirs.digests


def test_a_table_in_parquet_is_read_as_in_csv(tmp_path: Path) -> None:
    lines = rows(missing=True)
    in_csv = posed(write(tmp_path / "a.csv", lines), missing="mean")
    # Row groups of seven rows, so that an agent's rows lie in several.
    file = saved(tmp_path / "a.parquet", columns(lines), row_group_size=7)
    same_points(posed(file, missing="mean"), in_csv)


def test_a_folder_of_parquet_has_a_file_for_each_agent(tmp_path: Path) -> None:
    lines = rows()
    for ward in dict.fromkeys(line[0] for line in lines):
        own = columns([line for line in lines if line[0] == ward])
        del own["ward"]
        saved(tmp_path / f"{ward}.parquet", own, compression="gzip")
    (tmp_path / "csv").mkdir()
    in_csv = posed(write(tmp_path / "csv/a.csv", lines))
    same_points(posed(tmp_path, agent=None), in_csv)


def test_truth_values_times_and_decimals_are_cells(tmp_path: Path) -> None:
    days = [dt.date(2020, 1, day) for day in (1, 2, 1, 2)]
    made = {"ward": [b"a", b"a", b"b", b"b"], "day": days, "ill": [True, False, None, True]}
    made["dose"] = pa.array([Decimal(k) for k in range(1, 5)], pa.decimal128(5, 2))
    file = saved(tmp_path / "a.parquet", made | {"outcome": np.arange(4, dtype=np.float32)})
    found = posed(file, categorical=["day"], missing="drop", standardize=False)
    # ill, dose, the first day, the second, intercept; agent a has the first two rows.
    expected = [[1, 1, 1, 0, 1], [0, 2, 0, 1, 1], [1, 4, 0, 1, 1]]
    np.testing.assert_array_equal(found.points.features, expected)
    np.testing.assert_array_equal(found.points.labels, [0, 1, 3])


@pytest.mark.parametrize(
    ("made", "changes", "said"),
    [
        ({"age": [[1.0], [2.0]]}, {}, r"row 1, column 'age': expected a finite number"),
        ({"age": [1.0, None]}, {}, r"agent 1 \(b\): .* row 2, column 'age': expected a value"),
        ({"age": [1.0, float("inf")]}, {}, r"row 2, column 'age': expected a finite number"),
        ({"ward": ["a", None]}, {}, r"row 2, column 'ward': expected the name of an agent"),
        ({}, {"label": "outcomes"}, r"got 'outcomes'; .*'outcome'"),
        ({}, {"names": ["a", "b"]}, r"data.names: expected none for Parquet"),
    ],
)
def test_cells_that_are_wrong_are_named(
    tmp_path: Path, made: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    table = {"ward": ["a", "b"], "age": [1.0, 2.0], "outcome": [0.0, 1.0]} | made
    file = saved(tmp_path / "a.parquet", table)
    with pytest.raises(ConfigurationError, match=said):
        posed(file, **{"categorical": []} | changes)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.parquet", columns(rows())).read_bytes()
    middle = bytearray(whole)
    middle[20:60] = bytes(40)
    for content in (b"", b"ward,outcome\na,1\n", whole[:-20], whole[40:], bytes(middle)):
        (file := tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"a\.parquet: expected Parquet, got: "):
            posed(file)
    with pytest.raises(ConfigurationError, match=r"none\.parquet: cannot be read"):
        posed(tmp_path / "none.parquet")


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(tmp_path / "a.parquet", columns(rows()))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'udsgd_mpi\[parquet\]'"):
        posed(file)
