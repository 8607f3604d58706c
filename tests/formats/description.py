"""Result files and checkpoints as text, so that those of old versions can be kept, and made again.

In a folder with small.toml and tiny.svm, with the version to be kept installed:

    udsgd run small.toml --output results.h5 --keep-checkpoints
    python -m tests.formats.description results.h5 > tests/formats/VERSION.json
"""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.storage.seal import BLANK, SealedFile, is_whole

Description: TypeAlias = dict[str, Any]

_HEADER = "checkpoint.json"
_OF_HOST = {"hosts": "host", "mpi_library": "MPI", "host": "host"}


def describe(results: Path) -> Description:
    """A result file and the checkpoints beside it."""
    folder = results.with_name(f"{results.name}.checkpoints")
    with h5py.File(results) as file:
        groups = [f"{kind}/{name}" for kind in file for name in file[kind]]
        return {
            "sealed": is_whole(results) is not None,
            "attributes": _attributes(file),
            "groups": {name: _group(file[name]) for name in groups},
            "checkpoints": {path.stem: _checkpoint(path) for path in sorted(folder.glob("*.npz"))},
        }


def make(description: Description, results: Path) -> None:
    """The files that were described."""
    with h5py.File(results, "w") as file:
        file.attrs.update(description["attributes"])
        for name, each in description["groups"].items():
            _make_group(file.create_group(name, track_order=True), each)
    if description["sealed"]:
        _seal(results)
    folder = results.with_name(f"{results.name}.checkpoints")
    for name, each in description["checkpoints"].items():
        folder.mkdir(exist_ok=True)
        _make_checkpoint(folder / f"{name}.npz", each)


def _attributes(of: "h5py.File | h5py.Group") -> dict[str, Any]:
    values = {k: v.item() if isinstance(v, np.generic) else v for k, v in of.attrs.items()}
    return values | {key: text for key, text in _OF_HOST.items() if key in values}


def _group(group: "h5py.Group") -> Description:
    return {
        "attributes": _attributes(group),
        "datasets": {name: _dataset(each) for name, each in group.items()},
    }


def _dataset(dataset: "h5py.Dataset") -> Description:
    is_text = h5py.check_string_dtype(dataset.dtype)
    values = dataset.asstr()[:].tolist() if is_text else _array(dataset[:])
    if dataset.name.endswith("/host"):
        values = ["host"] * len(values)
    texts = {key: dataset.attrs[key] for key in ("description", "units") if key in dataset.attrs}
    scales = [Path(scale.name).name for axis in dataset.dims for scale in axis.values()]
    return {"values": values, "axes": scales, "is_axis": bool(dataset.is_scale)} | texts


def _make_group(group: "h5py.Group", each: Description) -> None:
    group.attrs.update(each["attributes"])
    for name, dataset in each["datasets"].items():
        values = dataset["values"]
        made = group.create_dataset(
            name,
            **(
                {"data": values, "dtype": h5py.string_dtype()}
                if isinstance(values, list)
                else {"data": _array_of(values)}
            ),
        )
        made.attrs.update({k: dataset[k] for k in ("description", "units") if k in dataset})
        if dataset["is_axis"]:
            made.make_scale(name)
    for name, dataset in each["datasets"].items():
        for axis, scale in enumerate(dataset["axes"]):
            group[name].dims[axis].attach_scale(group[scale])


def _checkpoint(path: Path) -> Description:
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read(_HEADER))
        for row in header.get("telemetry", []):
            row["host"] = "host"
        arrays = {}
        for name in archive.namelist():
            if name != _HEADER:
                with archive.open(name) as member:
                    arrays[name] = _array(np.lib.format.read_array(member))
    return {"sealed": is_whole(path) is not None, "header": header, "arrays": arrays}


def _make_checkpoint(path: Path, each: Description) -> None:
    with path.open("wb") as file:
        sealed = SealedFile(file)
        with zipfile.ZipFile(sealed if each["sealed"] else file, "w") as archive:
            archive.comment = BLANK if each["sealed"] else b""
            archive.writestr(_HEADER, json.dumps(each["header"]))
            for name, array in each["arrays"].items():
                with archive.open(name, "w") as member:
                    np.lib.format.write_array(member, _array_of(array))
        if each["sealed"]:
            sealed.seal()


def _seal(path: Path) -> None:
    content = path.read_bytes()
    with path.open("wb") as file:
        sealed = SealedFile(file)
        sealed.write(content + BLANK)
        sealed.seal()


def _array(values: NDArray[Any]) -> Description:
    numbers = " ".join(map(repr, values.ravel().tolist()))  # repr of a float has all its bits
    return {"dtype": values.dtype.str, "shape": list(values.shape), "numbers": numbers}


def _array_of(each: Description) -> NDArray[Any]:
    numbers = each["numbers"].replace("True", "1").replace("False", "0").split()
    parsed = np.array(numbers, dtype=each["dtype"][1:] if each["dtype"][1] == "f" else "i8")
    return parsed.astype(each["dtype"]).reshape(each["shape"])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(Path(sys.argv[1])), indent=1) + "\n")
