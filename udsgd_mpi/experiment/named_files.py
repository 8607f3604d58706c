"""The files that the settings of an experiment name."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from udsgd_mpi.experiment.check import expand, settings_of
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.support.destination import check_apart
from udsgd_mpi.support.file_names import NamesFile, is_of_agents, of_agent


def named_files(experiment: Experiment) -> list[Path]:
    """Files that may be read, where they are; with ``{agent}`` in those of each agent."""
    found: list[Path] = []

    def collect(text: str, names: NamesFile, _: str) -> str:
        found.extend(names.files(text))
        return text

    expand(settings_of(experiment), collect)
    return found


def named_like(output: Path, experiment: Experiment) -> Iterator[Path]:
    """Files that the settings name, as far as ``output`` may be one of them."""
    numbers = [int(digits) for digits in re.findall(r"\d{1,9}", output.name)]
    for file in named_files(experiment):
        if is_of_agents(str(file)):
            yield from (of_agent(str(file), number) for number in numbers)
        else:
            yield file


def keep_inputs(experiments: Mapping[str, Experiment], others: Mapping[str, Path]) -> None:
    """Refuse an output that is an input.

    Parameters
    ----------
    others
        Further inputs, by what they are in messages.

    Raises
    ------
    ConfigurationError
        With both.
    """
    for experiment in experiments.values():
        output = Path(experiment.output)
        inputs = {f"the input {path}": path for path in named_like(output, experiment)}
        check_apart(f"output {output}", output, {**others, **inputs})
