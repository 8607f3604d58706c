"""A run of networks has the same losses on any number of ranks, and says why it cannot begin."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.launch import udsgd
from udsgd_mpi.cli.main import main

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
"""
MEASURES = ("training_loss", "gradient_norm", "agent_loss", "consensus_error")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "network.toml"
    file.write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return file


@pytest.mark.launcher
def test_losses_have_the_same_bits_on_any_number_of_ranks(settings: Path) -> None:
    assert main(["run", str(settings), "--output", "one.h5"]) == 0
    done = udsgd("run", settings, "--output", "two.h5", cwd=settings.parent, ranks=2)
    assert done.returncode == 0, done.stderr
    with h5py.File("one.h5") as one, h5py.File("two.h5") as two:
        for name in MEASURES:
            values = one[f"runs/main/{name}"][()]
            np.testing.assert_array_equal(values, two[f"runs/main/{name}"][()])
        loss = one["runs/main/training_loss"][()]
    assert (loss[0] < 1.1 * np.log(10)).all()
    assert (loss[-1] < 0.9 * loss[0]).all()


def test_images_that_a_model_cannot_read_are_refused_before_a_run(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.write_text(SETTINGS.replace("mlp(16)", "cnn5"))
    assert main(["run", str(settings)]) == 2
    assert "expected images of 16 × 16 pixels or more" in capsys.readouterr().err
    assert not Path("udsgd.h5").exists()
