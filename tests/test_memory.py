"""The memory that a dry run foretells is what the ranks then take."""

from pathlib import Path

import pytest

from tests.launch import udsgd
from udsgd_mpi.communication import Layout
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.preflight.memory import LIBRARIES, LIBRARIES_OF_RANK_0, peak_memory
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.storage.telemetry_group import read_telemetry

# The first variant takes hardly more than libraries; a rank's peak is that of its process. With
# small steps no explosion is looked for, which takes memory of its own before the run.
EXPERIMENT = """
agents = 30
steps = 4
step_size.gamma = 0.001
data = { source = "digits", standardize = true }
record = { steps = [4], predict = false }
[groups.all]
share = 1
sampler = "srrw"
graph = "small_world"
[variant.small]
trials = 1
[variant.average]
trials = 1000
communication = "centralized"
[variant.neighbours]
trials = 2000
communication = { kind = "dsgd", weights = "lazy" }
[variant.tracking]
trials = 1500
method = "gradient_tracking"
communication = { kind = "dsgd", weights = "lazy" }
[variant.compressed]
trials = 2000
communication = { kind = "dsgd", compression = { kind = "top_k", fraction = 0.5 } }
[variant.stale]
trials = 2000
communication = { kind = "dsgd", weights = "lazy", staleness = 3 }
[variant.iterates]
trials = 2000
record = { steps = [1, 2, 3, 4], detail = "iterates" }
"""


@pytest.mark.launcher
def test_estimated_and_measured_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(EXPERIMENT)
    done = udsgd("x.toml", "--quiet", ranks=2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    measured = read_telemetry(tmp_path / "udsgd.h5")
    layout = Layout.even(30, 2)
    largest = [0, 0]
    for name, experiment in variants(read_experiment(path), {}).items():
        problem = pose(experiment, LoneTeam(30))
        for rank, row in enumerate(measured[name]):
            foretold = peak_memory(problem, layout, rank, one_host=True)
            largest[rank] = max(largest[rank], foretold)
            libraries = measured["small"][rank].peak_memory
            known = LIBRARIES if rank else LIBRARIES_OF_RANK_0
            assert libraries == pytest.approx(known, rel=0.4)
            if name != "small":
                assert row.peak_memory - libraries == pytest.approx(largest[rank], rel=0.3)
    # All iterates, and the file of them, are on rank 0 alone.
    assert largest[0] > 2 * largest[1] > 1.5e8
