"""What an earlier run of the same job has left, and whether a new one may resume it."""

import difflib
import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from udsgd_mpi.experiment.check import completed
from udsgd_mpi.experiment.deciding import DECIDE_NOTHING
from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.checkpoint import (
    Checkpoint,
    checkpoint_folder,
    read_checkpoint,
    remove_checkpoint,
    remove_checkpoints,
)
from udsgd_mpi.storage.read import read_runs
from udsgd_mpi.storage.telemetry_group import read_telemetry
from udsgd_mpi.storage.variables import Run
from udsgd_mpi.support.atomic_file import remove_unfinished, target_of
from udsgd_mpi.support.destination import check_place
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.one_line import require_name
from udsgd_mpi.support.telemetry import Telemetry

_LONGEST_NAME = 200  # so that the names of locks, parts and checkpoints are short enough
Resume = Literal["no", "auto", "required"]


class EarlierVariant(NamedTuple):
    """How far an earlier run got with a variant.

    Attributes
    ----------
    checkpoint
        Where it can be resumed; None where it begins.
    measured
        Its group of the result file, where that has all measures.
    telemetry
        What these have cost.
    """

    checkpoint: Checkpoint | None
    measured: Run | None
    telemetry: list[Telemetry]


@dataclass(frozen=True)
class EarlierRun:
    """An earlier run of the same job.

    Attributes
    ----------
    output
        The result file.
    experiments
        The variants, with as many agents as they had.
    attributes
        Root attributes of the result file.
    runs
        Variants in the result file.
    telemetry
        What they cost.
    checkpoints
        Where unfinished variants can be resumed.
    """

    output: Path
    experiments: dict[str, Experiment]
    attributes: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    telemetry: dict[str, list[Telemetry]] = field(default_factory=dict)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)

    def begin(self) -> None:
        """Remove what the new run does not resume from."""
        target = target_of(self.output)
        folder = checkpoint_folder(self.output)
        remove_unfinished(target.parent, target.name)
        remove_unfinished(folder)
        if not self.attributes and not self.checkpoints:
            remove_checkpoints(folder, self.experiments)

    def remove_left_checkpoints(self) -> None:
        """Remove checkpoints of finished variants that a killed run left behind.

        Those at the last step stay: they were kept for further steps.
        """
        for name, checkpoint in self.checkpoints.items():
            if name not in self.unfinished and checkpoint.n < self.experiments[name].steps:
                remove_checkpoint(checkpoint_folder(self.output) / f"{name}.npz")

    def of_variant(self, name: str) -> EarlierVariant:
        """How far the earlier run got with an unfinished variant."""
        run = self.runs.get(name)
        is_measured = (
            run is not None
            and run.attributes.get("measured", False)
            and run["step"][-1] == self.experiments[name].steps
        )
        measured = run if is_measured else None
        return EarlierVariant(self.checkpoints.get(name), measured, self.telemetry.get(name, []))

    @property
    def unfinished(self) -> dict[str, Experiment]:
        """The variants that have something left to do."""
        return {
            name: experiment
            for name, experiment in self.experiments.items()
            if name not in self.runs
            or not self.runs[name].attributes["complete"]
            or self.runs[name]["step"][-1] < experiment.steps
        }


def output_of(experiments: Mapping[str, Experiment]) -> Path:
    """The result file of all variants.

    Raises
    ------
    ConfigurationError
        If they name several, or no file can be put there.
    OutputError
        If no file can have the name.
    """
    outputs = sorted({experiment.output for experiment in experiments.values()})
    if len(outputs) > 1:
        raise ConfigurationError(
            f"output: expected one file for all variants, got {', '.join(outputs)}"
        )
    output = Path(outputs[0])
    require_name(output.name, "output", _LONGEST_NAME)
    check_place(f"output {output}", output)
    folder = checkpoint_folder(output)
    if os.path.lexists(folder) and not folder.is_dir():
        raise ConfigurationError(
            f"output {output}: expected a folder for checkpoints at {folder}, got something else;"
            " remove it, or use --output FILE"
        )
    return output


def find_earlier_run(
    experiments: Mapping[str, Experiment],
    output: Path,
    resume: Resume,
    *,
    agents: int,
    force: bool,
    changes: Collection[str] = (),
) -> EarlierRun:
    """Look for an earlier run that writes to ``output``.

    Parameters
    ----------
    resume
        ``"no"``: there must be none, or it is removed by ``force``. ``"required"``: there must
        be one. ``"auto"``: resume it if there is one, else begin.
    agents
        Their number where neither the settings nor the earlier run say it.
    changes
        Settings that may differ from the earlier run's.

    Raises
    ------
    ConfigurationError
        If there is one and may not be, or none and must be, or its settings are different.
    """
    folder = checkpoint_folder(output)
    present = output.exists() or folder.exists()
    if resume == "no" or not present:
        if resume == "required":
            raise ConfigurationError(
                f"--resume: expected {output} or checkpoints in {folder}, got neither; leave out"
                " the flag to start a new run, or use --resume auto"
            )
        if present and not force:
            what = output if output.exists() else folder
            raise ConfigurationError(
                f"output {what} already exists; use --resume to continue it, --force to replace it,"
                " or --output FILE"
            )
        return EarlierRun(output, _with_agents(experiments, agents))
    attributes: dict[str, Any] = {}
    runs: dict[str, Run] = {}
    telemetry: dict[str, list[Telemetry]] = {}
    if output.exists():
        attributes, runs = read_runs(output)
        telemetry = read_telemetry(output)
        experiments = _agreeing(experiments, output, attributes["configuration"], changes)
        runs = {name: runs[name].titled(e.title) for name, e in experiments.items() if name in runs}
    else:
        experiments = _with_agents(experiments, agents)
    checkpoints = {}
    for name, experiment in experiments.items():
        found = read_checkpoint(folder / f"{name}.npz")
        if found:
            _agreeing({name: experiment}, found.path, found.configuration, changes)
            if _fits(found, experiment):
                checkpoints[name] = found
    return EarlierRun(output, dict(experiments), attributes, runs, telemetry, checkpoints)


def _agreeing(
    experiments: Mapping[str, Experiment],
    where: Path,
    configuration: str,
    changes: Collection[str],
) -> dict[str, Experiment]:
    """The experiments with the agents of an earlier configuration, otherwise the same.

    Parameters
    ----------
    where
        File that holds it.
    """
    tables = tomllib.loads(configuration)["variant"]
    before = {name: completed(settings) for name, settings in tables.items()}
    filled = {
        name: msgspec.structs.replace(
            experiment, agents=experiment.agents or before.get(name, {}).get("agents")
        )
        for name, experiment in experiments.items()
    }
    then, now = (
        _lines(variants, changes)
        for variants in (before, tomllib.loads(to_toml(filled))["variant"])
    )
    if then != now:
        differences = "\n".join(
            line
            for line in difflib.unified_diff(then, now, "earlier run", "asked now", "", "", 0, "")
            if not line.startswith("@@")
        )
        raise ConfigurationError(
            f"--resume: expected the settings of {where}, got others:\n{differences}\nuse its"
            " settings, --allow-changes steps for more steps, or --force to start again"
        )
    return filled


def _with_agents(experiments: Mapping[str, Experiment], agents: int) -> dict[str, Experiment]:
    return {
        name: msgspec.structs.replace(experiment, agents=experiment.agents or agents)
        for name, experiment in experiments.items()
    }


def _lines(variants: Mapping[str, Any], changes: Collection[str]) -> list[str]:
    """One line for each setting that decides numbers."""
    return [
        f"variant.{name}.{key} = {value!r}"
        for name, settings in variants.items()
        for key, value in sorted(_flat(settings))
        if key not in DECIDE_NOTHING.union(changes)
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _fits(checkpoint: Checkpoint, experiment: Experiment) -> bool:
    """Whether all steps to be recorded up to the checkpoint's have been recorded."""
    steps = experiment.record.at(experiment.steps)
    missing = np.setdiff1d(steps[steps <= checkpoint.n], checkpoint.recording()["step"])
    return checkpoint.n <= experiment.steps and len(missing) == 0
