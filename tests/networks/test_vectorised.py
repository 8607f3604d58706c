"""Steps of all models at once, and those on a GPU, are those of one after the other to rounding."""

from typing import Any

import numpy as np
import pytest

from udsgd_mpi.support.errors import ConfigurationError

torch = pytest.importorskip("torch")

from tests.networks.small_network import DOUBLE, IMAGE, TINY, images, on, start  # noqa: E402 - these import torch
from udsgd_mpi.objectives.network.convolution import AsProducts  # noqa: E402
from udsgd_mpi.objectives.network.device import device_here  # noqa: E402


@pytest.mark.parametrize(
    ("model", "shape", "trials"),
    [("cnn5", TINY, 3), ("mlp(20)", TINY, 3), ("resnet18", (3, 8, 8), 1)],
)
def test_all_at_once_is_one_after_the_other_up_to_rounding(
    model: str, shape: tuple[int, ...], trials: int
) -> None:
    points = images(12, 3, shape)
    X = 3 * np.random.default_rng(2).integers(0, 4, (2, 2, trials)).astype(np.int32)
    ends = []
    for vectorise in (False, True):
        network = on(shape, model=model, l2=0.01, vectorise=vectorise)
        theta = start(network, 2, trials, DOUBLE)
        first = theta.copy()
        network.descend(theta, X, np.array([0.1, 0.05]), points, np.array([3, 3]))
        ends.append(theta)
    assert abs(ends[0] - first).max() > 1e-3
    np.testing.assert_allclose(*ends, atol=1e-12)


@pytest.mark.parametrize(
    "how",
    [
        {"kernel_size": 3},
        {"kernel_size": (2, 3), "stride": (1, 2), "padding": (2, 1)},
        {"kernel_size": 1, "stride": 2, "bias": False},
        {"kernel_size": 3, "padding": "same", "dilation": 2},
        {"kernel_size": 3, "groups": 2},
    ],
)
def test_convolutions_of_many_models_are_products(how: dict[str, Any]) -> None:
    layer = torch.nn.Conv2d(4, 6, **how).double()
    weights = torch.randn(3, *layer.weight.shape, dtype=torch.float64, requires_grad=True)
    x = torch.randn(3, 5, 4, 7, 8, dtype=torch.float64)
    models = torch.vmap(lambda w, x: torch.func.functional_call(layer, {"weight": w}, (x,)))
    with AsProducts():
        products = models(weights, x)
    expected = models(weights, x)
    torch.testing.assert_close(products, expected)
    slopes = (torch.autograd.grad(of.sin().sum(), weights)[0] for of in (products, expected))
    torch.testing.assert_close(*slopes)


def test_vectorised_agents_have_batches_of_one_size() -> None:
    network = on(TINY, model="mlp()", vectorise=True)
    X = np.zeros((1, 2, 1), dtype=np.int32)
    with pytest.raises(ConfigurationError, match="mini-batches of one size, got sizes from 2 to 3"):
        network.descend(start(network, 2, 1), X, np.ones(1), images(6, 1, TINY), np.array([2, 3]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("vectorise", [False, True])
def test_a_gpu_computes_the_same_up_to_rounding_and_twice_the_same_bits(vectorise: bool) -> None:
    points = images(60, 5)
    X = 5 * np.random.default_rng(2).integers(0, 12, (6, 2, 3)).astype(np.int32)
    gamma, batch = np.full(6, 0.05), np.array([5, 5])
    ends = []
    for device in ("cpu", "cuda", "cuda"):
        network = on(IMAGE, model="cnn5", l2=0.01, vectorise=vectorise, device=device)
        theta, out = start(network, 2, 3, DOUBLE), start(network, 2, 3, DOUBLE)
        network.descend(theta, X[:4], gamma[:4], points, batch)
        network.descend(theta, X[4:], gamma[4:], points, batch)
        network.slopes(theta, X[0], points, batch, out)
        value, slope = network.value_and_gradient(theta[0, 0], points)
        ends.append((theta, out, np.array(value), slope))
    for one, other, again in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)
        np.testing.assert_array_equal(other, again)


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"])
def test_ranks_of_a_host_are_spread_over_its_gpus(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert (device_here("cpu"), device_here("cuda")) == ("cpu", "cuda:0")
    found = []
    for rank in range(6):
        monkeypatch.setenv(name, str(rank))
        found.append(device_here("cuda"))
    assert found == ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:0", "cuda:1"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # what Slurm shows to each task
    assert device_here("cuda") == "cuda:0"


def test_cuda_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="expected a GPU"):
        on(TINY, device="cuda").dimension(TINY, 10)
