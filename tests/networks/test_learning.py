"""A network in a row of θ learns as PyTorch's own loop does."""

import copy
import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from udsgd_mpi.communication import Layout
from udsgd_mpi.engine.iterates import Iterates, MixedRows
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.methods import SGD, Adam, Method, Nesterov
from udsgd_mpi.objectives import Points, Softmax
from udsgd_mpi.objectives.network.settings import NetworkOn
from udsgd_mpi.support.errors import ConfigurationError

torch = pytest.importorskip("torch")

from tests.networks.small_network import (  # noqa: E402 - these import torch
    DOUBLE,
    IMAGE,
    SEED,
    SINGLE,
    TINY,
    images,
    normalised,
    on,
    start,
)
from udsgd_mpi.objectives.network.build import build, seed_of  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def plain_loop(
    network: NetworkOn, points: Points, X: np.ndarray, gamma: np.ndarray, batch: int
) -> np.ndarray:
    """Parameters that a loop ends with as PyTorch's tutorial has it, in θ's order."""
    module = build(network, seed_of(SEED, 0))
    features = normalised(points, slice(None))
    labels = torch.tensor(points.labels).long()
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0, weight_decay=network.settings.l2)
    module.train()
    for x, step in zip(X.tolist(), gamma.tolist(), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = step * points.weights[x]
        optimizer.zero_grad()
        loss = torch.nn.CrossEntropyLoss()
        loss(module(features[x : x + batch]), labels[x : x + batch]).backward()
        optimizer.step()
    return np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])


CASES = [("cnn5", IMAGE, 20), ("mlp(30, 20)", TINY, 50), ("resnet18", TINY, 5)]
LONG = [("cnn5", IMAGE, 200), ("resnet18", IMAGE, 200)]


@pytest.mark.parametrize(
    ("model", "shape", "steps"),
    [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in LONG)],
)
@pytest.mark.timeout(3000)
def test_one_agent_learns_as_a_plain_loop_does(
    model: str, shape: tuple[int, ...], steps: int
) -> None:
    batch = 25
    network, points = on(shape, model=model, l2=1e-3), images(100, batch, shape)
    X = batch * np.random.default_rng(1).integers(0, 4, steps).astype(np.int32)
    gamma = 0.02 / np.arange(1, steps + 1) ** 0.3
    theta = start(network, 1, 1)
    first = theta[0, 0].copy()
    for part in np.array_split(np.arange(steps), 3):  # as mixing would cut it
        network.descend(theta, X[part, None, None], gamma[part], points, np.array([batch]))
    expected = plain_loop(network, points, X, gamma, batch)
    moved = abs(theta[0, 0] - first).max()
    assert moved > 1e-3
    np.testing.assert_allclose(theta[0, 0, : len(expected)], expected, atol=1e-3 * moved)
    assert not theta[0, 0, len(expected) :].any()


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=str)
@pytest.mark.parametrize(
    ("method", "theirs"),
    [
        (SGD(weight_decay=0.1), ("SGD", {"weight_decay": 0.1})),
        (
            Nesterov(beta=0.8, weight_decay=0.1),
            ("SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
        ),
        (Adam(epsilon=1e-3), ("Adam", {"eps": 1e-3})),
        (Adam(epsilon=1e-3, weight_decay=0.1), ("AdamW", {"eps": 1e-3, "weight_decay": 0.1})),
    ],
    ids=str,
)
def test_methods_move_it_as_pytorchs(
    method: Method, theirs: tuple[str, dict[str, Any]], dtype: np.dtype
) -> None:
    """On two agents; the first is held to PyTorch's loop, in numbers of the same type."""
    network, points = on(TINY, model="mlp(12)"), images(40, 5, TINY)
    X = 5 * np.random.default_rng(4).integers(0, 8, (30, 2, 1)).astype(np.int32)
    gamma = 0.02 / np.arange(1, 31) ** 0.3
    d, layout = network.dimension(TINY, 10), Layout.even(2, 1)
    iterates = Iterates(
        1, d, method.states(d), lambda shape: MixedRows(layout, 0, 0, shape, dtype=dtype)
    )
    iterates.theta[:] = network.initial(d, SEED, range(1))
    steps = LocalSteps(iterates, method, network, points, np.array([5, 5]))
    steps(0, X[:13], gamma[:13])
    steps(13, X[13:], gamma[13:])
    module = build(network, seed_of(SEED, 0)).to(
        torch.float32 if dtype == SINGLE else torch.float64
    )
    first = np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])
    optimizer = getattr(torch.optim, theirs[0])(module.parameters(), lr=1.0, **theirs[1])
    features = normalised(points, slice(None)).to(next(module.parameters()).dtype)
    labels, loss = torch.tensor(points.labels).long(), torch.nn.CrossEntropyLoss()
    for x, step in zip(X[:, 0, 0].tolist(), gamma.tolist(), strict=True):
        optimizer.param_groups[0]["lr"] = step
        optimizer.zero_grad()
        batch = slice(x, x + 5)
        (points.weights[x] * loss(module(features[batch]), labels[batch])).backward()
        optimizer.step()
    expected = np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])
    moved = abs(expected - first).max()
    assert moved > 1e-3
    found = iterates.theta[0, 0]
    tolerance = 1e-3 if dtype == SINGLE else 1e-6  # images are normalised in single precision
    np.testing.assert_allclose(found[: len(expected)], expected, atol=tolerance * moved)
    assert not found[len(expected) :].any()


def test_centralised_agents_with_equal_shares_take_a_step_of_a_large_batch() -> None:
    network = on(TINY, model="cnn5")
    points = images(40, 10, TINY)
    points = replace(points, weights=np.ones(40))
    agents, large = start(network, 4, 1), start(network, 1, 1)
    X = np.arange(0, 40, 10, dtype=np.int32)[None, :, None]
    gamma = np.array([0.1])
    for _ in range(5):
        network.descend(agents, X, gamma, points, np.full(4, 10))
        agents[:] = agents.mean(axis=0)
        network.descend(large, X[:, :1], gamma, points, np.array([40]))
    np.testing.assert_allclose(agents[0], large[0], atol=2e-6)


def test_batch_norm_keeps_its_statistics_in_a_row() -> None:
    network, points = on(TINY, model="resnet18", norm="batch"), images(16, 4, TINY)
    X = 4 * np.array([0, 3, 1], dtype=np.int32)[:, None, None]
    initial = network.initial_statistics()
    theta = start(network, 1, 1)
    statistics = aligned_zeros((1, 1, len(initial)), SINGLE)
    statistics[:] = initial
    network.descend(theta, X, np.full(3, 0.01), points, np.array([4]), statistics)
    module = build(network, seed_of(SEED, 0)).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    for x in X.ravel().tolist():
        optimizer.param_groups[0]["lr"] = 0.01 * points.weights[x]
        optimizer.zero_grad()
        batch = normalised(points, slice(x, x + 4))
        labels = torch.tensor(points.labels[x : x + 4]).long()
        torch.nn.functional.cross_entropy(module(batch), labels).backward()
        optimizer.step()
    kept = [b for name, b in module.named_buffers() if "running" in name]
    expected = np.concatenate([b.numpy() for b in kept])
    assert abs(expected - initial).max() > 0.01
    np.testing.assert_allclose(statistics[0, 0], expected, rtol=1e-3, atol=1e-5)
    value = network.value(theta[0, 0], points, statistics[0, 0])
    outputs = copy.deepcopy(module).eval()(normalised(points, slice(None)))
    labels = torch.tensor(points.labels).long()
    losses = torch.nn.functional.cross_entropy(outputs, labels, reduction="none")
    assert value == pytest.approx(points.weights @ losses.detach().numpy(), rel=1e-3)
    both = network.value_and_gradient(theta[0, 0], points, statistics[0, 0])
    assert both[0] == pytest.approx(value)
    with pytest.raises(ConfigurationError, match="statistics of BatchNorm beside θ"):
        network.value(theta[0, 0], points)


def test_a_step_has_the_same_bits_in_any_company() -> None:
    for model, batch in (("cnn5", 5), ("mlp(9)", 1)):  # products of single points see alignment
        network, points = on(TINY, model=model), images(20, batch, TINY)
        X = np.random.default_rng(1).integers(0, 20 // batch, (3, 3, 5)).astype(np.int32) * batch
        together, alone = start(network, 3, 5), start(network, 1, 1)
        alone[0, 0] = together[2, 4]
        network.descend(together, X, np.full(3, 0.1), points, np.full(3, batch))
        for n in range(3):
            last = X[n : n + 1, 2:, 4:]
            network.descend(alone, last, np.full(1, 0.1), points, np.full(1, batch))
        np.testing.assert_array_equal(together[2, 4], alone[0, 0])


def test_points_and_rows_that_nobody_else_holds_are_let_go() -> None:
    network, points = on(TINY, model="mlp(4)"), images(4, 1, TINY)
    theta = start(network, 1, 1)
    X = np.zeros((1, 1, 1), dtype=np.int32)
    network.descend(theta, X, np.ones(1), points, np.array([1]))
    network.value(theta[0, 0], points)
    left = [weakref.ref(points), weakref.ref(points.features), weakref.ref(theta.base)]
    del points, theta
    network.descend(start(network, 1, 1), X, np.ones(1), images(4, 1, TINY), np.array([1]))
    gc.collect()
    assert [ref() for ref in left] == [None] * 3


def test_what_decides_the_last_bits_is_told() -> None:
    assert torch.__version__ in on(TINY).computed_by
    assert not Softmax().computed_by
