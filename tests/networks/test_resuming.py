"""A run of networks goes on with the same bits, and is refused where they would be others."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.objectives.network.settings import NetworkOn
from udsgd_mpi.problem import LoneTeam, pose_all
from udsgd_mpi.storage.checkpoint import read_checkpoint

pytest.importorskip("torch")

SETTINGS = """
agents = 4
steps = 50
trials = 2
dtype = "float32"
data = { source = "digit_images", augment = { crop = 1 } }
objective = { kind = "torch", model = "own:build", loss = "cross_entropy" }
step_size = { gamma = 0.1, exponent = 0.0 }
method = { kind = "momentum", beta = 0.8 }
communication = { kind = "lsgd_pp", participants = 2, interval = 20 }
record = { steps = [0, 20, 30, 40], loss_points = 50 }
[groups.shuffling]
share = 0.5
sampler = "single_shuffling"
batch = 25
[groups.walking]
share = 0.5
sampler = { kind = "srrw", alpha = 10, b = 0.501 }
graph = "small_world"
batch = 25
"""
OWN = """
from torch import nn
def build(shape, outputs):
    layers = nn.Linear(64, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, outputs)
    return nn.Sequential(nn.Flatten(), *layers)
def loss(outputs, labels):
    losses = nn.functional.cross_entropy(outputs, labels.long(), reduction="none")
    return losses.masked_fill(outputs.detach().abs().amax(1) > 2, float("nan"))
"""
MEASURES = ("training_loss", "gradient_norm", "agent_loss", "test_loss", "consensus_error")
MIDDLE = ("--steps", "30", "--keep-checkpoints")  # of the second round
ON = ("--resume", "--allow-changes", "steps")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("network.toml").write_text(SETTINGS)
    write_model(8)


def write_model(width: int) -> None:
    Path("own.py").write_text(OWN.replace("WIDTH", str(width)))


def run(output: str, *arguments: str) -> int:
    return main(["run", "network.toml", "--output", output, "--quiet", *arguments])


def measures(file: str) -> dict[str, np.ndarray]:
    with h5py.File(file) as results:
        return {name: results[f"runs/main/{name}"][()] for name in MEASURES}


def test_a_run_resumed_or_extended_in_the_middle_of_a_round_has_the_same_bits() -> None:
    assert run("whole.h5") == 0
    whole = measures("whole.h5")
    assert run("resumed.h5", *MIDDLE) == 0
    assert run("resumed.h5", *ON, "--keep-checkpoints") == 0
    assert run("extended.h5", *MIDDLE) == 0
    assert main(["extend", "extended.h5", "--steps", "50"]) == 0
    for name in ("resumed.h5", "extended.h5"):
        for measure, values in measures(name).items():
            np.testing.assert_array_equal(values, whole[measure], measure)


def test_trials_computed_apart_are_joined_as_if_together() -> None:
    assert run("whole.h5") == 0
    for trial in (0, 1):
        assert run(f"{trial}.h5", "--trials", "1", "--set", f"first_trial={trial}") == 0
    with h5py.File("1.h5") as results:
        by = results["runs/main"].attrs["computed_by"]
        assert "PyTorch" in by
        assert "torch " in results.attrs["package_versions"]
    assert main(["merge", "both.h5", "0.h5", "1.h5"]) == 0
    whole = measures("whole.h5")
    for measure, values in measures("both.h5").items():
        np.testing.assert_array_equal(values, whole[measure], measure)
    with h5py.File("both.h5") as results:
        assert results["runs/main"].attrs["computed_by"] == by


def test_other_processors_and_other_models_do_not_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("udsgd.h5", *MIDDLE) == 0
    with monkeypatch.context() as patched:
        patched.setattr(NetworkOn, "computed_by", "PyTorch 0, another processor")
        assert run("udsgd.h5", *ON) == 2
    assert "now by PyTorch 0, another processor" in capsys.readouterr().err
    write_model(9)
    assert run("udsgd.h5", *ON) == 2
    assert "the source own.py, objective.model = 'own.py:build'" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    changes = "--set", "objective.loss='own:loss'", "--set", "objective.outputs=10"
    assert run("udsgd.h5", *changes, "--set", "step_size.gamma=1.0") == 2
    error = capsys.readouterr().err
    assert "diverged: at step " in error
    assert "the loss of agent " in error
    assert " is not finite in trial " in error


def test_losses_are_of_the_agents_that_hold_the_server_s_model() -> None:
    assert run("udsgd.h5", "--steps", "40", "--keep-checkpoints") == 0
    checkpoint = read_checkpoint(Path("udsgd.h5.checkpoints/main.npz"))
    assert checkpoint is not None
    states = [checkpoint.state(i) for i in range(4)]
    # At the end of a round those that enter the next one have the same parameters, and only they.
    served = [
        state
        for state in states
        if sum(np.array_equal(state["theta"], each["theta"]) for each in states) == 2
    ]
    assert len(served) == 2
    problem = pose_all(variants(read_experiment(Path("network.toml")), {}), LoneTeam, 1)["main"]
    for t, loss in enumerate(measures("udsgd.h5")["training_loss"][-1]):
        of_agents = [
            problem.objective.value(
                served[0]["theta"][t],
                agent.expectation_over(50),
                served[0]["beside/statistics"][t],
            )
            for agent in problem.agents
        ]
        assert np.mean(of_agents) == pytest.approx(loss, rel=1e-5)


def test_statistics_of_every_agent_are_recorded_with_its_iterates() -> None:
    assert run("udsgd.h5", "--record", "iterates", "--keep-checkpoints") == 0
    checkpoint = read_checkpoint(Path("udsgd.h5.checkpoints/main.npz"))
    assert checkpoint is not None
    with h5py.File("udsgd.h5") as results:
        for name in ("theta", "statistics"):
            recorded = results[f"runs/main/{name}"][-1]  # (trial, agent, …)
            stored = "theta" if name == "theta" else "beside/statistics"
            states = [checkpoint.state(i)[stored] for i in range(4)]
            np.testing.assert_array_equal(recorded, np.stack(states, axis=1))
            assert abs(recorded).max() > 0


def test_another_test_part_is_not_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (840, 8, 8), dtype=np.uint8), np.arange(840) % 10
    changes = "--set", "data.source='images.npz'", "--trials", "1"
    np.savez("images.npz", x_train=x[:800], y_train=y[:800], x_test=x[800:], y_test=y[800:])
    assert run("udsgd.h5", *MIDDLE, *changes) == 0
    np.savez("images.npz", x_train=x[:800], y_train=y[:800], x_test=x[:40], y_test=y[:40])
    assert run("udsgd.h5", *ON, *changes) == 2
    assert "the test part of the data, data.source = 'images.npz'" in capsys.readouterr().err
