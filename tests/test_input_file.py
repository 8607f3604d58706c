"""What would hang or never end if it were read is refused before it is opened."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest

from udsgd_mpi.cluster.site import read_site
from udsgd_mpi.communication.given_weights import read_weights
from udsgd_mpi.data.libsvm import read_libsvm
from udsgd_mpi.experiment.read import read_experiment
from udsgd_mpi.graphs.files import read_graph
from udsgd_mpi.storage.checkpoint import read_checkpoint
from udsgd_mpi.storage.measured import read_measures
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import require_regular_file
from udsgd_mpi.testing.graphs import from_networkx

TRIANGLE = from_networkx(nx.complete_graph(3), "triangle")
READERS: dict[str, Callable[[Path], object]] = {
    "checkpoint": read_checkpoint,
    "data.svm": read_libsvm,
    "edges": read_graph,
    "experiment": read_experiment,
    "graph.gml": read_graph,
    "results": read_measures,
    "site.toml": lambda path: read_site(str(path)),
    "weights": lambda path: read_weights(path, TRIANGLE),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_fifo(reader: str, tmp_path: Path) -> None:
    path = tmp_path / reader
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="expected a regular file, got a FIFO") as got:
        READERS[reader](path)
    assert str(got.value).count("expected") == 1


def test_other_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket has a short name
        server.bind("socket")
        for path, kind in (("/dev/zero", "a device"), (".", "a folder"), ("socket", "a socket")):
            with pytest.raises(ConfigurationError, match=f"^it: expected .*, got {kind}"):
                require_regular_file(Path(path), "it")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(ConfigurationError, match="got a device"):
        require_regular_file(tmp_path / "link", "it")


def test_a_file_and_nothing_pass(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    require_regular_file(tmp_path / "file", "it")
    require_regular_file(tmp_path / "nothing", "it")


def test_a_name_that_can_be_of_no_file(tmp_path: Path) -> None:
    for name in ("a" * 300, "a\0b"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            require_regular_file(tmp_path / name, "it")
