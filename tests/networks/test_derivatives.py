"""Derivatives of networks are differences, and those of softmax regression."""

import numpy as np
import pytest

from udsgd_mpi.objectives import Points, Softmax

pytest.importorskip("torch")

from tests.networks.small_network import DOUBLE, TINY, on, start


@pytest.mark.parametrize(
    ("model", "shape", "loss"),
    [
        ("mlp(8)", (6,), "cross_entropy"),
        ("mlp(8)", (6,), "mse"),
        ("cnn5", TINY, "cross_entropy"),
        ("resnet18", (3, 8, 8), "cross_entropy"),
    ],
)
def test_gradients_are_differences_of_values(model: str, shape: tuple[int, ...], loss: str) -> None:
    network = on(shape, model=model, loss=loss, l2=0.1)
    rng = np.random.default_rng(3)
    points = Points(rng.normal(size=(4, *shape)), np.arange(4.0), rng.uniform(1, 2, 4))
    theta = start(network, 1, 1, DOUBLE)[0, 0]
    slope = network.gradient(theta, points)
    for _ in range(2):
        e = rng.normal(size=len(theta)) * (theta != 0)
        e = 1e-6 * (e / np.linalg.norm(e) + slope / np.linalg.norm(slope))
        difference = network.value(theta + e, points) - network.value(theta - e, points)
        assert difference / 2 == pytest.approx(slope @ e, rel=1e-6)
    if model == "resnet18":
        return  # gradients of each point would take its memory four times
    each = network.gradients(theta, points)
    np.testing.assert_allclose(points.weights @ each, slope, atol=1e-12)
    for vectorise in (False, True):
        network = on(shape, model=model, loss=loss, l2=0.1, vectorise=vectorise)
        X = np.array([[0, 2]], dtype=np.int32)
        rows = start(network, 1, 2, DOUBLE)
        rows[:] = theta
        out = np.full(rows.shape, np.nan)  # also what fills up a row is to be written
        network.slopes(rows, X, points, np.array([2]), out)
        for t, x in enumerate((0, 2)):
            mean = points.weights[x] * each[x : x + 2].mean(axis=0)
            np.testing.assert_allclose(out[0, t], mean, atol=1e-12)


def test_hessians_are_differences_of_gradients() -> None:
    network = on((6,), model="mlp(8)", l2=0.1)
    rng = np.random.default_rng(3)
    points = Points(rng.normal(size=(300, 6)), rng.integers(0, 10, 300).astype(float), np.ones(300))
    theta = start(network, 1, 1, DOUBLE)[0, 0]
    e = 1e-6 * rng.normal(size=len(theta))
    difference = network.gradient(theta + e, points) - network.gradient(theta - e, points)
    hessian = network.hessian(theta, points)
    np.testing.assert_allclose(hessian @ e, difference / 2, atol=1e-9)
    np.testing.assert_allclose(network.product(theta, e, points), hessian @ e, atol=1e-12)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-10)


def test_a_linear_network_is_softmax_regression() -> None:
    network, softmax = on((16,), model="mlp()", l2=0.3), Softmax(l2=0.3)
    rng = np.random.default_rng(3)
    points = Points(rng.normal(size=(40, 16)), rng.integers(0, 10, 40).astype(float), np.ones(40))
    weights = rng.normal(size=160)
    theta = np.concatenate([weights, np.zeros(16)])  # no bias, and what fills up the row
    assert network.value(theta, points) == pytest.approx(softmax.value(weights, points))
    np.testing.assert_allclose(
        network.gradients(theta, points)[:, :160], softmax.gradients(weights, points), atol=1e-12
    )
    np.testing.assert_allclose(
        network.hessian(theta, points)[:160, :160], softmax.hessian(weights, points), atol=1e-11
    )
    scores = points.features @ weights.reshape(10, 16).T
    right = scores.argmax(axis=1) == points.labels
    np.testing.assert_array_equal(network.correct(theta, points), right)
    value, hits = network.value_and_hits(theta, points)
    assert (value, hits) == (pytest.approx(softmax.value(weights, points)), right.sum())
    assert network.value_and_gradient(theta, points)[0] == pytest.approx(value)
