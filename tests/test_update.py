"""A step under MPI is W (Θ − γ G), as a dense loop that shares no code with it computes it."""

from pathlib import Path

import h5py
import networkx as nx
import numpy as np
import pytest

from tests import reference
from tests.launch import udsgd
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.problem import LoneTeam, pose

pytestmark = pytest.mark.launcher

STEPS, TRIALS, SEED, L2 = 12, 3, 4, 0.7
EXPERIMENT = f"""
steps = {STEPS}
trials = {TRIALS}
seed = {SEED}
data.source = "breast_cancer"
data.standardize = true
objective = {{ kind = "logistic", l2 = {L2} }}
step_size = {{ gamma = 0.8, exponent = 0.75, offset = 1.5 }}
topology = {{ kind = "barbell" }}
groups.all.share = 1
groups.all.sampler = "iid"
record = {{ detail = "iterates", steps = {list(range(STEPS + 1))}, polyak = true, predict = false }}
variant.dsgd.communication = "dsgd"
variant.lazy.communication = {{ kind = "dsgd", weights = "lazy" }}
variant.sparse-dsgd.communication = {{ kind = "dsgd", interval = 3 }}
variant.centralized.communication = "centralized"
variant.local.communication = {{ kind = "centralized", interval = 5 }}
"""
INTERVAL = {"dsgd": 1, "lazy": 1, "sparse-dsgd": 3, "centralized": 1, "local": 5}


def dense_matrix(variant: str, agents: int) -> np.ndarray:
    """W at an aggregation time, from the definitions."""
    if variant in ("centralized", "local"):
        return np.full((agents, agents), 1 / agents)
    topology = nx.path_graph(agents)
    if agents >= 4:
        topology = nx.barbell_graph(agents // 2, agents % 2)
    W = reference.metropolis(topology)
    return (W + np.eye(agents)) / 2 if variant == "lazy" else W


@pytest.mark.parametrize("agents", [1, 2, 3, 5, pytest.param(8, marks=pytest.mark.slow)])
def test_every_step_equals_the_dense_loop(agents: int, tmp_path: Path) -> None:
    experiment = tmp_path / "experiment.toml"
    experiment.write_text(EXPERIMENT)
    done = udsgd("run", experiment, "--output", "out.h5", "--quiet", ranks=agents, cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    settings = variants(read_experiment(experiment), {})["dsgd"]
    shares = pose(settings, LoneTeam(agents)).agents
    draws = [
        [reference.iid_path(len(share.points.labels), SEED, i, t) for t in range(TRIALS)]
        for i, share in enumerate(shares)
    ]
    X = [[[next(draw) for draw in trials] for trials in draws] for _ in range(STEPS)]
    with h5py.File(tmp_path / "out.h5") as file:
        for variant, interval in INTERVAL.items():
            run = file["runs"][variant]
            recorded = run["theta"][:]  # (step, trial, agent, parameter)
            assert not recorded[0].any()
            theta_star = run["minimizer"][:]
            for n in range(STEPS):
                theta = recorded[n].swapaxes(0, 1)
                gamma = 0.8 / (n + 2.5) ** 0.75
                G = np.array(
                    [
                        [
                            reference.logistic_gradient(
                                theta[i, t],
                                shares[i].points.features[X[n][i][t]],
                                shares[i].points.labels[X[n][i][t]],
                                L2,
                            )
                            for t in range(TRIALS)
                        ]
                        for i in range(agents)
                    ]
                )
                W = dense_matrix(variant, agents) if (n + 1) % interval == 0 else np.eye(agents)
                expected = np.einsum("ij,jtd->itd", W, theta - gamma * G)
                got = recorded[n + 1].swapaxes(0, 1)
                np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)

                mean = expected.mean(axis=0)
                np.testing.assert_allclose(run["theta_mean"][n + 1], mean, atol=1e-12)
                np.testing.assert_allclose(
                    run["squared_error"][n + 1], ((mean - theta_star) ** 2).sum(axis=-1), rtol=1e-12
                )
                np.testing.assert_allclose(
                    run["consensus_error"][n + 1],
                    ((got - mean) ** 2).sum(axis=-1).mean(axis=0),
                    rtol=1e-9,
                    atol=1e-24,
                )
                polyak = recorded[: n + 1].mean(axis=(0, 2))
                np.testing.assert_allclose(
                    run["averaged_squared_error"][n + 1],
                    ((polyak - theta_star) ** 2).sum(axis=-1),
                    rtol=1e-12,
                )
