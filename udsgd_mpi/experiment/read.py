"""Experiment files: TOML in, variants out, and TOML again for the record."""

import os
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import tomli_w

from udsgd_mpi.experiment.axes import crossed
from udsgd_mpi.experiment.check import (
    check,
    expand,
    merge,
    settings_of,
    with_default_kinds,
    without_none,
)
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import in_folders, seen_from
from udsgd_mpi.support.input_file import content_of, decoded
from udsgd_mpi.support.one_line import require_name

_LONGEST_NAME = 100  # of a variant, and so of the files of its checkpoints
_NO_SETTINGS = ("variant", "axis", "claim", "middle", "quick")


def read_experiment(path: Path | None) -> dict[str, Any]:
    """Raw settings of an experiment file, or of the default experiment.

    Raises
    ------
    ConfigurationError
        If the file can't be read or is not TOML.
    """
    if path is None:
        text = files("udsgd_mpi").joinpath("default.toml").read_text(encoding="utf-8")
        return tomllib.loads(text)
    content = content_of(path, f"experiment file {path}")
    try:
        return tomllib.loads(decoded(content))
    except RecursionError as error:
        raise ConfigurationError(
            f"experiment file {path}: expected TOML of a few levels, got tables or lists nested too"
            " deeply"
        ) from error
    except ValueError as error:  # also tomllib's
        raise ConfigurationError(f"experiment file {path}: expected TOML; {error}") from error


def variants(
    raw: Mapping[str, Any], flags: Mapping[str, Any], folder: Path | None = None
) -> dict[str, Experiment]:
    """The experiments of a file by name: its base under each ``[variant.NAME]`` table.

    In place of these a file may have tables ``[axis.AXIS.VALUE]``, whose combinations are its
    variants, see ``crossed``.

    Files that settings name, of data, graphs, weights and modules alike, are looked for in the
    folder of the experiment first, then in the working folder; those of flags in the latter.

    Parameters
    ----------
    raw
        Settings as read; without variant tables the base is the only variant, ``"main"``. What the
        experiment claims, and its smaller sizes, are not settings.
    flags
        Settings from the command line, laid over every variant.
    folder
        Where the experiment file lies; by default the working folder.
    """
    # Seen from the working folder, however the experiment was named, so that a file has one name.
    beside = in_folders(Path(os.path.relpath(folder or Path())), Path())
    base = {key: value for key, value in raw.items() if key not in _NO_SETTINGS}
    overlays = _overlays(raw)
    if not isinstance(overlays, Mapping) or not overlays:
        raise ConfigurationError(f"variant: expected tables [variant.NAME], got {overlays!r}")
    flags = expand(flags, in_folders(Path()))
    base = with_default_kinds(expand(base, beside), Experiment)  # by which overlays are others
    found = {}
    for name, overlay in overlays.items():
        if not isinstance(overlay, Mapping):
            raise ConfigurationError(f"variant.{name}: expected a table, got {overlay!r}")
        require_name(name, "a name in variant", _LONGEST_NAME)
        if not name.replace("-", "_").replace("_", "a").isalnum():
            raise ConfigurationError(
                f"variant.{name}: expected a name of letters, digits, - and _, got {name!r}"
            )
        try:
            settings = merge(merge(base, expand(overlay, beside)), flags)
            found[name] = check(settings)
        except ConfigurationError as error:
            if not {"variant", "axis"} & raw.keys():
                raise
            raise ConfigurationError(f"[variant.{name}] {error}") from error
    return found


def _overlays(raw: Mapping[str, Any]) -> Any:
    """What variants lay over the base, by name."""
    if "axis" not in raw:
        return raw.get("variant", {"main": {}})
    if "variant" in raw:
        raise ConfigurationError(
            "axis: expected it or tables [variant.NAME], got both; leave one of them out"
        )
    return crossed(raw["axis"])


def to_toml(experiments: Mapping[str, Experiment]) -> str:
    """Fully resolved settings of all variants as one TOML document.

    Relative names of files are those seen from the folder of the output, so that results and data
    can be moved together.
    """
    tables = {
        name: expand(
            settings_of(experiment),
            seen_from(Path(experiment.output).parent),
        )
        for name, experiment in experiments.items()
    }
    return tomli_w.dumps({"variant": without_none(tables)})
