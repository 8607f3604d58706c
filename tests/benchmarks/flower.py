# ruff: noqa: T201
"""Images a second of federated rounds of a CNN on two cores, against Flower's simulation.

    python -m venv other && other/bin/pip install 'flwr[simulation]' torch
    python -m tests.benchmarks.flower other/bin/python

Ten agents take two epochs over 20 mini-batches of 25 images a round, from the average of all of
them in the round before; the model and the images are the same. The package runs on two ranks,
Flower on two workers of a core each, with PyTorch's own loop on one thread. Repeats alternate; of
each the first round warms up.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

AGENTS, BATCHES, BATCH, EPOCHS, ROUNDS, REPEATS = 10, 20, 25, 2, 3, 5
STEPS = EPOCHS * BATCHES
IMAGES = ROUNDS * AGENTS * STEPS * BATCH
GAMMA, SHAPE, CLASSES = 1e-3, (3, 32, 32), 10
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Start both in turns, or be either."""
    if sys.argv[1] in {"ours", "theirs"}:
        {"ours": ours, "theirs": theirs}[sys.argv[1]](sys.argv[2])
        return
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/images.npz"
        rng = np.random.default_rng(1)
        number = AGENTS * BATCHES * BATCH
        pixels = rng.integers(0, 256, (number, *SHAPE), dtype=np.uint8)
        np.savez(file, x=pixels, y=rng.permutation(np.arange(number) % CLASSES))
        pairs = []
        for repeat in range(REPEATS):
            pairs.append((rate("ours", file, sys.executable), rate("theirs", file, sys.argv[1])))
            load = f"load {os.getloadavg()[0]:.1f}"
            print(f"repeat {repeat + 1}: {load}", file=sys.stderr, flush=True)
    columns = [*zip(*pairs, strict=True), [a / b for a, b in pairs]]
    print(f"images a second, median (min–max) of {REPEATS}")
    print("| package | Flower | package / Flower |\n|---|---|---|")
    cells = [f"{median(c):,.4g} ({min(c):,.4g}–{max(c):,.4g})" for c in columns]
    print(f"| {' | '.join(cells)} |", flush=True)


def rate(whose: str, file: str, interpreter: str) -> float:
    """Images that all agents together learn from in a second."""
    from tests.launch import python

    done = python(
        *("-W", "ignore", "-m", "tests.benchmarks.flower", whose, file),
        ranks=2 if whose == "ours" else None,
        cwd=ROOT,
        interpreter=interpreter,
        timeout=600,
        PYTHONPATH=str(ROOT),
        PYTHONWARNINGS="ignore",
        FLWR_TELEMETRY_ENABLED="0",
    )
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout.split()[-1])


def ours(file: str) -> None:
    """One rank of the package."""
    from mpi4py import MPI

    from udsgd_mpi.experiment.check import check
    from udsgd_mpi.parallel.simulate import simulate
    from udsgd_mpi.parallel.team import RanksTeam
    from udsgd_mpi.problem import pose

    comm = MPI.COMM_WORLD
    for rounds in (1, ROUNDS):
        experiment = check(
            {
                "agents": AGENTS,
                "steps": rounds * STEPS,
                "trials": 1,
                "dtype": "float32",
                "data": {"source": file, "standardize": True},
                "objective": {"kind": "torch", "model": "cnn5"},
                "step_size": {"gamma": GAMMA, "exponent": 0.0},
                "communication": {"kind": "centralized", "interval": STEPS},
                "groups": {"all": {"share": 1, "sampler": "reshuffling", "batch": BATCH}},
                "record": {"steps": [], "loss": False},
            }
        )
        problem = pose(experiment, RanksTeam.evenly(comm, AGENTS))
        comm.Barrier()
        started = time.perf_counter()
        simulate(comm, problem, lambda _: None)
        comm.Barrier()
        seconds = time.perf_counter() - started
    if comm.rank == 0:
        print(IMAGES / seconds)


def theirs(file: str) -> None:
    """Flower, with the parts that its tutorial of PyTorch has."""
    import torch
    from flwr.app import ArrayRecord, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.common import Context, Message
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import FedAvg
    from flwr.simulation import run_simulation
    from torch import nn

    def model() -> nn.Module:
        convolutions = [nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5)]
        full = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
        return nn.Sequential(*convolutions, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), *full)

    client, server, ends = ClientApp(), ServerApp(), [0.0]

    @client.train()
    def train(message: Message, context: Context) -> Message:
        torch.set_num_threads(1)
        module, agent = model(), int(context.node_config["partition-id"])
        module.load_state_dict(message.content["arrays"].to_torch_state_dict())
        with np.load(file) as data:
            mine = slice(agent * BATCHES * BATCH, (agent + 1) * BATCHES * BATCH)
            images, labels = torch.from_numpy(data["x"][mine]), torch.from_numpy(data["y"][mine])
        optimizer = torch.optim.SGD(module.parameters(), lr=GAMMA)
        criterion = nn.CrossEntropyLoss()
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(labels)).split(BATCH):
                inputs = (images[rows].float() - 127) / 64
                optimizer.zero_grad()
                criterion(module(inputs), labels[rows]).backward()
                optimizer.step()
        arrays = ArrayRecord(module.state_dict())
        metrics = MetricRecord({"num-examples": len(labels)})
        content = RecordDict({"arrays": arrays, "metrics": metrics})
        return Message(content=content, reply_to=message)

    class Timed(FedAvg):  # type: ignore[misc]
        """Notes when each round ends."""

        def aggregate_train(self, number: int, replies: Any) -> Any:
            answers = list(replies)
            if len(answers) < AGENTS or any(each.has_error() for each in answers):
                os._exit(1)
            found = super().aggregate_train(number, answers)
            ends.append(time.perf_counter())
            return found

    @server.main()
    def serve(grid: Grid, _: Context) -> None:
        strategy = Timed(fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=AGENTS)
        strategy.start(grid, ArrayRecord(model().state_dict()), num_rounds=1 + ROUNDS)

    resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
    run_simulation(server, client, AGENTS, backend_config=resources)
    print(IMAGES / (ends[-1] - ends[1]))


if __name__ == "__main__":
    main()
