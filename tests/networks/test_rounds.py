"""Rounds of ``lsgd_pp`` are federated averaging (McMahan et al., 2017) as a textbook writes it."""

from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from udsgd_mpi.experiment.check import check
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import Agent, LoneTeam, pose
from udsgd_mpi.samplers import Stream

torch = pytest.importorskip("torch")

from udsgd_mpi.objectives.network.build import build, seed_of  # noqa: E402 - it imports torch

AGENTS, DRAWN, BATCHES, BATCH, EPOCHS, ROUNDS, SEED = 4, 2, 5, 10, 2, 4, 7
STEPS = EPOCHS * BATCHES
GAMMA, L2 = 0.3, 0.01


def batches_of(agent: Agent) -> list[tuple["torch.Tensor", "torch.Tensor"]]:
    image = agent.points.image
    assert image is not None
    x = (agent.points.features.astype(float) - np.array(image.mean)) / np.array(image.deviation)
    inputs, labels = torch.tensor(x), torch.tensor(agent.points.labels).long()
    return list(zip(inputs.split(BATCH), labels.split(BATCH), strict=True))


def epochs_of_rounds(agent: Agent, i: int, trial: int) -> np.ndarray:
    """Order of the mini-batches in each epoch, shape (rounds, epochs, batches)."""
    X = np.empty((ROUNDS * STEPS, trial + 1), dtype=np.int32)
    agent.sampler.start(BATCHES, None, Stream(SEED, i, trial + 1)).draw(X)
    order = X[:, trial].reshape(ROUNDS, EPOCHS, BATCHES)
    assert (np.sort(order, axis=-1) == np.arange(BATCHES)).all()
    return order


def test_rounds_are_those_of_federated_averaging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = check(
        {
            "agents": AGENTS,
            "steps": ROUNDS * STEPS,
            "trials": 2,
            "seed": SEED,
            "data": {"source": "digit_images", "standardize": True},
            "partition": {"kind": "even", "points": BATCHES * BATCH},
            "objective": {"kind": "torch", "model": "mlp(8)", "l2": L2},
            "step_size": {"gamma": GAMMA, "exponent": 0.0},
            "communication": {"kind": "lsgd_pp", "participants": DRAWN, "interval": STEPS},
            "groups": {"all": {"share": 1, "sampler": "reshuffling", "batch": BATCH}},
            "record": {"steps": [STEPS * r for r in range(ROUNDS + 1)], "detail": "iterates"},
        }
    )
    problem = pose(experiment, LoneTeam(AGENTS))
    recording = simulate(MPI.COMM_SELF, problem, lambda _: None)
    assert recording is not None
    drawn = [
        sorted(generator(SEED, Purpose.MIXING, r).choice(AGENTS, DRAWN, replace=False))
        for r in range(1, ROUNDS + 2)
    ]
    assert len(set(map(tuple, drawn))) > 2
    for trial in range(2):
        model = build(problem.objective, seed_of(SEED, trial)).double()
        server = {name: value.clone() for name, value in model.state_dict().items()}
        for r in range(ROUNDS):
            clients = []
            for i in drawn[r]:
                model.load_state_dict(server)
                optimizer = torch.optim.SGD(model.parameters(), lr=GAMMA, weight_decay=L2)
                batches = batches_of(problem.agents[i])
                for epoch in epochs_of_rounds(problem.agents[i], i, trial)[r]:
                    for k in epoch:
                        inputs, labels = batches[k]
                        optimizer.zero_grad()
                        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
                        optimizer.step()
                clients.append({name: v.clone() for name, v in model.state_dict().items()})
            server = {name: sum(c[name] for c in clients) / DRAWN for name in server}
            expected = np.concatenate([value.numpy().ravel() for value in server.values()])
            for i in drawn[r + 1]:  # who has the server's model for the next round
                theta = recording["theta"][r + 1, trial, i, : len(expected)]
                np.testing.assert_allclose(theta, expected, atol=1e-12)
        assert abs(expected - recording["theta"][0, trial, 0, : len(expected)]).max() > 0.1
