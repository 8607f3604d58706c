"""An experiment whose every part is the user's own runs, resumes and is refused like any other."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.data.datasets import load
from udsgd_mpi.engine.draws import Draws
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.problem import LoneTeam, pose, start_paths
from udsgd_mpi.samplers import Streams
from udsgd_mpi.testing.bits import bits_of

AGENTS, STEPS, TRIALS, SEED = 5, 24, 3, 3
MINE = '''
"""Parts as a user writes them, outside of the package."""

import numpy as np
from scipy.sparse import csr_array


class Gossip:
    """Two agents, drawn at random, average."""

    support = "all"

    def __init__(self, agents, topology, pairs=1):
        self.agents, self.pairs = agents, pairs

    def matrix(self, n, rng):
        W = np.eye(self.agents)
        for _ in range(self.pairs):
            i, j = rng.choice(self.agents, 2, replace=False)
            W[[i, j]] = W[[i, j]].mean(axis=0)
        return csr_array(W)


class Quarters:
    """Agent i has the points whose first feature is in the i-th part of its range."""

    def rows(self, features, labels, agents, rng):
        return np.array_split(np.argsort(features[:, 0], kind="stable"), agents)


class Cancer:
    def __init__(self, file):
        self.file = file

    def read(self):
        table = np.loadtxt(self.file, delimiter=",")
        return table[:, :-1], table[:, -1]


class Signum:
    """theta <- theta - gamma tanh(v), v <- beta v + g; and a count of what W mixes."""

    states = {"velocity": "local", "tracked": "mixed"}

    def __init__(self, beta=0.9):
        self.beta = beta

    def step(self, theta, slope, gamma, n, velocity, tracked):
        velocity = self.beta * velocity + slope
        moved = theta - gamma * np.tanh(velocity)
        return moved, {"tracked": tracked + moved, "velocity": velocity}


class Ridge:
    rowwise = True

    def value(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y) ** 2 / 2 + (theta**2).sum(axis=1) / 2

    def gradient(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y)[:, None] * x + theta
'''
EXPERIMENT = f"""
agents = {AGENTS}
trials = {TRIALS}
seed = {SEED}
partition = {{ kind = "custom", path = "mine:Quarters" }}
objective = {{ kind = "custom", path = "mine:Ridge" }}
method = {{ kind = "custom", path = "mine:Signum", arguments = {{ beta = 0.7 }} }}
communication = {{ kind = "custom", path = "mine:Gossip", interval = 2, arguments.pairs = 2 }}
timing = {{ latency = 0.1 }}
step_size.gamma = 0.1
groups.singly = {{ agents = "0-2", sampler = "srw", graph = "ring" }}
groups.batches = {{ agents = "3-4", sampler = "iid", batch = 5 }}
record = {{ steps = {list(range(STEPS + 1))}, detail = "iterates" }}
[data]
kind = "custom"
path = "mine:Cancer"
arguments.file = "points.csv"
standardize = true
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With all of it, as the working folder."""
    monkeypatch.chdir(tmp_path)
    features, labels, _ = load("breast_cancer")
    points = np.column_stack([features[:100], labels[:100]])
    np.savetxt("points.csv", points, delimiter=",")
    Path("mine.py").write_text(MINE)
    Path("x.toml").write_text(EXPERIMENT)
    return tmp_path


def dense_loop() -> dict[str, np.ndarray]:
    """What the experiment comes to, by arrays over all agents: (step, trial, agent, d) each."""
    experiment = variants(read_experiment(Path("x.toml")), {"steps": STEPS})["main"]
    problem = pose(experiment, LoneTeam(AGENTS))
    x, y, w = problem.points.features, problem.points.labels, problem.points.weights
    paths = start_paths(problem.agents, Streams(SEED, np.arange(AGENTS), TRIALS))
    draws = Draws(paths, problem.first_rows, problem.batch, TRIALS)
    X = np.concatenate([draws[n:m].copy() for n, m in draws.blocks(0, STEPS)])
    mine: dict[str, Any] = {}
    exec(MINE, mine)  # noqa: S102 - the module above
    gossip = mine["Gossip"](AGENTS, None, pairs=2)
    states = np.zeros((3, AGENTS, TRIALS, x.shape[1]))
    found = [states.copy()]
    for n in range(1, STEPS + 1):
        theta, velocity, tracked = states
        slope = np.zeros_like(theta)
        for i, size in enumerate(problem.batch):
            for t in range(TRIALS):
                for k in range(X[n - 1, i, t], X[n - 1, i, t] + size):
                    F = (theta[i, t] @ x[k] - y[k]) * x[k] + theta[i, t]
                    slope[i, t] += w[k] * F / size
        velocity = 0.7 * velocity + slope
        theta = theta - 0.1 / n * np.tanh(velocity)
        tracked = tracked + theta
        if n % 2 == 0:
            W = gossip.matrix(n, generator(SEED, Purpose.MIXING, n // 2)).toarray()
            theta, tracked = (np.einsum("ij,jtd->itd", W, each) for each in (theta, tracked))
        states = np.stack([theta, velocity, tracked])
        found.append(states.copy())
    names = ("theta", "own_velocity", "own_tracked")
    return dict(zip(names, np.array(found).swapaxes(2, 3).swapaxes(0, 1), strict=True))


@pytest.mark.launcher
def test_same_bits_on_any_number_of_ranks_and_resumed(folder: Path) -> None:
    def ran(*arguments: object, ranks: int | None = None) -> None:
        done = udsgd("run", "x.toml", "--quiet", *arguments, ranks=ranks, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "no prediction: there is no theory of a method of one's own" in done.stderr

    ran("--steps", STEPS, "--output", "alone.h5")
    ran("--steps", STEPS, "--output", "five.h5", ranks=5)
    ran("--steps", 11, "--output", "parts.h5", "--keep-checkpoints", ranks=2)
    more = ("--resume", "--allow-changes", "steps")
    ran("--steps", STEPS, "--output", "parts.h5", *more, ranks=3)
    alone = bits_of(folder / "alone.h5")
    assert bits_of(folder / "five.h5") == alone
    assert bits_of(folder / "parts.h5") == alone
    with h5py.File(folder / "alone.h5") as file:
        run = file["runs/main"]
        for name, expected in dense_loop().items():
            np.testing.assert_allclose(run[name][:], expected, rtol=1e-12, atol=1e-12)
        pairs = run["bytes_exchanged"][-1] / (8 * (30 + 30) * 2)  # θ, and what is tracked
        assert STEPS // 2 < pairs <= 2 * STEPS  # some pairs have an agent in common
        assert (np.diff(run["simulated_time"][:], axis=0) >= 1 - 1e-9).all()


def refused(capsys: pytest.CaptureFixture[str], *settings: str, steps: int = 40) -> str:
    """What a run with other settings is refused with."""
    flags = [word for each in settings for word in ("--set", each)]
    assert main(["run", "x.toml", "--steps", str(steps), "--output", "x.h5", *flags]) == 2
    said = capsys.readouterr().err
    (line,) = (line for line in said.splitlines() if line.startswith("udsgd: error: "))
    return line


BAD_PATTERNS = {
    "np.eye(3)": "expected 5 × 5 numbers, got (3, 3)",
    "np.ones(5)": "expected a matrix of numbers, dense or of scipy.sparse, got ndarray",
    "None": "expected a matrix of numbers",
    "2 * np.eye(5)": "expected a doubly stochastic W, got 2 as the sum of row 0 (agent 0)",
    "np.eye(5)[[0, 0, 1, 2, 3]]": "doubly stochastic W, got 2 as the sum of column 0 (agent 0)",
    "np.eye(5) * np.nan": "expected weights ≥ 0, got nan in row 0, column 0",
    "1.25 * np.eye(5) - 0.05": "expected weights ≥ 0, got -0.05 in row 0, column 1",
    "np.full((5, 5), 0.2)": "expected 0 outside the support, got 0.2 between agents 0 and 2",
    "[[1, 2], [3]]": "ValueError",
    "self.nothing": "mine_bad.py:9: AttributeError",
    "np.eye(5) if n > 1 or self.asked() else np.roll(np.eye(5), 1, axis=0)": "got two",
}
PATTERN = """
import numpy as np
class Bad:
    calls = 0
    def __init__(self, agents, topology): pass
    def asked(self):
        self.calls += 1
        return self.calls > 1
    def matrix(self, n, rng): return {W}
"""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("W", BAD_PATTERNS)
def test_a_matrix_that_is_no_w_is_refused_on_start(
    W: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine_bad.py").write_text(PATTERN.format(W=W))
    line = refused(capsys, "communication={kind='custom', path='mine_bad.py:Bad'}")
    assert "communication mine_bad.py:Bad: " in line
    assert BAD_PATTERNS[W] in line
    assert not Path("x.h5").exists()


BAD_STEPS = """
import numpy as np
class Bad:
    def __init__(self, agents, topology, why): self.why = why
    def matrix(self, n, rng):
        W = np.eye(5)
        if n >= 37 and self.why == "sum":
            W[2, 2] = 0.9
        if n >= 37 and self.why == "one rank":
            if __import__("mpi4py.MPI").MPI.COMM_WORLD.rank == 2:
                raise KeyError("mine")
        return W
"""
LATER = {
    "sum": "W at step 37: expected a doubly stochastic W, got 0.9 as the sum of row 2 (agent 2)",
    "one rank": "mine_bad.py:11: KeyError: 'mine'",
}


@pytest.mark.launcher
@pytest.mark.parametrize("why", LATER)
def test_a_pattern_that_goes_wrong_at_step_37_ends_all_ranks(why: str, folder: Path) -> None:
    Path("mine_bad.py").write_text(BAD_STEPS)
    own = f"communication={{kind='custom', path='mine_bad.py:Bad', arguments={{why='{why}'}}}}"
    done = udsgd("run", "x.toml", "--steps", 60, "--set", own, ranks=3, cwd=folder, timeout=100)
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("udsgd: error: ")]
    assert len(lines) == 1, done.stderr
    assert "communication mine_bad.py:Bad: " in lines[0]
    assert LATER[why] in lines[0]
