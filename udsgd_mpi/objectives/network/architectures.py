"""The models that the package brings."""

from collections import OrderedDict
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from udsgd_mpi.support.errors import ConfigurationError

_SMALLEST = 16  # pixels of an image's side from which two convolutions and poolings leave one


def cnn5(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Two convolutions and three full layers (the paper's CNN, App. G).

    Raises
    ------
    ConfigurationError
        If the points are no images, or too small ones.
    """
    channels, height, width = _image(shape, "cnn5", _SMALLEST)
    left = 16 * _after_pooling(height) * _after_pooling(width)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 6, 5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(6, 16, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            full1=nn.Linear(left, 120),
            relu3=nn.ReLU(),
            full2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            full3=nn.Linear(84, outputs),
        )
    )


def mlp(shape: tuple[int, ...], outputs: int, hidden: list[int], activation: str) -> nn.Module:
    """Full layers of given widths with ``activation`` between them; without any, a linear model."""
    widths = [prod(shape), *hidden, outputs]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.Tanh() if activation == "tanh" else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def resnet18(shape: tuple[int, ...], outputs: int, norm: str) -> nn.Module:
    """ResNet-18 for small images (He et al., 2016): a 3 × 3 convolution first, and no pooling.

    Parameters
    ----------
    norm
        ``"group"``: GroupNorm in 32 groups (Wu and He, 2018); ``"batch"``: BatchNorm.

    Raises
    ------
    ConfigurationError
        If the points are no images, or too small ones.
    """
    channels, _, _ = _image(shape, "resnet18", 8)
    blocks = []
    before = 64
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage > 0 and block == 0 else 1
            blocks.append(_Block(before, width, stride, norm))
            before = width
    stem = [nn.Conv2d(channels, 64, 3, padding=1, bias=False), _norm(norm, 64), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, _MeanOfPixels(), nn.Linear(512, outputs))


class _Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, before: int, width: int, stride: int, norm: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.norm1 = _norm(norm, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = _norm(norm, width)
        self.around: nn.Module = nn.Identity()
        if stride > 1 or before != width:
            projection = nn.Conv2d(before, width, 1, stride, bias=False)
            self.around = nn.Sequential(projection, _norm(norm, width))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.around(x))


class _MeanOfPixels(nn.Module):
    """Average pooling of whole images; PyTorch's own has no deterministic gradient on a GPU."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def _norm(kind: str, channels: int) -> nn.Module:
    return nn.GroupNorm(32, channels) if kind == "group" else nn.BatchNorm2d(channels)


def _after_pooling(side: int) -> int:
    for _ in range(2):
        side = (side - 4) // 2
    return side


def _image(shape: tuple[int, ...], model: str, smallest: int) -> tuple[int, int, int]:
    if len(shape) != 3 or min(shape[1:]) < smallest:
        raise ConfigurationError(
            f"objective.model = {model!r}: expected images of {smallest} × {smallest} pixels or"
            f' more, got points of shape {shape}; use data of images, or model = "mlp(64)"'
        )
    channels, height, width = shape
    return channels, height, width
