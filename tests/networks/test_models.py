"""Models of the user's own are taken, or refused where θ could not hold them."""

from pathlib import Path

import numpy as np
import pytest

from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.objectives import AnyObjective, Network
from udsgd_mpi.objectives.network.settings import NetworkOn
from udsgd_mpi.support.errors import ConfigurationError

pytest.importorskip("torch")

from tests.networks.small_network import IMAGE, SINGLE, TINY, floats, on, start

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
        ({"activation": "tanh"}, 'expected activation = "tanh" with mlp alone'),
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
        (
            Network(),
            np.array([3.5]),
            "expected whole numbers of two classes or more, got a label 3.5",
        ),
    ):
        with pytest.raises(ConfigurationError) as error:
            network.encode(labels if network.outputs != 9 else labels - 0.5, classes)
        assert message in str(error.value)


def test_a_missing_torch_is_refused_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from udsgd_mpi.objectives.network import settings

    monkeypatch.setattr(settings, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'udsgd_mpi\[torch\]'"):
        on(TINY).dimension(TINY, 10)
