"""``udsgd submit``."""

import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from udsgd_mpi.cli.arguments import parse
from udsgd_mpi.cli.settings import as_words, requested
from udsgd_mpi.cli.streams import results_are_written
from udsgd_mpi.cluster.script import Resources, script
from udsgd_mpi.cluster.site import Site, read_site
from udsgd_mpi.cluster.slurm import states, submit
from udsgd_mpi.cluster.submission import Submission, read_submission, submission_folder
from udsgd_mpi.cluster.tasks import Task, array
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.problem import with_agents_of_data
from udsgd_mpi.storage.earlier_run import find_earlier_run, output_of
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.errors import ConfigurationError, OutputError

_MERGING = Resources(ranks=1, nodes=1, seconds=1800)


def command(arguments: Namespace) -> None:
    """Write the batch script of an experiment beside its output, and hand it to Slurm."""
    experiments = requested(arguments)
    output = output_of(experiments)
    if "\\" in str(output):  # sbatch would expand nothing in the name of the log
        raise ConfigurationError(
            f"output {output}: expected a path without backslashes, as Slurm cannot use one in the"
            " name of a log; use another"
        )
    resources = _resources(arguments, experiments)
    tasks = _tasks(arguments, experiments, output)
    scripts = _scripts(arguments, output, resources, tasks)
    if arguments.print:
        print("\n".join(scripts.values()), end="")
        return
    _refuse_what_would_fail(arguments, output, resources, tasks, scripts)
    _submit(arguments, output, tasks, scripts)


def _resources(arguments: Namespace, experiments: Mapping[str, Experiment]) -> Resources:
    """Ranks, by default one for each agent, on nodes."""
    nodes = arguments.nodes
    asked = arguments.ranks, arguments.tasks_per_node
    if asked == (None, None):  # of data that may be on the nodes alone no number is asked here
        experiments = with_agents_of_data(experiments)
    agents = min((each.agents for each in experiments.values() if each.agents), default=None)
    ranks = arguments.ranks or agents
    if arguments.tasks_per_node is not None:
        nodes = nodes or 1
        ranks = nodes * arguments.tasks_per_node
    if ranks is None:
        raise ConfigurationError(
            "submit: expected a number of agents or of ranks, got neither; use --agents N,"
            " --ranks P or --tasks-per-node K"
        )
    if agents is not None and ranks > agents:
        raise ConfigurationError(
            f"submit: expected at least one agent for each of {ranks} ranks, got {agents} agents;"
            f" use --ranks {agents} or fewer, or --agents {ranks}"
        )
    if nodes is not None and nodes > ranks:
        raise ConfigurationError(
            f"--nodes: expected at most one for each of {ranks} ranks, got {nodes}"
        )
    return Resources(ranks, nodes, arguments.time)


def _tasks(arguments: Namespace, experiments: Mapping[str, Experiment], output: Path) -> list[Task]:
    """Tasks of a job array where one is asked for, otherwise one."""
    if not arguments.array:
        steps = {name: experiment.steps for name, experiment in experiments.items()}
        return [Task(str(output), [], steps)]
    parts = [part for part in arguments.array if part is not None]
    if len(parts) > 1:
        raise ConfigurationError(f"--array: expected trials=K once, got {len(parts)} of them")
    return array(
        experiments,
        submission_folder(output),
        by_variant=None in arguments.array,
        parts=parts[0] if parts else 1,
    )


def _scripts(
    arguments: Namespace, output: Path, resources: Resources, tasks: Sequence[Task]
) -> dict[str, str]:
    """Scripts by the names of their files."""
    site = _site(arguments)
    pattern = str(submission_folder(output)).replace("%", "%%")

    def made(
        name: str, words: list[str], log: str, resources: Resources, tasks: Sequence[Task] = ()
    ) -> str:
        return script(
            f"{name}{output.stem}",
            words,
            log=f"{pattern}/{log}",
            resources=resources,
            site=site,
            environment=sys.prefix,
            restarts=arguments.restarts,
            tasks=tasks,
            origin=arguments.typed,
        )

    run = _run_words(arguments)
    if not arguments.array:
        return {"job.sbatch": made("", [*run, "--output", str(output)], "%j.log", resources)}
    merge = ["merge", "--force", str(output), *(task.output for task in tasks)]
    return {
        "job.sbatch": made("", run, "%A_%a.log", resources, tasks),
        "merge.sbatch": made("merge-", merge, "%j.log", _MERGING),
    }


def _site(arguments: Namespace) -> Site:
    asked = {name: getattr(arguments, name) for name in ("account", "partition", "launcher")}
    given = {name: value for name, value in asked.items() if value is not None}
    return msgspec.structs.replace(read_site(arguments.site), **given)


def _run_words(arguments: Namespace) -> list[str]:
    """``run`` with the flags of this submission, except the output."""
    seconds, steps = arguments.checkpoint_every
    words = ["run", *as_words(arguments)]
    words += ["--checkpoint-every", f"{seconds:g}s" if steps is None else str(steps)]
    words += ["--stall-timeout", f"{arguments.stall_timeout:g}s"]
    words += ["--on-divergence", arguments.on_divergence]
    if arguments.max_time is not None:
        words += ["--max-time", f"{arguments.max_time:g}s"]
    words += ["--keep-checkpoints"] if arguments.keep_checkpoints else []
    return words + (["--force"] if arguments.force else [])


def _refuse_what_would_fail(
    arguments: Namespace,
    output: Path,
    resources: Resources,
    tasks: Sequence[Task],
    scripts: Iterable[str],
) -> None:
    """Refuse now what the job would refuse after waiting in the queue."""
    before = read_submission(output)
    if before is not None:
        live = [
            number for number, state in (states([before.job]) or {}).items() if not state.has_ended
        ]
        if live:
            raise ConfigurationError(
                f"output {output}: job {', '.join(live)} for it has not ended; see udsgd status"
                f" {output}, or scancel {before.job}"
            )
    if arguments.force:
        return
    if arguments.array and output.exists():
        raise ConfigurationError(
            f"output {output} already exists; use --force to replace it, or --output FILE"
        )
    folder = submission_folder(output)
    if folder.is_dir():
        check_destinations([_script(folder / name) for name in scripts], {}, force=False)
    run = _run_words(arguments)
    for task in tasks:
        asked = requested(parse([*run, *task.arguments]))
        find_earlier_run(asked, Path(task.output), "auto", agents=resources.ranks, force=False)


def _script(path: Path) -> Destination:
    return Destination(f"script {path}", path, b"\n# udsgd submit")


def _submit(
    arguments: Namespace, output: Path, tasks: Sequence[Task], scripts: Mapping[str, str]
) -> None:
    folder = submission_folder(output)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {folder}: cannot be made ({error.strerror})") from error
    for name, text in scripts.items():
        replace_file(folder / name, text.encode())
    job = submit(folder / "job.sbatch")
    record = Submission(
        command=arguments.typed,
        submitted=datetime.now(UTC).isoformat(timespec="seconds"),
        job=job,
        merge_job=None,
        is_array=bool(arguments.array),
        tasks=list(tasks),
    )
    record.write(output)
    results_are_written(f"job {job} is submitted")
    print(f"job {job}" + (f" of {len(tasks)} tasks" if arguments.array else ""))
    if "merge.sbatch" in scripts:
        record = msgspec.structs.replace(record, merge_job=_submit_merging(folder, job))
        record.write(output)
        print(f"job {record.merge_job} merges their files into {output}")
    print(f"scripts and logs in {folder}; udsgd status {output} shows its progress")


def _submit_merging(folder: Path, job: str) -> str:
    after = (f"--dependency=afterok:{job}", "--kill-on-invalid-dep=yes")
    try:
        return submit(folder / "merge.sbatch", *after)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error}; job {job} is submitted, so sbatch {folder / 'merge.sbatch'} when it has"
            " ended"
        ) from error
