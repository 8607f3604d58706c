"""Joining parts of a study that were computed separately."""

import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tomli_w

from udsgd_mpi.experiment.check import check, completed, expand, without_none
from udsgd_mpi.experiment.deciding import DECIDE_NOTHING, DECIDE_TRIALS_ALONE
from udsgd_mpi.storage.digests import COMPUTED_BY, digests_in, without_digests
from udsgd_mpi.storage.inputs import KnownInputs, inputs_in, is_redrawn
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import seen_from


class Part(NamedTuple):
    """A result file: its name, root attributes and variants."""

    name: str
    attributes: Mapping[str, Any]
    runs: Mapping[str, Run]


def merge_parts(parts: Sequence[Part], output: str) -> tuple[dict[str, Any], dict[str, Run]]:
    """Attributes and variants of the study as if it had been computed in one job.

    Parameters
    ----------
    parts
        In any order: ranges of trials, variants, or both.
    output
        The file that is to hold them.

    Raises
    ------
    ConfigurationError
        If parts are unfinished, their settings or versions differ, or trials overlap or lack;
        names the parts.
    """
    _check_finished(parts)
    _check_versions(parts)
    _check_inputs(parts, output)
    names = list(dict.fromkeys(name for part in parts for name in part.runs))
    configuration = {}
    runs = {}
    for name in names:
        having = sorted(
            (part for part in parts if name in part.runs),
            key=lambda part: int(part.runs[name]["trial"][0]),
        )
        configuration[name] = _joined_settings(name, having, output)
        _check_links(name, having, configuration[name])
        runs[name] = _joined_trials(name, having)
    attributes = dict(parts[0].attributes)
    attributes["configuration"] = tomli_w.dumps({"variant": configuration})
    attributes["started"] = min(part.attributes["started"] for part in parts)
    attributes["written"] = max(part.attributes["written"] for part in parts)
    return attributes, runs


def _check_finished(parts: Sequence[Part]) -> None:
    for part in parts:
        if part.attributes["status"] != "complete":
            raise ConfigurationError(
                f"{part.name}: expected a complete run, got one that is"
                f" {part.attributes['status']}; complete it with udsgd run --resume"
            )


def _check_versions(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        if part.attributes["udsgd_mpi_version"] != first.attributes["udsgd_mpi_version"]:
            raise ConfigurationError(
                f"{part.name}: expected udsgd_mpi {first.attributes['udsgd_mpi_version']} as in"
                f" {first.name}, got {part.attributes['udsgd_mpi_version']}; compute it again"
            )


def _check_inputs(parts: Sequence[Part], output: str) -> None:
    known = KnownInputs()
    for part in parts:
        settings = {name: _settings(name, part, output) for name in part.runs}
        for name, inputs in inputs_in(part.name, settings, part.runs):
            if inputs is None:
                continue
            for change in known.changed(inputs):
                raise ConfigurationError(
                    f"{name}: expected what {change.since} was computed from, got a different"
                    f" {change.text}; recompute one of them from the inputs of the other"
                )
            known.add(name, inputs)


def _check_links(variant: str, parts: Sequence[Part], settings: Mapping[str, Any]) -> None:
    noted = [digests_in(part.runs[variant]) for part in parts]
    if any(noted) and is_redrawn(check(settings).communication, noted):
        old = parts[noted.index(None)].name
        raise ConfigurationError(
            f"{old}: expected links of variant {variant} as this version draws them, got those of"
            " an older one; recompute that part"
        )


def _joined_settings(variant: str, parts: Sequence[Part], output: str) -> dict[str, Any]:
    found = [_settings(variant, part, output) for part in parts]
    for part, settings in zip(parts[1:], found[1:], strict=True):
        for key in sorted({*settings, *found[0]} - DECIDE_NOTHING - DECIDE_TRIALS_ALONE):
            if settings.get(key) != found[0].get(key):
                raise ConfigurationError(
                    f"{part.name}: expected variant.{variant}.{key} = {found[0].get(key)!r} as in"
                    f" {parts[0].name}, got {settings.get(key)!r}; parts may differ in trials alone"
                )
    trials = sum(settings["trials"] for settings in found)
    return found[0] | {"trials": trials, "output": output}


def _settings(variant: str, part: Part, output: str) -> dict[str, Any]:
    """Settings of a part, its files named as they are seen from the output."""
    settings = tomllib.loads(part.attributes["configuration"])["variant"][variant]
    renaming = seen_from(Path(output).parent, Path(part.name).parent)
    return dict(without_none(expand(completed(settings), renaming)))


def _joined_trials(variant: str, parts: Sequence[Part]) -> Run:
    for before, after in pairwise(parts):
        expected = int(before.runs[variant]["trial"][-1]) + 1
        got = int(after.runs[variant]["trial"][0])
        if got != expected:
            what = "overlap" if got < expected else "leave a gap"
            raise ConfigurationError(
                f"{before.name} and {after.name} {what} in variant {variant}: expected trial"
                f" {expected} to follow, got {got}"
            )
    runs = [part.runs[variant] for part in parts]
    noted = [digests_in(run) for run in runs]
    if None in noted:
        runs = [without_digests(run) for run in runs]
    names = [part.name for part in parts]
    variables = {name: _joined(name, runs, names) for name in runs[0].variables}
    attributes = dict(runs[0].attributes)
    if by := sorted({run.attributes.get(COMPUTED_BY, "") for run in runs} - {""}):
        attributes[COMPUTED_BY] = "; ".join(by)
    return Run(attributes, variables)


def _joined(name: str, runs: Sequence[Run], files: Sequence[str]) -> Variable:
    first = runs[0].variables[name]
    arrays = [run[name] for run in runs]
    if "trial" in first.dimensions:
        axis = first.dimensions.index("trial")
        return first._replace(values=np.concatenate(arrays, axis=axis))
    for file, values in zip(files[1:], arrays[1:], strict=True):
        if values.shape != first.values.shape or values.tolist() != first.values.tolist():
            is_same = values.dtype.kind == "f" and np.array_equal(
                values, first.values, equal_nan=True
            )
            if not is_same:
                raise ConfigurationError(
                    f"{file}: expected the same {name} as in {files[0]}, got another; the parts"
                    " are not of one study"
                )
    return first
