"""Whether what goes on from a run reads the same inputs as that did."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.problem import Problem
from udsgd_mpi.storage.digests import digests_in
from udsgd_mpi.storage.earlier_run import EarlierRun
from udsgd_mpi.storage.inputs import Inputs, KnownInputs, inputs_in, is_redrawn, not_compared
from udsgd_mpi.storage.read import read_runs
from udsgd_mpi.support.digests import Digests
from udsgd_mpi.support.errors import ConfigurationError


class Told(NamedTuple):
    """Who needs the inputs of the earlier run, and what to do where they are others."""

    who: str
    remedy: str


RESUMING = Told("--resume", "restore them, or start again with --force")


def check_unchanged(
    found: EarlierRun,
    problems: Mapping[str, Problem],
    joining: Path | None = None,
    told: Told = RESUMING,
) -> str | None:
    """Refuse to go on with other data, graphs, W, sources of an objective, or processors.

    Parameters
    ----------
    found
        What the earlier run has left.
    problems
        What is to be run.
    joining
        A result file with which the results are to be joined.
    told
        Words of what is refused.

    Returns
    -------
    A warning where an older version did not note what it read.

    Raises
    ------
    ConfigurationError
        That names what has changed.
    """
    known = KnownInputs()
    silent = []
    for name, inputs in _earlier(found, joining):
        if inputs is None:
            silent.append(name)
        else:
            known.add(name, inputs)
    lines = []
    for name, problem in problems.items():
        if is_redrawn(problem.experiment.communication, _digests(name, found, joining)):
            lines.append(f"[variant.{name}] links, which an older version drew differently")
        by = problem.digests.computed_by
        lines += [
            f"[variant.{name}] computed by {noted.computed_by}, now by {by}"
            for noted in _digests(name, found, None)  # trials that are joined may be by another
            if noted is not None and noted.computed_by not in {"", by}
        ]
        settings = tomllib.loads(to_toml({name: problem.experiment}))["variant"][name]
        now = Inputs(settings, [entry.group for entry in problem.summaries], problem.digests)
        lines += [f"[variant.{name}] {each.text}" for each in known.changed(now)]
    if lines:
        raise ConfigurationError(
            f"{told.who}: expected the inputs of the earlier run, got others:\n"
            + "\n".join(lines)
            + f"\n{told.remedy}"
        )
    return not_compared(silent)


def _digests(name: str, found: EarlierRun, joining: Path | None) -> Sequence[Digests | None]:
    """What each earlier part of a variant has noted."""
    runs = [found.runs] + ([read_runs(joining)[1]] if joining else [])
    noted = [digests_in(parts[name]) for parts in runs if name in parts]
    checkpoint = found.checkpoints.get(name)
    return noted + ([checkpoint.digests] if checkpoint else [])


def _earlier(found: EarlierRun, joining: Path | None) -> Iterator[tuple[str, Inputs | None]]:
    """What earlier variants have read, each under the name of the file that records it."""
    if found.runs:
        settings = tomllib.loads(found.attributes["configuration"])["variant"]
        yield from inputs_in(str(found.output), settings, found.runs)
    for name, checkpoint in found.checkpoints.items():
        if checkpoint.digests is None:
            yield str(checkpoint.path), None
        else:
            settings = tomllib.loads(checkpoint.configuration)["variant"][name]
            groups = assign(found.experiments[name].groups, len(checkpoint.digests.data))
            yield str(checkpoint.path), Inputs(settings, groups, checkpoint.digests)
    if joining:
        attributes, runs = read_runs(joining)
        settings = tomllib.loads(attributes["configuration"])["variant"]
        yield from inputs_in(str(joining), settings, runs)
