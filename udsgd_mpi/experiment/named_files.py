"""The files that the settings of an experiment name."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.templates import is_of_agents, of_agent

_NO_INPUTS = ("output", "title")


def named_like(output: Path, experiment: Experiment, folder: Path) -> Iterator[Path]:
    """Paths in the settings that could be those of an input that ``output`` is.

    Parameters
    ----------
    folder
        That of the experiment file, where its own modules are.

    Yields
    ------
    Paths, most of them of no file: settings do not say which words are.
    """
    numbers = [int(digits) for digits in re.findall(r"\d{1,9}", output.name)]
    for word in _words(msgspec.to_builtins(experiment)):
        if is_of_agents(word):
            yield from (of_agent(word, number) for number in numbers)
            continue
        yield Path(word)
        module, colon, _ = word.partition(":")
        if colon:
            file = Path(f"{module.replace('.', '/')}.py")
            yield from (file, folder / file)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            if key not in _NO_INPUTS:
                yield from _words(below)
    elif isinstance(value, list):
        for below in value:
            yield from _words(below)
