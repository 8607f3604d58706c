"""A network whose rank is killed in the middle of a round goes on with the same bits."""

import signal
from pathlib import Path

import pytest

from tests.faults.jobs import Job
from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.storage.checkpoint import read_checkpoint
from udsgd_mpi.testing.bits import bits_of

pytestmark = pytest.mark.launcher
pytest.importorskip("torch")

INTERVAL, EVERY = 20, 30
SETTINGS = f"""
agents = 2
steps = 130
trials = 2
dtype = "float32"
data = {{ source = "digit_images", augment = {{ crop = 1 }} }}
objective = {{ kind = "torch", model = "mlp(8)" }}
step_size = {{ gamma = 0.1, exponent = 0.0 }}
method = {{ kind = "momentum", beta = 0.8 }}
communication = {{ kind = "dsgd", weights = "lazy", interval = {INTERVAL} }}
record = {{ steps = [0, 20, 50, 100], loss_points = 50 }}
timing.compute = {{ kind = "constant", mean = 0.03 }}
[groups.shuffling]
share = 0.5
sampler = "reshuffling"
batch = 25
[groups.walking]
share = 0.5
sampler = {{ kind = "srrw", alpha = 10, b = 0.501 }}
graph = "small_world"
batch = 25
"""


def test_a_killed_rank_costs_no_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("network.toml").write_text(SETTINGS)
    run = "run", "network.toml", "--checkpoint-every", EVERY
    job = Job(*run, "--emulate", ranks=2, cwd=tmp_path)  # which takes its time
    checkpoint = tmp_path / "udsgd.h5.checkpoints/main.npz"
    job.wait_until(checkpoint)
    job.send_to_rank(1, signal.SIGKILL.name.removeprefix("SIG"))
    assert job.wait() != 0
    found = read_checkpoint(checkpoint)
    assert found is not None
    assert found.n % INTERVAL != 0, job.log.read_text()
    assert found.n < 130
    assert "velocity" in " ".join(found.state(0))
    done = udsgd(*run, "--resume", "auto", ranks=2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert main(["run", "network.toml", "--output", "whole.h5", "--quiet"]) == 0
    assert bits_of(tmp_path / "udsgd.h5") == bits_of(tmp_path / "whole.h5")
