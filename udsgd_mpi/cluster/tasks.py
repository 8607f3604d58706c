"""What the tasks of a job array compute, each into a file of its own."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.support.errors import ConfigurationError


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """One task of a job.

    Attributes
    ----------
    output
        Its result file.
    arguments
        What it adds to the arguments of ``udsgd run``: which variant, which trials.
    steps
        Steps of each of its variants.
    """

    output: str
    arguments: list[str]
    steps: dict[str, int]


def shares(first: int, trials: int, parts: int) -> list[tuple[int, int]]:
    """First trial and number of trials of each part, as even as can be.

    Raises
    ------
    ConfigurationError
        If there are fewer trials than parts.

    Examples
    --------
    >>> shares(0, 64, 7)
    [(0, 9), (9, 9), (18, 9), (27, 9), (36, 9), (45, 9), (54, 10)]
    """
    if parts > trials:
        raise ConfigurationError(
            f"--array trials={parts}: expected at most one part for each of {trials} trials;"
            f" use --array trials={trials}, or more --trials"
        )
    edges = [first + k * trials // parts for k in range(parts + 1)]
    return [(start, end - start) for start, end in pairwise(edges)]


def array(
    experiments: Mapping[str, Experiment], folder: Path, *, by_variant: bool, parts: int
) -> list[Task]:
    """The tasks of a study that is split into variants, into parts of the trials, or both.

    Parameters
    ----------
    folder
        Of the tasks' files.
    parts
        Number of parts of the trials; 1: each task has them all.

    Raises
    ------
    ConfigurationError
        If the trials can't be split so.
    """
    groups = [{name: each} for name, each in experiments.items()] if by_variant else [experiments]
    tasks: list[Task] = []
    for group in groups:
        only = ["--only", next(iter(group))] if by_variant else []
        for trials in _trials(group, parts):
            name = f"part-{len(tasks)}.h5"
            steps = {variant: experiment.steps for variant, experiment in group.items()}
            tasks.append(Task(str(folder / name), [*only, *trials], steps))
    return tasks


def _trials(experiments: Mapping[str, Experiment], parts: int) -> list[list[str]]:
    if parts == 1:
        return [[]]
    ranges = {(each.first_trial, each.trials) for each in experiments.values()}
    if len(ranges) > 1:
        raise ConfigurationError(
            "--array trials: expected the same trials in all variants, got"
            f" {sorted(trials for _, trials in ranges)}; add --array variants"
        )
    return [
        ["--set", f"first_trial={first}", "--trials", str(trials)]
        for first, trials in shares(*ranges.pop(), parts)
    ]
