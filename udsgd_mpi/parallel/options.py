"""How a job is run, which changes none of its numbers."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.parallel.control import Policy
from udsgd_mpi.storage.earlier_run import Resume
from udsgd_mpi.support.progress import SECONDS_BETWEEN_LINES


class Options(NamedTuple):
    """How a job is run, which changes none of its numbers.

    Attributes
    ----------
    force
        Whether an older result file may be replaced.
    resume
        Whether to resume an earlier run; see ``storage.earlier_run``.
    allowed_changes
        Settings that may differ from the earlier run's.
    joining
        A result file with which the results are to be joined, so that inputs must be the same.
    policy
        When states are saved, and when to stop.
    keep_checkpoints
        Whether the last states are kept, so that more steps can follow.
    mask_diverged
        Whether to continue where a trial has diverged.
    emulate
        Whether to sleep for the times of the virtual clock.
    has_ended
        Whether a job of this cluster, by its number, is known to be over.
    progress_every
        Seconds from one line of progress to the next.
    """

    force: bool = False
    resume: Resume = "no"
    allowed_changes: Collection[str] = ()
    joining: Path | None = None
    policy: Policy = Policy()
    keep_checkpoints: bool = False
    mask_diverged: bool = False
    emulate: bool = False
    has_ended: Callable[[str], bool] = lambda _: False
    progress_every: float = SECONDS_BETWEEN_LINES
