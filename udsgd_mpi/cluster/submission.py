"""What was submitted, kept in a folder beside the output."""

from pathlib import Path

import msgspec
from msgspec import Struct

from udsgd_mpi.cluster.tasks import Task
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import require_regular_file


def submission_folder(output: Path) -> Path:
    """Where scripts, logs, parts and the record of an output's submission are."""
    return output.with_name(f"{output.name}.slurm")


class Submission(Struct, frozen=True, forbid_unknown_fields=True):
    """A record of one submission.

    Attributes
    ----------
    command
        What was typed.
    job
        Slurm's number of the job, or of the job array.
    merge_job
        That of the job that joins the tasks' files.
    is_array
        Whether the tasks are those of a job array.
    """

    command: str
    submitted: str
    job: str
    merge_job: str | None
    is_array: bool
    tasks: list[Task]

    def numbers(self) -> list[str]:
        """Slurm's number of each task."""
        if not self.is_array:
            return [self.job]
        return [f"{self.job}_{k}" for k in range(len(self.tasks))]

    def files(self, output: Path) -> list[Path]:
        """Result file of each task, relative to the same folder as the output."""
        if not self.is_array:
            return [output]
        return [submission_folder(output) / Path(task.output).name for task in self.tasks]

    def logs(self, output: Path) -> list[Path]:
        """Log of each task."""
        return [submission_folder(output) / f"{number}.log" for number in self.numbers()]

    def write(self, output: Path) -> None:
        """Keep the record.

        Raises
        ------
        OutputError
            If the folder can't be written.
        """
        content = msgspec.json.format(msgspec.json.encode(self), indent=2)
        replace_file(_file(output), content + b"\n")


def read_submission(output: Path) -> Submission | None:
    """The last submission of an output; None where none is recorded.

    Raises
    ------
    ConfigurationError
        If the record can't be read.
    """
    file = _file(output)
    if not file.exists():
        return None
    require_regular_file(file, f"record {file}")
    try:
        return msgspec.json.decode(file.read_bytes(), type=Submission)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"{file}: expected a record written by udsgd submit ({error}); remove it to submit"
            " again"
        ) from error


def _file(output: Path) -> Path:
    return submission_folder(output) / "submission.json"
