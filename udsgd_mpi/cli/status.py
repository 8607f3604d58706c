"""``udsgd status``."""

import shlex
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.cluster.progress import Advance, advance
from udsgd_mpi.cluster.slurm import State, states
from udsgd_mpi.cluster.submission import read_submission
from udsgd_mpi.support.errors import ConfigurationError

_HEADER = ["job", "state", "steps", "of", "steps/s", "left", "what"]


def command(arguments: Namespace) -> None:
    """Print the state of a submitted run: Slurm's state, steps and time left of each task."""
    output: Path = arguments.file
    submission = read_submission(output)
    if submission is None:
        raise ConfigurationError(
            f"status {output}: expected a run that udsgd submit submitted, got none; use udsgd"
            " watch for other runs"
        )
    merge = submission.merge_job
    found = states([submission.job, *([merge] if merge else [])])
    print(f"{output}: {submission.command}, submitted {submission.submitted}")
    if found is None:
        print("squeue does not answer here; the states are taken from the result files")
    rows = [_HEADER]
    for number, task, file, log in zip(
        submission.numbers(),
        submission.tasks,
        submission.files(output),
        submission.logs(output),
        strict=True,
    ):
        at = advance(file, log, task.steps)
        is_live = found is None or (number in found and found[number].name == "RUNNING")
        what = shlex.join(task.arguments) or task.output
        rows.append([number, _state(found, number, at.status), *_cells(at, is_live), what])
    if merge:
        status = "complete" if output.exists() else "not begun"
        rows.append([merge, _state(found, merge, status), *4 * ["–"], f"merge into {output}"])
    print(aligned(rows, left=(0, 1, 6), indent=2))


def _state(found: Mapping[str, State] | None, number: str, status: str) -> str:
    if found is None:
        return status
    if number not in found:  # Slurm forgets jobs minutes after their end
        return "complete" if status == "complete" else "ended early"
    state = found[number]
    return f"{state.name} ({state.reason})" if state.reason else state.name


def _cells(at: Advance, is_live: bool) -> list[str]:
    rate = f"{at.rate:,.0f}" if at.rate is not None and is_live else "–"
    left = f"{at.seconds_left:,.0f} s" if at.seconds_left is not None and is_live else "–"
    return [f"{at.steps:,}", f"{at.of:,}", rate, left]
