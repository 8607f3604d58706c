"""Settings that the flags of ``run`` make."""

import tomllib
from argparse import Namespace
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from udsgd_mpi.experiment.check import expand, merge
from udsgd_mpi.experiment.dotted import laid_together, nested
from udsgd_mpi.experiment.named_files import keep_inputs
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.experiment.shipped import Shipped, name_of
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
    given = {key: getattr(arguments, flag) for flag, key in _FLAGS.items()}
    flags = laid_together({key: value for key, value in given.items() if value is not None})
    found = _variants(arguments.experiment, with_assigned(flags, arguments))
    only = arguments.only
    if only is None:
        return found
    if only not in found:
        raise ConfigurationError(f"--only: unknown variant {only!r}: {nearest(only, found)}")
    return {only: found[only]}


def _variants(source: Path | None, flags: Mapping[str, Any]) -> dict[str, Experiment]:
    """Those of a file, of a shipped experiment's name or of the default, under flags."""
    if source is not None and (name := name_of(str(source))) is not None:
        found, read = Shipped(name).variants(flags), {}
    else:
        found = variants(read_experiment(source), flags, source.parent if source else None)
        read = {f"the experiment file {source}": source} if source else {}
    keep_inputs(found, read)
    return found


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


def with_assigned(flags: Mapping[str, Any], arguments: Namespace) -> dict[str, Any]:
    """Expanded settings of an experiment with those of all ``--set`` laid over them."""
    return reduce(merge, (expand(assigned(each)) for each in arguments.set), dict(flags))


def parameters_assigned(arguments: Namespace) -> dict[str, Any]:
    """Parameters of a graph that all ``--set`` stand for together."""
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
    return nested(key, value_of(value))


def value_of(text: str) -> Any:
    """What a text on the command line stands for: a TOML value, or itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
