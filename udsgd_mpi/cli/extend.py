"""``udsgd extend``."""

import re
import tomllib
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from udsgd_mpi.cli.run import on_all_ranks, show_complete
from udsgd_mpi.support.atomic_file import target_of
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.launcher import launched_rank

if TYPE_CHECKING:
    from udsgd_mpi.experiment.schema import Experiment


def command(arguments: Namespace) -> None:
    """Add steps to a result file, then trials; the file equals one computed at once."""
    path: Path = arguments.file
    trials = _more(arguments.trials)
    if arguments.steps is None and trials == 0:
        raise ConfigurationError("extend: expected --steps M or --trials +T, got neither")
    target = target_of(path)
    part = target.with_name(f"{target.stem}.more-trials{target.suffix}")
    if arguments.steps is not None:
        arguments.resume, arguments.allow_changes = "required", ["steps"]
        on_all_ranks(lambda: _with_steps(path, arguments.steps, part), arguments)
    if trials:
        arguments.resume, arguments.allow_changes = "auto", []
        on_all_ranks(lambda: _further_trials(path, part, trials), arguments, joining=path)
        if launched_rank() == 0:
            _join(path, part)
    if launched_rank() == 0:
        show_complete(path, force=False)


def _more(text: str | None) -> int:
    if text is None:
        return 0
    if not re.fullmatch(r"\+[1-9]\d{0,8}", text):
        raise ConfigurationError(f"--trials: expected a number to add, such as +60, got {text!r}")
    return int(text)


def _attribute(path: Path, name: str) -> str:
    from udsgd_mpi.storage.read import open_result_file

    with open_result_file(path) as file:
        return str(file.attrs[name])


def _settings(path: Path, **changes: object) -> dict[str, "Experiment"]:
    """The variants of a result file with other settings."""
    from udsgd_mpi.experiment.read import variants

    return variants(tomllib.loads(_attribute(path, "configuration")), changes, path.parent)


def _with_steps(path: Path, steps: int, part: Path) -> dict[str, "Experiment"]:
    """The variants with this many steps; also where a run that should add them was stopped."""
    settings = _settings(path)
    most = max(experiment.steps for experiment in settings.values())
    goes_on = steps == most and (_attribute(path, "status") != "complete" or part.exists())
    if steps <= most and not goes_on:
        raise ConfigurationError(f"--steps: expected more than the {most} steps done, got {steps}")
    return _settings(path, steps=steps, output=str(path))


def _further_trials(path: Path, part: Path, trials: int) -> dict[str, "Experiment"]:
    status = _attribute(path, "status")
    if status != "complete":
        raise ConfigurationError(
            f"results {path}: expected a complete run to add trials to, got one that is {status};"
            " complete it with udsgd run --resume"
        )
    done = {e.first_trial + e.trials for e in _settings(path).values()}
    if len(done) > 1:
        raise ConfigurationError(
            f"results {path}: expected variants with the same trials, got last trials"
            f" {sorted(done)}"
        )
    return _settings(path, first_trial=done.pop(), trials=trials, output=str(part))


def _join(path: Path, part: Path) -> None:
    from udsgd_mpi.cluster.slurm import has_ended
    from udsgd_mpi.storage.lock import locked
    from udsgd_mpi.storage.merge import Part, merge_parts
    from udsgd_mpi.storage.read import read_runs
    from udsgd_mpi.storage.write import write_results

    with locked(path, has_ended):
        parts = [Part(str(file), *read_runs(file)) for file in (path, part)]
        write_results(path, *merge_parts(parts, str(path)))
    part.unlink()
