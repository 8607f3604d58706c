"""The files of a job that is running: results and checkpoints."""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from udsgd_mpi.clock import Elapsed
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.forecast import Prediction
from udsgd_mpi.problem import Problem
from udsgd_mpi.storage.checkpoint import (
    State,
    checkpoint_folder,
    remove_checkpoint,
    write_checkpoint,
)
from udsgd_mpi.storage.result import run_of
from udsgd_mpi.storage.telemetry_group import as_run
from udsgd_mpi.storage.variables import Run
from udsgd_mpi.storage.write import write_results
from udsgd_mpi.support.errors import OutputError
from udsgd_mpi.support.progress import Progress, end_line
from udsgd_mpi.support.telemetry import Telemetry

_SECONDS_BETWEEN_WRITES = 2.0
_SHARE_OF_TIME = 0.02


class Output:
    """Keeps the files of a job up to date; readers find each of them complete at any time.

    Raises
    ------
    OutputError
        From every method that writes, where that fails; the earlier file stays.

    Parameters
    ----------
    path
        The result file.
    attributes
        Its root attributes.
    order
        Names of all variants.
    runs
        Those that exist already.
    telemetry
        What these have cost.
    """

    def __init__(
        self,
        path: Path,
        attributes: Mapping[str, Any],
        order: list[str],
        runs: Mapping[str, Run],
        telemetry: Mapping[str, list[Telemetry]],
    ) -> None:
        self._path = path
        self._attributes = dict(attributes)
        self._order = order
        self._runs = dict(runs)
        self.telemetry = dict(telemetry)
        self._next_write = 0.0
        self._write("running")

    def stop(self) -> None:
        """Record that the job ended before its last step."""
        self._write("stopped")

    def update(self, name: str, run: Run) -> None:
        """Write the present state of a variant, unless nothing was recorded yet."""
        if len(run["step"]) > 0:
            self._runs[name] = run
        whole = all(
            name in self._runs and self._runs[name].attributes["complete"] for name in self._order
        )
        self._write("complete" if whole else "running")

    @property
    def due(self) -> bool:
        """Whether it is time to write what has been measured since the last time."""
        return time.monotonic() > self._next_write

    def checkpoint(self, name: str) -> Path:
        """Where a variant's checkpoint is."""
        return checkpoint_folder(self._path) / f"{name}.npz"

    def _write(self, status: str) -> None:
        started = time.monotonic()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        runs = {name: self._runs[name] for name in self._order if name in self._runs}
        telemetry = {name: as_run(rows) for name, rows in self.telemetry.items() if name in runs}
        attributes = self._attributes | {"status": status, "written": now}
        write_results(self._path, attributes, runs, telemetry)
        ended = time.monotonic()
        pause = (ended - started) / _SHARE_OF_TIME
        self._next_write = ended + max(_SECONDS_BETWEEN_WRITES, pause)


class NoOutput:
    """What a rank other than 0 writes of a variant; what 0 writes, see ``VariantOutput``."""

    def write(self, n: int, *, now: bool = False) -> None:
        """Write what has been measured up to step n, now or when it is due."""

    def save(self, n: int, states: Iterable[State], telemetry: list[Telemetry]) -> None:
        """Write a checkpoint at step n, with what it took to get there."""
        deque(states, maxlen=0)


class VariantOutput(NoOutput):
    """What rank 0 writes of a variant.

    Parameters
    ----------
    progress_every
        Seconds from one line of progress to the next.
    """

    def __init__(
        self,
        output: Output,
        name: str,
        problem: Problem,
        recording: Recording,
        progress_every: float,
    ) -> None:
        self._output = output
        self._name = name
        self._problem = problem
        self._recording = recording
        self._say = Progress(name, problem.experiment.steps, progress_every)

    def write(self, n: int, *, now: bool = False) -> None:
        self._say(n, lambda: self._recording.until(n).headline)
        if now or self._output.due:
            self._output.update(self._name, self._until(n))

    def save(self, n: int, states: Iterable[State], telemetry: list[Telemetry]) -> None:
        path = self._output.checkpoint(self._name)
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"checkpoints {path.parent}: cannot be made ({error.strerror})"
            ) from error
        measured = self._recording.until(n)
        recording = {"step": measured.step, **measured.measures}
        configuration = to_toml({self._name: self._problem.experiment})
        digests = self._problem.digests
        write_checkpoint(path, n, configuration, recording, states, telemetry, digests)
        self.took(telemetry)

    def took(self, telemetry: list[Telemetry]) -> None:
        """Note what the variant has cost, for the next write."""
        self._output.telemetry[self._name] = telemetry

    def measured(self, telemetry: list[Telemetry]) -> None:
        """Write all measures before predicting, so that a resumed run only has to predict."""
        end_line()
        self.took(telemetry)
        run = run_of(self._problem, self._recording, measured=True, complete=False)
        self._output.update(self._name, run)

    def finish(self, prediction: Prediction | None, passed: Elapsed, *, keep: bool) -> None:
        """Write the variant as it has ended.

        Parameters
        ----------
        keep
            Whether its checkpoints stay.
        """
        run = run_of(
            self._problem, self._recording, prediction, passed, measured=True, complete=True
        )
        self._output.update(self._name, run)
        if not keep:
            remove_checkpoint(self._output.checkpoint(self._name))

    def _until(self, n: int) -> Run:
        recording = self._recording.until(n)
        return run_of(self._problem, recording, measured=False, complete=False)
