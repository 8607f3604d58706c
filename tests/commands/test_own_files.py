"""Data that stay where they are: files of each agent give the bits of one shared file."""

from pathlib import Path

import h5py
import networkx as nx
import numpy as np
import pytest

from tests.launch import udsgd
from udsgd_mpi.data.datasets import load
from udsgd_mpi.data.partition import Even
from udsgd_mpi.testing.bits import bits_of

pytestmark = pytest.mark.launcher

AGENTS, SEED = 5, 3
EXPERIMENT = f"""
agents = {AGENTS}
steps = 60
trials = 3
seed = {SEED}
data.standardize = true
topology = "star"
record = {{ detail = "iterates", predict = false }}
groups.walkers.agents = "0-2"
groups.walkers.sampler = "nbrw"
groups.batches = {{ agents = "3-4", sampler = "reshuffling", batch = 7 }}
"""
SHARED = 'data.source = "all.svm"\ngroups.walkers.graph = "ring.edgelist"\n'
OWN = 'data.path = "own/agent-{agent}.svm"\ngroups.walkers.graph = "own/{agent}.edgelist"\n'


def write_libsvm(path: Path, features: np.ndarray, labels: np.ndarray) -> None:
    path.write_text(
        "".join(
            f"{int(y)} " + " ".join(f"{k + 1}:{v!r}" for k, v in enumerate(x.tolist()) if v) + "\n"
            for x, y in zip(features, labels, strict=True)
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    features, labels, _ = load("breast_cancer")
    features[:, -2:] = 0  # agents' files end at different features
    features[7, -1] = 3
    write_libsvm(tmp_path / "all.svm", features, labels)
    (tmp_path / "own").mkdir()
    shares = Even().share(labels, AGENTS, SEED).rows
    ring = nx.cycle_graph(len(shares[0]))
    nx.write_edgelist(ring, tmp_path / "ring.edgelist", data=False)
    for i, rows in enumerate(shares):
        write_libsvm(tmp_path / f"own/agent-{i}.svm", features[rows], labels[rows])
        nx.write_edgelist(ring, tmp_path / f"own/{i}.edgelist", data=False)
    (tmp_path / "shared.toml").write_text(EXPERIMENT + SHARED)
    (tmp_path / "own.toml").write_text(EXPERIMENT + OWN)
    return tmp_path


def test_same_bits_as_from_one_file(folder: Path) -> None:
    found = {}
    for name, ranks in (("shared", None), ("own", 3), ("own", None)):
        output = f"{name}-{ranks}.h5"
        done = udsgd("run", f"{name}.toml", "--output", output, "--quiet", ranks=ranks, cwd=folder)
        assert done.returncode == 0, done.stderr
        found[name, ranks] = bits_of(folder / output)
    assert found["own", 3] == found["own", None]
    own, shared = found["own", None], found["shared", None]
    assert own.keys() == shared.keys()
    differing = {key for key, bits in own.items() if bits != shared[key]}
    # A file does not say that features beyond its last one are 0.
    assert {key.rpartition("/")[2] for key in differing} == {"data_digest"}
    with h5py.File(folder / "own-3.h5") as file:
        run = file["runs/main"]
        assert run["minimizer"].shape == (30,)
        assert run["batch"][:].tolist() == [1, 1, 1, 7, 7]
        assert run["points"][:].tolist() == [113, 113, 113, 112, 112]
        assert run.attrs["rows_left_over"] == 2


def test_a_missing_file_names_the_agent_on_every_rank(folder: Path) -> None:
    (folder / "own/agent-4.svm").unlink()
    before = sorted(folder.iterdir())
    done = udsgd("run", "own.toml", ranks=2, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert "agent 4: data file own/agent-4.svm: cannot be read (No such file" in done.stderr
    assert done.stderr.count("udsgd: error") == 1
    assert sorted(folder.iterdir()) == before
