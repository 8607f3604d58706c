"""``udsgd inspect``."""

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import h5py

from udsgd_mpi.storage.read import open_result_file

_SECTIONS = ("runs", "telemetry")


def command(arguments: Namespace) -> None:
    """Print attributes, variants and datasets of a result file, and its configuration."""
    with open_result_file(arguments.file) as file:
        lines = list(_lines(file))
    print("\n".join(lines), end="")


def _lines(file: h5py.File) -> Iterator[str]:
    for key, value in file.attrs.items():
        if key != "configuration":
            yield f"{key:18} {value}"
    for run in (run for section in _SECTIONS for run in file.get(section, {}).values()):
        yield f"\n{run.name}"
        for key, dataset in run.items():
            yield f"  {key:16} {_shape(dataset):44} {dataset.attrs.get('description', '')}"
    yield "\n" + file.attrs["configuration"]


def _shape(dataset: h5py.Dataset) -> str:
    if dataset.is_scale:
        return f"({len(dataset)},)"
    names = [_name(dimension) for dimension in dataset.dims]
    sizes = zip(names, dataset.shape, strict=True)
    return "(" + ", ".join(f"{name} {size}" for name, size in sizes) + ")"


def _name(dimension: Any) -> str:
    """Name of an axis; ? in a dataset that someone added without one."""
    return str(dimension[0].name).rpartition("/")[2] if len(dimension) else "?"
