"""Batch scripts for sbatch, made from the one in ``slurm.sbatch``."""

import shlex
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from udsgd_mpi.cluster.site import Site
from udsgd_mpi.cluster.tasks import Task
from udsgd_mpi.cluster.times import slurm_time

_BODY = "# ---- the job\n"
_WARNING_SECONDS = 120


class Resources(NamedTuple):
    """What a job asks Slurm for.

    Attributes
    ----------
    nodes
        None: Slurm's choice.
    seconds
        Time limit; None: the partition's.
    """

    ranks: int
    nodes: int | None
    seconds: float | None


def script(
    name: str,
    command: Sequence[str],
    *,
    log: str,
    resources: Resources,
    site: Site,
    environment: str,
    restarts: int,
    tasks: Sequence[Task] = (),
    origin: str,
) -> str:
    """A script that runs ``udsgd COMMAND``, or a job array of it.

    Parameters
    ----------
    log
        Sbatch's pattern of a file name.
    environment
        Folder of the Python environment.
    restarts
        How often the job may start again.
    tasks
        Of a job array; what each adds to the command.
    origin
        The command that the script came from.
    """
    exports = {"UDSGD_VENV": environment, "UDSGD_LAUNCHER": site.launcher}
    exports |= {"UDSGD_MPI_TYPE": site.mpi} if site.mpi else {}
    exports |= {"UDSGD_RESTARTS": str(restarts)}
    sections = [
        "#!/bin/bash\n# " + origin.replace("\n", " "),
        "\n".join(f"#SBATCH {each}" for each in _directives(name, log, resources, site, tasks)),
        "",
        *([f"module load {shlex.join(site.modules)}"] if site.modules else []),
        "export " + " ".join(f"{key}={shlex.quote(value)}" for key, value in exports.items()),
        f"set -- {shlex.join(command)}",
        *([_choice(tasks)] if tasks else []),
        "\n",
    ]
    template = files("udsgd_mpi.cluster").joinpath("slurm.sbatch").read_text(encoding="utf-8")
    return "\n".join(sections) + _BODY + template.partition(_BODY)[2]


def _directives(
    name: str, log: str, resources: Resources, site: Site, tasks: Sequence[Task]
) -> list[str]:
    warning: float = _WARNING_SECONDS
    options: dict[str, object] = {"job-name": name, "output": log, "open-mode": "append"}
    options["ntasks"] = resources.ranks
    if resources.nodes is not None:
        options["nodes"] = resources.nodes
        options["ntasks-per-node"] = -(-resources.ranks // resources.nodes)
    if resources.seconds is not None:
        options["time"] = slurm_time(resources.seconds)
        warning = min(warning, resources.seconds // 4)
    options["signal"] = f"B:USR1@{warning:.0f}"
    if tasks:
        options["array"] = f"0-{len(tasks) - 1}"
    options |= {
        key: value
        for key, value in {"partition": site.partition, "account": site.account}.items()
        if value is not None
    }
    lines = [f"--{key}={shlex.quote(str(value))}" for key, value in options.items()]
    return [*lines, "--requeue", *site.directives]


def _choice(tasks: Sequence[Task]) -> str:
    lines = ["case $SLURM_ARRAY_TASK_ID in"]
    for k, task in enumerate(tasks):
        words = shlex.join([*task.arguments, "--output", task.output])
        lines.append(f'{k}) set -- "$@" {words} ;;')
    return "\n".join([*lines, "esac"])
