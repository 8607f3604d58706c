"""Settings that the flags of ``run`` make."""

import tomllib
from argparse import Namespace
from functools import reduce
from pathlib import Path
from typing import Any

from udsgd_mpi.experiment.check import expand, merge
from udsgd_mpi.experiment.named_files import named_like
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.support.destination import check_apart
from udsgd_mpi.support.errors import ConfigurationError, nearest

_FLAGS = {
    "agents": "agents",
    "steps": "steps",
    "trials": "trials",
    "seed": "seed",
    "data": "data.source",
    "topology": "topology",
    "method": "method",
    "record": "record.detail",
    "output": "output",
}


def requested(arguments: Namespace) -> dict[str, Experiment]:
    """The variants that the experiment file and the flags ask for."""
    flags: dict[str, Any] = {}
    for flag, key in _FLAGS.items():
        value = getattr(arguments, flag)
        if value is not None:
            flags = merge(flags, expand(_nested(key, value)))
    for assignment in arguments.set:  # may be of what a flag names
        flags = merge(flags, expand(assigned(assignment)))
    file: Path | None = arguments.experiment
    found = variants(read_experiment(file), flags, file.parent if file else None)
    for experiment in found.values():
        _keep_inputs(file, experiment)
    only = arguments.only
    if only is None:
        return found
    if only not in found:
        raise ConfigurationError(f"--only: unknown variant {only!r}: {nearest(only, found)}")
    return {only: found[only]}


def _keep_inputs(file: Path | None, experiment: Experiment) -> None:
    """Refuse an output that is an input."""
    output = Path(experiment.output)
    inputs = {} if file is None else {f"the experiment file {file}": file}
    inputs |= {f"the input {path}": path for path in named_like(output, experiment)}
    check_apart(f"output {output}", output, inputs)


def as_words(arguments: Namespace) -> list[str]:
    """The experiment file and flags that ``arguments`` were parsed from, without the output."""
    words = [] if arguments.experiment is None else [str(arguments.experiment)]
    for flag in [*_FLAGS, "only"]:
        value = getattr(arguments, flag)
        if value is not None and flag != "output":
            words += [f"--{flag}", str(value)]
    for assignment in arguments.set:
        words += ["--set", assignment]
    return words


def all_assigned(arguments: Namespace) -> dict[str, Any]:
    """Settings that all ``--set`` stand for together."""
    return reduce(merge, map(assigned, arguments.set), {})


def assigned(assignment: str) -> dict[str, Any]:
    """Settings that ``SECTION.KEY=VALUE`` stands for.

    Raises
    ------
    ConfigurationError
        If there is no value.
    """
    key, equals, value = assignment.partition("=")
    if not equals:
        raise ConfigurationError(f"--set: expected SECTION.KEY=VALUE, got {assignment!r}")
    return _nested(key, value_of(value))


def _nested(key: str, value: Any) -> dict[str, Any]:
    head, dot, rest = key.partition(".")
    return {head: _nested(rest, value) if dot else value}


def value_of(text: str) -> Any:
    """What a text on the command line stands for: a TOML value, or itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
