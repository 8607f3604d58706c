"""A network in a row of θ learns as PyTorch's own loop does, and is refused where it could not."""

import copy
import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from udsgd_mpi.communication import Layout
from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.engine.iterates import Iterates, MixedRows
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.methods import SGD, Adam, Method, Nesterov
from udsgd_mpi.objectives import AnyObjective, Network, Points, Softmax
from udsgd_mpi.objectives.network.settings import NetworkOn
from udsgd_mpi.support.errors import ConfigurationError

torch = pytest.importorskip("torch")

from udsgd_mpi.objectives.network.build import build, seed_of  # noqa: E402 - these import torch
from udsgd_mpi.objectives.network.convolution import AsProducts  # noqa: E402
from udsgd_mpi.objectives.network.flat import FlatModule  # noqa: E402

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
IMAGE, TINY = (3, 32, 32), (3, 16, 16)
SEED = 5


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The plain loops here sum in the order of one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def images(number: int, batch: int = 1, shape: tuple[int, int, int] = IMAGE) -> Points:
    """Images at random with labels of ten classes, and one weight for each mini-batch."""
    rng = np.random.default_rng(number)
    features = rng.integers(0, 256, (number, int(np.prod(shape))), dtype=np.uint8)
    weights = np.repeat(rng.uniform(0.5, 1.5, number // batch), batch)
    image = ImageFormat(shape, tuple("0123456789"), (120.0, 125.0, 130.0), (60.0, 70.0, 80.0))
    return Points(features, rng.integers(0, 10, number).astype(float), weights, image)


def normalised(points: Points, rows: slice) -> torch.Tensor:
    """Images as numbers, shape (images, channels, height, width)."""
    assert points.image is not None
    return torch.from_numpy(points.image.normalized(points.features[rows]))


def on(shape: tuple[int, ...], **settings: object) -> NetworkOn:
    return Network(**settings).on(shape, 10)  # type: ignore[arg-type]


def start(network: NetworkOn, agents: int, trials: int, dtype: np.dtype = SINGLE) -> np.ndarray:
    """θ_0, shape (agents, trials, d)."""
    d = network.dimension(network.shape, 10)
    theta = aligned_zeros((agents, trials, d), dtype)
    theta[:] = network.initial(d, SEED, range(trials))
    return theta


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


OWN = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.one = nn.Linear(inputs, 8)
        self.two = nn.Linear(8, outputs)
        {extra}

    def forward(self, x):
        x = torch.tanh(self.one(x))
        {forward}
        return self.two(x)

def build(shape, outputs):
    model = Model(shape[0], outputs)
    {after}
    return model

def loss(outputs, labels):
    {loss}
"""
NOTHING = {
    "extra": "",
    "forward": "",
    "after": "",
    "loss": "return nn.functional.cross_entropy(outputs, labels.long(), reduction='none')",
}
BROKEN = {
    "unused": ({"extra": "self.more = nn.Linear(3, 3)"}, "got more.weight and 1 others unused"),
    "state": (
        {"extra": "self.register_buffer('count', torch.zeros(2))", "forward": "self.count += 1"},
        "got count that changes in a step",
    ),
    "random": ({"forward": "x = nn.functional.dropout(x)"}, "a layer such as Dropout"),
    "half": ({"after": "model.two.half()"}, "got two.weight of float16"),
    "double": ({"after": "model.double()"}, "got one.weight of float64"),
    "frozen": ({"after": "model.one.requires_grad_(False)"}, "got one.weight with requires_grad"),
    "aliased": (
        {"after": "model.two.bias = nn.Parameter(model.one.bias.data[:10])"},
        "got two.bias in that of one.bias",
    ),
    "lazy": ({"extra": "self.more = nn.LazyLinear(3)"}, "got the lazy more.weight"),
    "shape": ({"after": "model.two = nn.Linear(8, 7)"}, "expected outputs of shape (8, 10)"),
    "no module": ({"after": "model = 3"}, "expected a torch.nn.Module"),
    "cut off": ({"forward": "return torch.zeros(len(x), 10)"}, "cannot follow to any parameter"),
    "raises": ({"forward": "x = x @ torch.zeros(3, 3)"}, "RuntimeError: mat1 and mat2"),
    "mean": (
        {"loss": "return nn.functional.cross_entropy(outputs, labels.long())"},
        "take no mean",
    ),
    "NaN": ({"loss": "return labels / 0 * 0 + outputs.sum(1)"}, "expected finite losses"),
    "other numbers": (
        {"after": "import numpy; model.one.weight.data += float(numpy.random.rand())"},
        "draw them by torch alone",
    ),
    "momentum": (
        {"extra": "self.norm = nn.BatchNorm1d(8, momentum=None)", "forward": "x = self.norm(x)"},
        "expected a momentum of BatchNorm",
    ),
}


def own(folder: Path, **parts: str) -> NetworkOn:
    """A network of the user's own, with its loss."""
    file = folder / "mine.py"
    file.write_text(OWN.format(**NOTHING | parts))
    return on((16,), model=f"{file}:build", loss=f"{file}:loss", outputs=10)


def floats(number: int = 8) -> Points:
    rng = np.random.default_rng(4)
    return Points(rng.normal(size=(number, 16)), np.arange(float(number)), np.ones(number))


@pytest.mark.parametrize("case", BROKEN)
def test_models_that_theta_cannot_hold_are_refused(case: str, tmp_path: Path) -> None:
    parts, message = BROKEN[case]
    network = own(tmp_path, **parts)
    with pytest.raises(ConfigurationError) as error:
        network.check(floats(), network.dimension((16,), 10), 0, thorough=True)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"extra": "self.again = self.two"},
        {
            "extra": "self.square = nn.Linear(8, 8); self.square.weight = self.square.weight",
            "forward": "x = self.square(self.square(x))",
        },
        {"extra": "self.register_buffer('shift', torch.ones(8))", "forward": "x = x + self.shift"},
        {"extra": "self.norm = nn.BatchNorm1d(8)", "forward": "x = self.norm(x)"},
        {
            "extra": "self.n = nn.BatchNorm1d(8, track_running_stats=False)",
            "forward": "x = self.n(x)",
        },
    ],
    ids=["plain", "tied", "used twice", "constant buffer", "batch norm", "no running statistics"],
)
def test_models_of_ones_own_are_taken(parts: dict[str, str], tmp_path: Path) -> None:
    network, points = own(tmp_path, **parts), floats()
    d = network.dimension((16,), 10)
    network.check(points, d, 0, thorough=True)
    theta = start(network, 1, 1)
    initial = network.initial_statistics()
    at_first = initial if len(initial) else None
    before = network.value(theta[0, 0], points, at_first)
    X = np.zeros((50, 1, 1), dtype=np.int32)
    statistics = None
    if len(initial):
        statistics = aligned_zeros((1, 1, len(initial)), SINGLE)
        statistics[:] = initial
        with pytest.raises(ConfigurationError, match="statistics of BatchNorm beside θ"):
            network.descend(theta, X, np.full(50, 0.1), points, np.array([8]))
    network.descend(theta, X, np.full(50, 0.1), points, np.array([8]), statistics)
    assert network.value(theta[0, 0], points, at_first) < before
    assert set(network.sources()) == {"mine.py"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "cnn6"}, "expected model to be one of"),
        ({"model": "mlp(0)"}, "expected model to be one of"),
        ({"model": "mlp(3 4)"}, "expected model to be one of"),
        ({"loss": "l1"}, "expected loss to be one of"),
        ({"loss": "mine:loss"}, "expected outputs beside a loss"),
        ({"loss": "mse", "outputs": 3}, "expected one output"),
        ({"norm": "batch"}, 'expected norm = "batch" with resnet18 alone'),
        ({"device": "tpu"}, "expected one of 'cpu', 'cuda'"),
        ({"dropout": 1}, "unknown key 'objective.dropout'"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        one_of(AnyObjective, {"kind": "torch", **settings}, "objective")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({"model": "cnn5"}, (3, 12, 32), "expected images of 16 × 16 pixels or more"),
        ({"model": "resnet18"}, (64,), "got points of shape (64,)"),
        ({"model": "nowhere:build"}, (64,), "no module 'nowhere'"),
        ({"model": "math:build"}, (64,), "no 'build'"),
        ({"batch_norm_statistics": "local"}, IMAGE, "expected a model with BatchNorm"),
        (
            {"model": "resnet18", "norm": "batch", "vectorise": True},
            IMAGE,
            "expected a model without BatchNorm",
        ),
    ],
)
def test_models_that_fit_no_points_are_refused(
    settings: dict[str, object], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        on(shape, **settings).dimension(shape, 10)
    assert message in str(error.value)


def test_vectorised_agents_have_batches_of_one_size() -> None:
    network = on(TINY, model="mlp()", vectorise=True)
    X = np.zeros((1, 2, 1), dtype=np.int32)
    with pytest.raises(ConfigurationError, match="mini-batches of one size, got sizes from 2 to 3"):
        network.descend(start(network, 2, 1), X, np.ones(1), images(6, 1, TINY), np.array([2, 3]))


def test_labels_outside_the_classes_are_refused() -> None:
    labels, seen = np.array([3.0, 7.0, 5.0]), np.array([3.0, 5.0, 7.0])
    np.testing.assert_array_equal(Network().encode(labels, seen), [0, 2, 1])
    np.testing.assert_array_equal(Network(outputs=8).encode(labels, seen), labels)
    assert Network(loss="mse").encode(labels / 3, seen[:0]) is not None
    for network, classes, message in (
        (Network(), seen[:2], "3 to 5, got a label 7"),
        (Network(outputs=7), seen, "0 to 6, got a label 7"),
        (Network(outputs=9), seen - 0.5, "got a label"),
        (Network(), seen[:1], "got a label"),
    ):
        with pytest.raises(ConfigurationError) as error:
            network.encode(labels if network.outputs != 9 else labels - 0.5, classes)
        assert message in str(error.value)


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


def test_cuda_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="expected a GPU"):
        on(TINY, device="cuda").dimension(TINY, 10)


def test_what_decides_the_last_bits_is_told() -> None:
    assert torch.__version__ in on(TINY).computed_by
    assert not Softmax().computed_by


def test_a_missing_torch_is_refused_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from udsgd_mpi.objectives.network import settings

    monkeypatch.setattr(settings, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'udsgd_mpi\[torch\]'"):
        on(TINY).dimension(TINY, 10)


def test_rows_elsewhere_than_at_cache_lines_are_a_bug() -> None:
    network = on((16,), model="mlp()")
    theta = start(network, 1, 1)
    shifted = np.empty(theta.size + 16, dtype=SINGLE)[1:][: theta.size].reshape(theta.shape)
    X = np.zeros((1, 1, 1), dtype=np.int32)
    if shifted.ctypes.data % 64:
        with pytest.raises(ValueError, match="cache line"):
            network.descend(shifted, X, np.ones(1), floats(), np.array([1]))


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
