"""LIBSVM files mean the same however they are packed, marked and counted from."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from udsgd_mpi.communication.given_weights import read_weights
from udsgd_mpi.data.datasets import load
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.read import read_experiment
from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.support.errors import ConfigurationError

FEATURES = np.array([[0.5, 0, 2], [0, 1.5, 0], [1, 1, 0]])
LABELS = [1, -1, 2.5]


def libsvm(base: int, features: np.ndarray = FEATURES, *, zeros: bool = False) -> str:
    rows = [
        " ".join(f"{k + base}:{v}" for k, v in enumerate(row) if v or zeros) for row in features
    ]
    return "".join(f"{label} {row}\n" for label, row in zip(LABELS, rows, strict=True))


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["data", "data.svm", "DATA.SVM.GZ"])
def test_the_same_points(
    base: int,
    pack: Callable[[bytes], bytes],
    mark: bytes,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = f"# a comment\n{libsvm(base)}".replace("\n", "  # x\n").encode()
    (tmp_path / name).write_bytes(pack(mark + text))
    monkeypatch.chdir(tmp_path)
    features, labels, _ = load(name)
    np.testing.assert_array_equal(features, FEATURES)
    np.testing.assert_array_equal(labels, LABELS)


def test_queries_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.svm").write_text("1 qid:3 1:0.5\n-1 qid:3 2:1\n")
    np.testing.assert_array_equal(load(str(tmp_path / "x.svm")).features, [[0.5, 0], [0, 1]])


def test_the_index_base_is_a_setting(tmp_path: Path) -> None:
    path = str(tmp_path / "x.svm")
    Path(path).write_text(libsvm(1))
    assert load(path, 0).features.shape == (3, 4)
    np.testing.assert_array_equal(load(path, 0).features[:, 1:], FEATURES)
    np.testing.assert_array_equal(load(path, 1).features, FEATURES)
    Path(path).write_text(libsvm(0) + "1 1:2\n")
    with pytest.raises(ConfigurationError, match=r"data\.index_base: expected indices from 1"):
        load(path, 1)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "got an empty file"),
        (b"# nothing\n", "got an empty file"),
        (b"1\n-1\n", "got labels alone"),
        (libsvm(1).encode("utf-16"), "expected UTF-8, got UTF-16"),
        (gzip.compress(libsvm(1).encode(), mtime=0)[:40], "expected complete LIBSVM text"),
        (lzma.compress(libsvm(1).encode())[:40], "expected complete LIBSVM text"),
        (b"1 2:1 1:1\n", "sorted"),
        (b"1 -1:1\n", "index -1"),
        (b"a 1:1\n", "LIBSVM text"),
    ],
)
def test_refused(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "x.svm").write_bytes(content)
    with pytest.raises(ConfigurationError, match=expected):
        load(str(tmp_path / "x.svm"))


def minimizer(folder: Path, **data: object) -> np.ndarray:
    experiment = check(
        {
            "agents": 2,
            "data": {"path": str(folder / "own-{agent}.svm"), **data},
            "objective": {"kind": "ridge", "l2": 0.5},
            "groups": {"all": {"share": 1, "sampler": "iid"}},
        }
    )
    return pose(experiment, LoneTeam(2)).minimizer


@pytest.mark.parametrize("first_has_it", [True, False])
def test_one_index_base_for_all_agents(first_has_it: bool, tmp_path: Path) -> None:
    parts = np.random.default_rng(5).normal(size=(2, 3, 4))
    parts[1, :, 0] = 0  # the other file has no index 0
    for i, features in enumerate(parts if first_has_it else parts[::-1]):
        (tmp_path / f"own-{i}.svm").write_text(libsvm(0, features))
    X, y = np.concatenate(parts), np.tile(LABELS, 2)
    expected = np.linalg.solve(X.T @ X / 6 + 0.5 * np.eye(4), X.T @ y / 6)
    np.testing.assert_allclose(minimizer(tmp_path), expected, rtol=1e-9)
    np.testing.assert_allclose(minimizer(tmp_path, index_base=0), expected, rtol=1e-9)
    with pytest.raises(ConfigurationError, match="index_base"):
        minimizer(tmp_path, index_base=1)


@pytest.mark.parametrize("value", [2, "one", True])
def test_other_index_bases_are_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"data\.index_base"):
        minimizer(tmp_path, index_base=value)


def test_marks_before_weights_and_settings(tmp_path: Path) -> None:
    pair = Graph.of_edges(2, np.array([0]), np.array([1]))
    W, toml = tmp_path / "w.txt", tmp_path / "x.toml"
    W.write_bytes(b"\xef\xbb\xbf0.5 0.5\r\n0.5 0.5\r\n")
    assert read_weights(W, pair).values.tolist() == [0.5] * 4
    toml.write_bytes(b"\xef\xbb\xbfsteps = 5\r\n")
    assert read_experiment(toml) == {"steps": 5}
    for path, read in ((W, lambda path: read_weights(path, pair)), (toml, read_experiment)):
        path.write_bytes("1 0\n".encode("utf-16"))
        with pytest.raises(ConfigurationError, match="got UTF-16"):
            read(path)
        path.write_bytes(b"# a\n1 \xe4\n")
        with pytest.raises(ConfigurationError, match="line 2: expected UTF-8"):
            read(path)
