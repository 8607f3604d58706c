"""Experiment files: TOML in, variants out, and TOML again for the record."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.experiment.check import check, expand, merge
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.regular_file import require_regular_file
from udsgd_mpi.templates import of_agent

_NO_SETTINGS = ("variant", "claim", "quick")
_FILES = ("graph", "path", "source", "topology", "weights")


def read_experiment(path: Path | None) -> dict[str, Any]:
    """Raw settings of an experiment file, or of the default experiment.

    Data and graph files are looked for beside the experiment file, then in the working folder.

    Raises
    ------
    ConfigurationError
        If the file can't be read or is not TOML.
    """
    try:
        if path is None:
            text = files("udsgd_mpi").joinpath("default.toml").read_text(encoding="utf-8")
            return tomllib.loads(text)
        require_regular_file(path, f"experiment file {path}")
        return dict(_beside(path.parent, tomllib.loads(path.read_text(encoding="utf-8"))))
    except OSError as error:
        raise ConfigurationError(
            f"experiment file {path}: cannot be read ({error.strerror or error})"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"experiment file {path}: expected TOML; {error}") from error


def variants(raw: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Experiment]:
    """The experiments of a file by name: its base under each ``[variant.NAME]`` table.

    Parameters
    ----------
    raw
        Settings as read; without variant tables the base is the only variant, ``"main"``. What the
        experiment claims, and its quick size, are no settings.
    flags
        Settings from the command line, laid over every variant.
    """
    base = {key: value for key, value in raw.items() if key not in _NO_SETTINGS}
    overlays = raw.get("variant", {"main": {}})
    if not isinstance(overlays, Mapping) or not overlays:
        raise ConfigurationError(f"variant: expected tables [variant.NAME], got {overlays!r}")
    flags, base = expand(flags), expand(base)
    found = {}
    for name, overlay in overlays.items():
        if not isinstance(overlay, Mapping):
            raise ConfigurationError(f"variant.{name}: expected a table, got {overlay!r}")
        if not name.replace("-", "_").replace("_", "a").isalnum():
            raise ConfigurationError(
                f"variant.{name}: expected a name of letters, digits, - and _, got {name!r}"
            )
        try:
            settings = merge(merge(base, expand(overlay)), flags)
            found[name] = check(settings)
        except ConfigurationError as error:
            if "variant" not in raw:
                raise
            raise ConfigurationError(f"[variant.{name}] {error}") from error
    return found


def to_toml(experiments: Mapping[str, Experiment]) -> str:
    """Fully resolved settings of all variants as one TOML document."""
    tables = {name: _without_none(msgspec.to_builtins(e)) for name, e in experiments.items()}
    return tomli_w.dumps({"variant": tables})


def _beside(folder: Path, value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _beside(folder, below, name) for name, below in value.items()}
    if isinstance(value, str) and key in _FILES and (folder / of_agent(value, 0)).is_file():
        return str(folder / value)
    if isinstance(value, str) and key == "path" and folder != Path():
        return _module_beside(folder, value)
    return value


def _module_beside(folder: Path, value: str) -> str:
    """``"folder/module.py:Class"`` for ``"module:Class"`` where there is such a file."""
    module, _, name = value.partition(":")
    file = folder / f"{module.replace('.', '/')}.py"
    return f"{file}:{name}" if name and file.is_file() else value


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(v) for key, v in value.items() if v is not None}
    return value
