"""Whatever a file holds, reading it ends in a result or in one clear error."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from udsgd_mpi.communication.given_weights import read_weights
from udsgd_mpi.data.datasets import load
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.graphs.files import read_graph
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.storage.measured import read_measures
from udsgd_mpi.storage.read import read_runs
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.storage.write import write_results
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.graphs import from_networkx

EXAMPLES = 200

TOML = b"""steps = 10
topology = "ring"
[groups.a]
share = 0.5
sampler = { kind = "srrw", alpha = 2.0 }
graph = "complete"
[groups.b]
share = 0.5
sampler = "iid"
[variant.x]
[variant.y]
groups.a.sampler = "srw"
"""
EDGES = b"# three nodes\n0 1\n1 2\n2 0\n"
GML = b'graph [ node [ id 0 label "a" ] node [ id 1 label "b" ] edge [ source 0 target 1 ] ]\n'
GRAPHML = (
    b'<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    b'<graph edgedefault="undirected"><node id="a"/><node id="b"/>'
    b'<edge source="a" target="b"/></graph></graphml>'
)
MATRIX_MARKET = b"%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 1\n"
JSON = b'{"nodes": [{"id": 0}, {"id": 1}], "edges": [{"source": 0, "target": 1}]}'
LIBSVM = b"1 1:0.5 3:2\n-1 2:1e-3\n"
MATRIX = b"0.5 0.25 0.25\n0.25 0.5 0.25\n0.25 0.25 0.5\n"
TRIANGLE = from_networkx(nx.complete_graph(3), "triangle")


def results(path: Path) -> bytes:
    run = Run(
        {"title": "t", "complete": True},
        {
            "step": Variable(np.array([1, 2]), ("step",), "n"),
            "step_size": Variable(np.array([1, 0.5]), ("step",), "gamma"),
            "trial": Variable(np.arange(2), ("trial",), "t"),
            "parameter": Variable(np.arange(1), ("parameter",), "p"),
            "agent": Variable(np.arange(1), ("agent",), "i"),
            "group": Variable(np.array(["all"], dtype=object), ("agent",), "g"),
            "sampler": Variable(np.array(["iid"], dtype=object), ("agent",), "s"),
            "theta_mean": Variable(np.ones((2, 2, 1)), ("step", "trial", "parameter"), "theta"),
            "squared_error": Variable(np.ones((2, 2)), ("step", "trial"), "e"),
            "consensus_error": Variable(np.ones((2, 2)), ("step", "trial"), "c"),
        },
    )
    root = dict.fromkeys(("started", "written", "udsgd_mpi_version"), "1")
    root |= {"status": "complete", "configuration": "variant.a.steps = 2\n"}
    write_results(path, root, {"a": run})
    return path.read_bytes()


def read_settings(path: Path) -> object:
    return variants(read_experiment(path), {})


def read_data(path: Path) -> object:
    return load(str(path))


def read_matrix(path: Path) -> object:
    return read_weights(path, TRIANGLE)


PARSERS: dict[str, tuple[str, bytes, Callable[[Path], object]]] = {
    "experiment": ("a.toml", TOML, read_settings),
    "edge list": ("a.edgelist", EDGES, read_graph),
    "gml": ("a.gml", GML, read_graph),
    "csv": ("a.csv", b"source,target\n0,1\n1,2\n", read_graph),
    "adjacency list": ("a.txt", b"a b c\nb a\nc a\n", read_graph),
    "pajek": ("a.net", b'*Vertices 2\n1 "a"\n2 "b"\n*Edges\n1 2\n', read_graph),
    "json": (
        "a.json",
        JSON,
        read_graph,
    ),
    "metis": ("a.graph", b"3 2\n2 3\n1\n1\n", read_graph),
    "dimacs": ("a.col", b"p edge 3 2\ne 1 2\ne 1 3\n", read_graph),
    "matrix market": ("a.mtx", MATRIX_MARKET, read_graph),
    "graphml": ("a.graphml", GRAPHML, read_graph),
    "libsvm": ("a.svm", LIBSVM, read_data),
    "weights": ("a.txt", MATRIX, read_matrix),
}


def read_or_refuse(read: Callable[[Path], object], path: Path) -> None:
    with suppress(ConfigurationError):
        read(path)


def changed(data: st.DataObject, content: bytes) -> bytes:
    """A file with some bytes replaced, taken out or put in, or something else altogether."""
    if data.draw(st.integers(0, 9)) == 0:
        return data.draw(st.binary(max_size=100))
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(content)))
        last = data.draw(st.integers(first, min(len(content), first + 5)))
        content = content[:first] + data.draw(st.binary(max_size=5)) + content[last:]
    return content


@pytest.mark.parametrize("kind", PARSERS)
@given(data=st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_text(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    name, valid, read = PARSERS[kind]
    path = tmp_path / name
    path.write_bytes(valid)
    read(path)
    path.write_bytes(changed(data, valid))
    read_or_refuse(read, path)


@pytest.mark.parametrize("missing", ["squared_error", "step", "sampler", "step_size"])
def test_results_without_a_dataset(missing: str, tmp_path: Path) -> None:
    results(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file[f"runs/a/{missing}"]
    with pytest.raises(ConfigurationError):
        read_measures(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["started", "status", "configuration"])
def test_results_without_an_attribute(name: str, tmp_path: Path) -> None:
    results(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file.attrs[name]
    with pytest.raises(ConfigurationError, match=name):
        read_runs(tmp_path / "a.h5")


@pytest.mark.parametrize("configuration", ["=", "", "variant = 3", "variant.b.steps = 2"])
def test_results_with_other_settings(configuration: str, tmp_path: Path) -> None:
    results(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["configuration"] = configuration
    with pytest.raises(ConfigurationError, match="changed or damaged"):
        read_runs(tmp_path / "a.h5")


def test_a_column_far_out(tmp_path: Path) -> None:
    (tmp_path / "a.svm").write_bytes(b"1 1:1 2000000000:1\n-1 1:2\n")
    groups = {"all": {"share": 1, "sampler": "iid"}}
    experiment = check({"data": {"source": str(tmp_path / "a.svm")}, "groups": groups})
    with pytest.raises(ConfigurationError, match=r"d = 2,000,000,000 parameters.* of memory"):
        pose(experiment, LoneTeam(2))
