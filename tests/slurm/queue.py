"""What a user does at a login node, in some folder."""

import re
import subprocess
import sys
from pathlib import Path

from tests.slurm.cluster import Cluster, wait_until

SCRIPT = Path(__file__).parents[2] / "launch" / "slurm.sbatch"
SECONDS = 200
ENDED = ("CANCELLED", "COMPLETED", "FAILED", "NODE_FAIL", "TIMEOUT")


class Queue:
    """Jobs of a cluster that were submitted from a folder."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self._folder = folder

    def udsgd(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """Run ``udsgd`` on the login node."""
        command = (sys.executable, "-m", "udsgd_mpi", *arguments)
        return self.cluster.run(*command, cwd=self._folder)

    def submit(self, *arguments: object) -> str:
        """Number of the job of ``udsgd submit``."""
        return self._submitted(*arguments)[0]

    def submit_array(self, *arguments: object) -> tuple[str, str]:
        """Numbers of the array of ``udsgd submit --array …``, and of the job that merges."""
        job, merge = self._submitted(*arguments)
        return job, merge

    def _submitted(self, *arguments: object) -> list[str]:
        done = self.udsgd("submit", *arguments)
        assert done.returncode == 0, done.stderr
        # Tasks that have begun may have taken the numbers between the two.
        return re.findall(r"^job (\d+)", done.stdout, re.MULTILINE)

    def sbatch(self, *arguments: object, **variables: str) -> str:
        """Number of the job of ``sbatch``."""
        return self.call("sbatch", "--parsable", *arguments, **variables)

    def call(self, *command: object, **variables: str) -> str:
        """Output of one of Slurm's commands."""
        done = self.cluster.run(*command, cwd=self._folder, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def state(self, job: str) -> str:
        """State of a job."""
        return self.call("squeue", "-h", "-r", "-t", "all", "-j", job, "-o", "%T")

    def nodes(self, job: str) -> list[str]:
        """Nodes of a job."""
        return self.call("squeue", "-h", "-t", "all", "-j", job, "-o", "%N").split(",")

    def wait(self, job: str, *states: str, seconds: float = SECONDS) -> str:
        """Wait until a job is in one of the states, by default until it has ended."""
        wanted = states or ENDED
        wait_until(lambda: self.state(job) in wanted, seconds, lambda: self._what(job))
        return self.state(job)

    def wait_for_all(self, job: str) -> None:
        """Wait until all tasks of a job array are complete."""
        wait_until(
            lambda: set(self.state(job).split()) == {"COMPLETED"}, 100, lambda: self._what(job)
        )

    def wait_for(self, path: str, job: str) -> None:
        """Wait until a job has written a file."""
        wait_until((self._folder / path).exists, SECONDS, lambda: self._what(job))

    def _what(self, job: str) -> str:
        logs = [path.read_text() for path in self._folder.rglob(f"*{job}*.log")]
        return "\n".join([self.state(job), *logs])
