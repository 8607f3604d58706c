"""Tables that are not what they should be are refused by agent, file, line and column."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tables import HEAD, posed, rows, write
from udsgd_mpi.support.errors import ConfigurationError


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
