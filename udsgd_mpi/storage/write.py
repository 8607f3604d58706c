"""Writing result files."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udsgd_mpi.storage.seal import BLANK, SealedFile
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.support.atomic_file import replacing
from udsgd_mpi.support.lazy import lazy_module

if TYPE_CHECKING:
    import h5py
else:
    h5py = lazy_module("h5py")

FORMAT = "udsgd_mpi results"
FORMAT_VERSION = 1


def write_results(
    path: Path,
    attributes: Mapping[str, Any],
    runs: Mapping[str, Run],
    telemetry: Mapping[str, Run] | None = None,
) -> None:
    """Write one file with a group for each variant under ``/runs``, and under ``/telemetry``.

    The file is built in memory and replaces an older one in one move, so that a reader of
    ``path`` finds a whole file at any time. Its last bytes are a checksum, see ``seal``.

    Parameters
    ----------
    attributes
        Root attributes: configuration, seed, versions, where and when.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    image = io.BytesIO()
    with h5py.File(image, "w", track_order=True) as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs.update(attributes)
        for section, groups in {"runs": runs, "telemetry": telemetry or {}}.items():
            written = file.create_group(section, track_order=True)
            for name, run in groups.items():
                _write_run(written.create_group(name, track_order=True), run)
    with replacing(path) as file:
        sealed = SealedFile(file)
        sealed.write(image.getbuffer())
        sealed.write(BLANK)
        sealed.seal()


def _write_run(group: "h5py.Group", run: Run) -> None:
    group.attrs.update(run.attributes)
    labels = [name for name, each in run.variables.items() if each.dimensions == (name,)]
    for name in labels:
        _dataset(group, name, run.variables[name]).make_scale(name)
    for name, variable in run.variables.items():
        if name in labels:
            continue
        dataset = _dataset(group, name, variable)
        for axis, dimension in enumerate(variable.dimensions):
            dataset.dims[axis].attach_scale(group[dimension])


def _dataset(group: "h5py.Group", name: str, variable: Variable) -> "h5py.Dataset":
    values = variable.values
    dtype = h5py.string_dtype() if values.dtype == object else values.dtype
    dataset = group.create_dataset(name, data=values, dtype=dtype)
    dataset.attrs["description"] = variable.description
    dataset.attrs["units"] = variable.units
    return dataset
