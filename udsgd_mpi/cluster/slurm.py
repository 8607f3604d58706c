"""Slurm's commands, as far as they are needed."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.support.errors import ConfigurationError

_SBATCH_SECONDS = 300  # it tries again for two minutes where a queue is full
_SQUEUE_SECONDS = 30
_ENDED = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT"),
)


class State(NamedTuple):
    """State of a job or of a task, in squeue's words."""

    name: str
    reason: str

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, or will never run."""
        return self.name in _ENDED


def submit(script: Path, *options: str) -> str:
    """Hand a script to sbatch; number of the job.

    Raises
    ------
    ConfigurationError
        If there is no sbatch, or with its own words if it refuses.
    """
    try:
        done = _run(_SBATCH_SECONDS, "sbatch", "--parsable", *options, str(script))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"submit: expected Slurm's sbatch on PATH, got none; submit {script} on a login node of"
            " the cluster, or use --print to only show it"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"submit: expected an answer from sbatch to {script} within {_SBATCH_SECONDS} s, got"
            " none; check squeue before trying again"
        ) from error
    if done.returncode:
        said = " ".join(line.removeprefix("sbatch: error: ") for line in done.stderr.splitlines())
        raise ConfigurationError(f"sbatch refuses {script}: {said}")
    return done.stdout.strip().partition(";")[0]


def states(jobs: Sequence[str]) -> dict[str, State] | None:
    """What squeue says of jobs and of the tasks of job arrays, by number.

    Jobs that Slurm has forgotten are left out. None: there is no squeue, or it does not answer.
    """
    try:
        done = _run(
            _SQUEUE_SECONDS,
            *("squeue", "-h", "-r", "-t", "all", "-j", ",".join(jobs), "-o", "%i|%T|%r"),
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    if done.returncode and "Invalid job id" not in done.stderr:
        return None
    return parse_states(done.stdout)


def has_ended(job: str) -> bool:
    """Whether Slurm knows for certain that a job is over, or has forgotten it."""
    found = states([job])
    return found is not None and all(state.has_ended for state in found.values())


def parse_states(text: str) -> dict[str, State]:
    r"""States by number from lines ``number|state|reason``.

    Examples
    --------
    >>> parse_states("7_0|RUNNING|None\n7_1|PENDING|Resources\n")["7_1"].reason
    'Resources'
    """
    rows = (line.split("|", 2) for line in text.splitlines() if line.count("|") >= 2)
    return {
        number: State(name, "" if reason == "None" else reason) for number, name, reason in rows
    }


def _run(seconds: float, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the commands are our own
        command, capture_output=True, text=True, timeout=seconds, check=False
    )
