"""A run of networks has the same losses on any number of ranks, and says why it cannot begin."""

import itertools
import re
from pathlib import Path
from threading import local

import h5py
import numpy as np
import pytest

from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.communication import Layout
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.objectives.network.descent import Descent
from udsgd_mpi.preflight.cost import cost
from udsgd_mpi.problem import LoneTeam, Problem, pose_all
from udsgd_mpi.storage.checkpoint import read_checkpoint
from udsgd_mpi.storage.telemetry_group import read_telemetry
from udsgd_mpi.testing.bits import bits_of

pytest.importorskip("torch")

SETTINGS = """
agents = 3
steps = 60
trials = 2
topology = "ring"
communication = { kind = "dsgd", weights = "lazy" }
data.source = "digit_images"
objective = { kind = "torch", model = "mlp(16)", l2 = 1e-4 }
step_size = { gamma = 0.2, exponent = 0.6 }
method = { kind = "momentum", beta = 0.8 }
record = { points = 4, loss_points = 100 }
[groups.shuffles]
agents = "0"
sampler = "single_shuffling"
batch = 25
[groups.walks]
agents = "1-2"
sampler = "srw"
batch = 25
graph = { kind = "erdos_renyi", mean_degree = 5 }
[variant.plain]
[variant.varied]
data.augment = { crop = 1, flip = true }
[variant.averaged]
communication = "centralized"
objective.model = "normalised:build"
[variant.local]
dtype = "float32"
communication = "centralized"
objective = { model = "normalised:build", batch_norm_statistics = "local" }
"""
NORMALISED = """
from torch import nn
def build(shape, outputs):
    layers = nn.Linear(64, 10), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, outputs)
    return nn.Sequential(nn.Flatten(), *layers)
"""
LARGE = """
agents = 6
steps = 4
trials = 1
dtype = "float32"
communication = "centralized"
data.source = "digit_images"
objective = { kind = "torch", model = "mlp(20000)" }
step_size = { gamma = 0.001, exponent = 0.0 }
record = { steps = [4], loss_points = 50 }
[groups.all]
share = 1.0
sampler = "iid"
batch = 5
"""
VARIANTS = ("plain", "varied", "averaged", "local")
MEASURES = ("training_loss", "gradient_norm", "agent_loss", "consensus_error")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "network.toml"
    file.write_text(SETTINGS)
    (tmp_path / "normalised.py").write_text(NORMALISED)
    monkeypatch.chdir(tmp_path)
    return file


@pytest.mark.launcher
def test_losses_have_the_same_bits_on_any_number_of_ranks(settings: Path) -> None:
    run = "run", settings, "--quiet", "--keep-checkpoints", "--output"
    assert main([*map(str, run), "one.h5"]) == 0
    done = udsgd(*run, "two.h5", cwd=settings.parent, ranks=2)
    assert done.returncode == 0, done.stderr
    with h5py.File("one.h5") as one, h5py.File("two.h5") as two:
        for name, variant in itertools.product(MEASURES, VARIANTS):
            values = one[f"runs/{variant}/{name}"][()]
            np.testing.assert_array_equal(values, two[f"runs/{variant}/{name}"][()])
        losses = {name: one[f"runs/{name}/training_loss"][()] for name in VARIANTS}
        problems = problems_of(settings)
    for loss in losses.values():
        assert (loss[0] < 1.1 * np.log(10)).all()
        assert (loss[-1] < 0.99 * loss[0]).all()
    assert (losses["plain"][-1] != losses["varied"][-1]).all()
    for name in ("averaged", "local"):
        states = states_in(Path(f"two.h5.checkpoints/{name}.npz"))
        statistics = [state["beside/statistics"] for state in states]
        shared = np.array_equal(statistics[0], statistics[1])
        assert shared == (name == "averaged")
        # The recorded loss is that of the network average, with the average of statistics.
        rows = [state["theta"] for state in states], statistics
        theta, mean = (np.mean(each, axis=0, dtype=np.float64) for each in rows)
        theta, mean = (each.astype(rows[0][0].dtype) for each in (theta, mean))
        problem = problems[name]
        for t, loss in enumerate(losses[name][-1]):
            of_agents = [
                problem.objective.value(theta[t], agent.expectation_over(100), mean[t])
                for agent in problem.agents
            ]
            assert np.mean(of_agents) == pytest.approx(
                loss, rel=1e-9 if name == "averaged" else 1e-5
            )


def problems_of(settings: Path) -> dict[str, Problem]:
    """The variants, posed here."""
    return pose_all(variants(read_experiment(settings), {}), LoneTeam, 1)


def states_in(checkpoint: Path) -> list[dict[str, np.ndarray]]:
    found = read_checkpoint(checkpoint)
    assert found is not None
    return [found.state(i) for i in range(3)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            'data = { source = "digits", augment = { flip = true } }',
            "data.augment: expected images",
        ),
        ("objective.vectorise = true\ndata.augment.flip = true", "objective.vectorise = false"),
    ],
)
def test_what_cannot_be_varied_is_refused(
    settings: Path, capsys: pytest.CaptureFixture[str], change: str, expected: str
) -> None:
    settings.write_text(f"{SETTINGS}[variant.refused]\n{change}\n")
    assert main(["run", str(settings)]) == 2
    assert expected in capsys.readouterr().err


def test_a_dry_run_counts_the_memory_of_pytorch(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(settings), "--dry-run", "--ranks", "2", "--only", "averaged"]) == 0
    assert "at most 591 MB on rank 0, 511 MB on the others" in capsys.readouterr().out


@pytest.mark.launcher
def test_a_dry_run_foretells_the_memory_of_large_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 1.5 million parameters, gradients of all agents are held to find the mean's norm."""
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(LARGE)
    assert main(["run", "x.toml", "--dry-run", "--ranks", "2"]) == 0
    said = re.search(r"at most (\d+) MB on rank 0, (\d+) MB on", capsys.readouterr().out)
    assert said
    small = ("--set", "objective.model=mlp(8)")  # compiles kernels, which takes memory, too
    for settings in (small, ("--force",)):
        done = udsgd("x.toml", *settings, "--quiet", ranks=2, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    for row, foretold in zip(read_telemetry(Path("udsgd.h5"))["main"], said.groups(), strict=True):
        assert 0.7 * int(foretold) < row.peak_memory / 1e6 < int(foretold)


def test_a_dry_run_takes_one_agents_steps_for_those_of_all(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By clocks of threads that go on by 3 ms at a step of a network in one trial."""
    clock, steps = local(), []

    def descend(_: Descent, theta: np.ndarray, X: np.ndarray, *__: object) -> None:
        assert theta.shape[:2] == X.shape[1:] == (1, 1)
        steps.append(X.size)
        clock.now = now() + 3e-3 * X.size

    def now() -> float:
        return getattr(clock, "now", 0.0)

    monkeypatch.setattr(Descent, "__call__", descend)
    monkeypatch.setattr("udsgd_mpi.forecast.trial_run.thread_time", now)
    settings.write_text(SETTINGS.replace('method = { kind = "momentum", beta = 0.8 }', ""))
    problem = problems_of(settings)["local"]
    # Agents' samplers tell the efforts of their steps apart by less than a per cent.
    found = cost(problem, Layout.even(3, 1))
    assert found.work == pytest.approx(2 * 3 * 3e-3, rel=0.01)
    assert sum(steps) < 100
    assert cost(problem, Layout.even(3, 3)).work == pytest.approx(2 * 3e-3, rel=0.01)


def test_images_that_a_model_cannot_read_are_refused_before_a_run(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.write_text(SETTINGS.replace("mlp(16)", "cnn5"))
    assert main(["run", str(settings)]) == 2
    assert "expected images of 16 × 16 pixels or more" in capsys.readouterr().err
    assert not Path("udsgd.h5").exists()


@pytest.mark.launcher
def test_theta_in_single_precision_has_the_same_bits_on_any_number_of_ranks(settings: Path) -> None:
    """And is what it is in double precision, to rounding, with every kind of exchange."""
    patterns = {
        "ring": "dsgd",
        "central": "centralized",
        "rounds": "{ kind = 'lsgd_pp', participants = 2, interval = 3 }",
        "links": "random_matching",
    }
    text = SETTINGS.partition("[variant.")[0]
    for name, pattern in patterns.items():
        shown = pattern if pattern.startswith("{") else f'"{pattern}"'
        text += f"[variant.{name}]\ncommunication = {shown}\n"
    settings.write_text(text)
    detail = ("--set", "record.detail='iterates'", "--set", "method.beta=0.5")
    for name, ranks, dtype in (("one", None, "32"), ("three", 3, "32"), ("double", None, "64")):
        flags = (*detail, "--set", f"dtype='float{dtype}'", "--output", f"{name}.h5")
        done = udsgd("run", settings, "--quiet", *flags, cwd=settings.parent, ranks=ranks)
        assert done.returncode == 0, done.stderr
    assert bits_of(Path("one.h5")) == bits_of(Path("three.h5"))
    with h5py.File("one.h5") as one, h5py.File("double.h5") as double:
        for name in patterns:
            theta, expected = (file[f"runs/{name}/theta"][()] for file in (one, double))
            np.testing.assert_array_equal(theta, theta.astype(np.float32))
            assert 0 < abs(theta - expected).max() < 1e-3 * abs(expected).max()
            sent, expected = (file[f"runs/{name}/bytes_exchanged"][()] for file in (one, double))
            np.testing.assert_array_equal(2 * sent, expected)


def test_iterates_and_messages_are_not_both_asked_to_be_single(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = "--set", "dtype='float32'", "--set", "communication.precision='single'"
    assert main(["run", str(settings), *both]) == 2
    assert 'beside dtype = "float32"' in capsys.readouterr().err
