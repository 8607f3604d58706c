"""How a run is done, which changes none of its numbers: the flags of ``udsgd run``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from udsgd_mpi.support.durations import seconds_of
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.progress import SECONDS_BETWEEN_LINES

if TYPE_CHECKING:
    from udsgd_mpi.storage.earlier_run import Resume

Duration: TypeAlias = str | float

_EVERY = "checkpoint_every"
_CHOICES = {"resume": ("no", "auto", "required"), "on_divergence": ("stop", "mask")}


@dataclass(frozen=True)
class How:
    """How a run is done.

    Attributes
    ----------
    force
        Whether an older result file may be replaced.
    resume
        Whether to resume an earlier run.
    allow_changes
        Settings that may differ from the earlier run's.
    checkpoint_every
        Seconds, or steps, from one checkpoint to the next; the other is None.
    keep_checkpoints
        Whether the last states are kept.
    max_time
        Seconds after which to stop; None: as long as it takes.
    on_divergence
        ``"stop"``, or ``"mask"`` to leave out diverged trials.
    stall_timeout
        Seconds after which ranks that wait for others end the job.
    emulate
        Whether to sleep for simulated times.
    progress_every
        Seconds from one line of progress to the next.
    """

    force: bool = False
    resume: "Resume" = "no"
    allow_changes: tuple[str, ...] = ()
    checkpoint_every: tuple[float | None, int | None] = (300.0, None)
    keep_checkpoints: bool = False
    max_time: float | None = None
    on_divergence: str = "stop"
    stall_timeout: float = 600.0
    emulate: bool = False
    progress_every: float = SECONDS_BETWEEN_LINES

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "How":
        """Read what a caller says, by the names of ``run``'s keywords.

        Raises
        ------
        ConfigurationError
            If a value is none that there can be.
        """
        read = dict(said)
        for name, choices in _CHOICES.items():
            if read.get(name, choices[0]) not in choices:
                raise ConfigurationError(
                    f"{name}: expected one of {', '.join(map(repr, choices))}, got {read[name]!r}"
                )
        for name in ("force", "keep_checkpoints", "emulate"):
            if not isinstance(read.get(name, False), bool):
                raise ConfigurationError(f"{name}: expected True or False, got {read[name]!r}")
        changes = read.get("allow_changes", ())
        if isinstance(changes, str) or not {"steps"}.issuperset(changes):
            raise ConfigurationError(f"allow_changes: expected ['steps'] or [], got {changes!r}")
        read["allow_changes"] = tuple(changes)
        for name in ("max_time", "stall_timeout"):
            if read.get(name) is not None:
                read[name] = _seconds(name, read[name])
        if "checkpoint_every" in read:
            read["checkpoint_every"] = _time_or_steps(read["checkpoint_every"])
        return cls(**read)

    def as_flags(self) -> list[str]:
        """The same as words of the command line."""
        seconds, steps = self.checkpoint_every
        words = ["--checkpoint-every", f"{seconds}s" if steps is None else str(steps)]
        words += ["--on-divergence", self.on_divergence]
        words += ["--stall-timeout", f"{self.stall_timeout}s"]
        words += ["--progress-every", f"{self.progress_every}s"]
        words += ["--resume", *(["auto"] * (self.resume == "auto"))] * (self.resume != "no")
        for name in ("force", "keep_checkpoints", "emulate"):
            words += [f"--{name.replace('_', '-')}"] * getattr(self, name)
        for name in self.allow_changes:
            words += ["--allow-changes", name]
        if self.max_time is not None:
            words += ["--max-time", f"{self.max_time}s"]
        return words


def _seconds(name: str, said: object) -> float:
    try:
        return seconds_of(said if isinstance(said, str) else f"{said}s")
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from error


def _time_or_steps(said: object) -> tuple[float | None, int | None]:
    if isinstance(said, int) and not isinstance(said, bool) and said > 0:
        return None, said
    if not isinstance(said, str):
        raise ConfigurationError(
            f"{_EVERY}: expected a time such as '5m', or a number of steps, got {said!r}"
        )
    if said.isdecimal() and int(said) > 0:
        return None, int(said)
    return _seconds(_EVERY, said), None
