"""A row of θ is a model's parameters, drawn by each layer's own law."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.networks.small_network import IMAGE, SEED, SINGLE, floats, on, start  # noqa: E402 - these import torch
from udsgd_mpi.objectives.network.build import build  # noqa: E402
from udsgd_mpi.objectives.network.flat import FlatModule  # noqa: E402


def test_nothing_is_copied_to_or_from_a_row() -> None:
    network = on((6,), model="mlp(8)")
    module = FlatModule(build(network, 0), "mlp(8)", torch.float32, "cpu")
    row = torch.zeros(module.d)
    module.bind(module.views(row))
    row.fill_(0.25)
    assert all((p == 0.25).all() for p in module.module.parameters())
    places = range(row.data_ptr(), row.data_ptr() + 4 * module.d)
    assert all(p.data_ptr() in places for p in module.module.parameters())


@pytest.mark.parametrize("model", ["cnn5", "mlp(50)", "resnet18"])
def test_first_parameters_follow_the_law_of_their_layers(model: str) -> None:
    """Uniform on ±1/√inputs; bounds are four standard errors, for some 60 layers of weights."""
    network = on(IMAGE, model=model)
    module = FlatModule(build(network, 0), model, torch.float32, "cpu")
    d = network.dimension(IMAGE, 10)
    theta = torch.from_numpy(network.initial(d, SEED, range(2)))
    for name, values in module.named(module.views(theta)).items():
        layer = module.module.get_submodule(name.rpartition(".")[0])
        if isinstance(layer, torch.nn.GroupNorm):
            assert (values == (1 if name.endswith("weight") else 0)).all()
            continue
        bound = layer.weight[0].numel() ** -0.5
        number = values.numel()
        assert abs(values).max() <= bound
        assert abs(values.mean()) < 4.5 * bound / (3 * number) ** 0.5
        variance = values.double().square().mean() / bound**2
        assert variance.item() == pytest.approx(1 / 3, abs=4.5 * (4 / 45 / number) ** 0.5)


def test_first_parameters_are_of_seed_and_trial_alone() -> None:
    network = on(IMAGE, model="cnn5")
    d = network.dimension(IMAGE, 10)
    state = torch.get_rng_state()
    theta = network.initial(d, 1, range(3))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    np.testing.assert_array_equal(network.initial(d, 1, range(1, 3)), theta[1:])
    assert len({row.tobytes() for row in [*theta, *network.initial(d, 2, range(3))]}) == 6


def test_rows_elsewhere_than_at_cache_lines_are_a_bug() -> None:
    network = on((16,), model="mlp()")
    theta = start(network, 1, 1)
    shifted = np.empty(theta.size + 16, dtype=SINGLE)[1:][: theta.size].reshape(theta.shape)
    X = np.zeros((1, 1, 1), dtype=np.int32)
    if shifted.ctypes.data % 64:
        with pytest.raises(ValueError, match="cache line"):
            network.descend(shifted, X, np.ones(1), floats(), np.array([1]))


@pytest.mark.parametrize("vectorise", [False, True])
def test_memory_of_gradients_is_what_layers_give(vectorise: bool) -> None:
    """What a rectifier gives it and the next layer keep once; each number counts twice.

    Beside that there are four rows of θ in a process.
    """
    network = on((64,), model="mlp(20, 12)", vectorise=vectorise)
    numbers = 2 * (64 + 20 + 12)
    models = 6 if vectorise else 1
    rows = 4 * network.dimension((64,), 10)
    assert network.working_bytes(SINGLE, 25, 6, whole=False) == 4 * (numbers * 25 * models + rows)
    assert network.working_bytes(SINGLE, 25, 6, whole=True) == 4 * (numbers * 256 + rows)
    found = network.working_bytes(np.dtype(np.float64), 1000, 1, whole=True)
    assert found == 8 * (numbers * 1000 + rows)
    resnet = on(IMAGE, model="resnet18")
    images = resnet.working_bytes(SINGLE, 25, 6, whole=False) - 16 * resnet.dimension(IMAGE, 10)
    assert 2e8 < images < 3e8  # 222 MB measured, as peak over that of a single image
