"""Pages that follow from the package itself: python docs/generate.py FOLDER."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import h5py

import udsgd_mpi

_FAMILIES = {
    "experiment.schema": "Experiments",
    "clock": "Latencies",
    "samplers": "Samplers",
    "communication": "Communication patterns",
    "communication.activation": "Agents that are away",
    "tokens": "Models that walk",
    "communication.compression": "Compressions of messages",
    "methods": "Methods",
    "methods.step_sizes": "Step sizes that are not polynomial",
    "theory.step_size": "Step sizes",
    "objectives": "Objectives",
    "data.reader": "Readers",
    "data.partition": "Partitions",
    "graphs.generators": "Graphs that are generated",
    "graphs.in_files": "Graphs in files",
}
_WITH_ALL = {
    "agents": 4,
    "steps": 50,
    "trials": 4,
    "record.polyak": True,
    "record.loss": True,
    "timing.compute": {"kind": "constant", "mean": 0.01},
}


def settings() -> Iterator[str]:
    """Every class of settings with its docstring, family by family."""
    for module, title in _FAMILIES.items():
        yield f"## {title}\n\n```{{eval-rst}}\n.. currentmodule:: udsgd_mpi\n"
        for name, home in udsgd_mpi._MODULES.items():  # noqa: SLF001
            if home == module:
                yield f".. autoclass:: {name}\n"
        yield "```\n"


def file_format() -> Iterator[str]:
    """Every dataset of a variant and of its telemetry."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.h5"
        experiment = udsgd_mpi.load(settings=_WITH_ALL)["some-srrw"]
        udsgd_mpi.run({"some": experiment}, output=path)
        with h5py.File(path) as file:
            for group in ("runs/some", "telemetry/some"):
                yield f"\n### `/{group.replace('some', 'VARIANT')}`\n"
                yield "| dataset | dimensions | type | is |\n|---|---|---|---|"
                for name, dataset in file[group].items():
                    axes = ", ".join(
                        Path(scale.name).name for axis in dataset.dims for scale in axis.values()
                    )
                    kind = "text" if dataset.dtype.kind == "O" else dataset.dtype
                    units, what = dataset.attrs["units"], dataset.attrs["description"]
                    kind = kind if units == "1" else f"{kind}, {units}"
                    what = what.replace("|", "\\|").replace("*", "\\*")
                    yield f"| `{name}` | {axes} | {kind} | {what} |"
                if file[group].attrs:
                    yield "\nAttributes: " + ", ".join(f"`{name}`" for name in file[group].attrs)
            yield "\nAttributes of the root: " + ", ".join(f"`{name}`" for name in file.attrs)


def main() -> None:
    """Write the pages."""
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name, lines in {"settings.md": settings(), "file-format.md": file_format()}.items():
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
