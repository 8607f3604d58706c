"""The experiments that a caller hands in, made in Python and so not checked yet."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, TypeAlias

from udsgd_mpi.experiment.check import settings_of
from udsgd_mpi.experiment.named_files import keep_inputs
from udsgd_mpi.experiment.read import variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.support.errors import ConfigurationError

Experiments: TypeAlias = Mapping[str, Experiment] | Experiment


def checked(
    experiments: Experiments, output: str | PathLike[str] | None = None
) -> dict[str, Experiment]:
    """The same experiments, checked as those of a file are, with another output.

    Parameters
    ----------
    experiments
        By name; one alone is called ``"main"``.

    Raises
    ------
    ConfigurationError
        As for a file with these settings.
    """
    flags = {} if output is None else {"output": str(output)}
    found = variants(raw_of(experiments), flags)
    keep_inputs(found, {})
    return found


def raw_of(experiments: Experiments) -> dict[str, Any]:
    """Settings as a TOML file has them.

    Raises
    ------
    ConfigurationError
        If something else is among them.
    """
    if isinstance(experiments, Experiment):
        return _settings(experiments, "experiments")
    if not isinstance(experiments, Mapping) or not experiments:
        raise ConfigurationError(
            "experiments: expected an Experiment, or a dictionary of them by name, got"
            f" {experiments!r}; udsgd_mpi.load() makes them"
        )
    return {"variant": {str(k): _settings(each, str(k)) for k, each in experiments.items()}}


def _settings(experiment: object, name: str) -> dict[str, Any]:
    if not isinstance(experiment, Experiment):
        raise ConfigurationError(
            f"{name}: expected an Experiment, got {type(experiment).__name__}; udsgd_mpi.load()"
            " makes one"
        )
    try:
        return settings_of(experiment)
    except TypeError as error:
        raise ConfigurationError(
            f"{name}: expected numbers, texts, lists, dictionaries and udsgd_mpi's own settings,"
            f" {error}"
        ) from error
