"""A whole job: all variants of an experiment, one after the other, into one file."""

import platform
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mpi4py import MPI

from udsgd_mpi import __version__
from udsgd_mpi.concerns import concerns
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.parallel.everyone import OnRanks
from udsgd_mpi.parallel.identity import check_identity, identity
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.parallel.startup import on_root
from udsgd_mpi.prediction import Prediction, predict
from udsgd_mpi.problem import Problem, pose_all

_MOST_PARAMETERS = 300  # V and the agents' V_i are matrices of that size
_LARGEST_GRAPH = 10_000  # Poisson's equation is solved on it
_PACKAGES = ("h5py", "mpi4py", "networkx", "numba", "numpy", "scikit-learn", "scipy")


class _Asked(NamedTuple):
    experiments: dict[str, Experiment]
    output: Path


def run_job(load: Callable[[], dict[str, Experiment]], *, force: bool) -> Path | None:
    """Run all variants on all ranks of the world.

    Parameters
    ----------
    load
        Gives the variants; called on rank 0 alone.
    force
        Whether an older result file may be replaced.

    Returns
    -------
    Path of the result file on rank 0, None elsewhere.

    Raises
    ------
    ConfigurationError
        On every rank, before anything is computed or written.
    OutputError
        On rank 0, if the results can't be written.
    """
    comm = MPI.COMM_WORLD
    asked: _Asked = comm.bcast(on_root(comm, lambda: _asked(load(), force=force)))
    experiments, output = asked
    problems = pose_all(experiments, lambda agents: OnRanks(comm, agents), comm.size)
    check_identity(comm, identity(problems))
    hosts = comm.gather(MPI.Get_processor_name())
    if hosts is None:
        for problem in problems.values():
            simulate(comm, problem, lambda _: None)
            _predict(comm, problem)
        return None
    from udsgd_mpi.storage.write import Result, write_results

    _warn(problems)
    attributes = _attributes(problems, hosts)
    results: dict[str, Result] = {}
    write_results(output, attributes | {"status": "running"}, results)
    for name, problem in problems.items():
        recording = simulate(comm, problem, _Progress(name, problem))
        prediction = _predict(comm, problem)
        if recording is not None:
            results[name] = Result(problem, recording, prediction)
        attributes["ended"] = _now()
        status = "complete" if len(results) == len(problems) else "running"
        write_results(output, attributes | {"status": status}, results)
    return output


def _predict(comm: MPI.Intracomm, problem: Problem) -> Prediction | None:
    experiment = problem.experiment
    nodes = max(
        (e.points // e.batch for e in problem.roster if not np.isnan(e.mean_degree)), default=0
    )
    too_large = len(problem.minimizer) > _MOST_PARAMETERS or nodes > _LARGEST_GRAPH
    if not experiment.record.predict or too_large:
        return None
    steps = experiment.record.at(experiment.steps)
    return predict(problem, OnRanks(comm, len(problem.roster)), steps)


def _asked(experiments: dict[str, Experiment], *, force: bool) -> _Asked:
    outputs = sorted({experiment.output for experiment in experiments.values()})
    if len(outputs) > 1:
        raise ConfigurationError(
            f"output: expected one file for all variants, got {', '.join(outputs)}"
        )
    output = Path(outputs[0])
    if not output.absolute().parent.is_dir():
        raise ConfigurationError(
            f"output {output}: expected an existing folder, got none at"
            f" {output.absolute().parent}; create it first"
        )
    if output.is_dir() or (output.exists() and not force):
        raise ConfigurationError(
            f"output {output} exists already; use --force to replace it, or --output FILE"
        )
    return _Asked(experiments, output)


def _warn(problems: Mapping[str, Problem]) -> None:
    for name, problem in problems.items():
        if problem.rows_left_over:
            used = sum(entry.points for entry in problem.roster)
            print(
                f"udsgd: [variant.{name}] {problem.rows_left_over:,} rows of the data are left"
                f" over; the agents hold {used:,}",
                file=sys.stderr,
                flush=True,
            )
        for concern in concerns(problem):
            print(f"udsgd: warning: [variant.{name}] {concern}", file=sys.stderr, flush=True)


def _attributes(problems: Mapping[str, Problem], hosts: list[str]) -> dict[str, str | int]:
    experiments = {name: problem.experiment for name, problem in problems.items()}
    first = next(iter(experiments.values()))
    versions = {name: version(name) for name in _PACKAGES}
    return {
        "configuration": to_toml(experiments),
        "seed": first.seed,
        "udsgd_mpi_version": __version__,
        "python_version": platform.python_version(),
        "package_versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "mpi_library": MPI.Get_library_version().partition("\n")[0].strip("\0 "),
        "ranks": len(hosts),
        "hosts": ", ".join(dict.fromkeys(hosts)),
        "started": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class _Progress:
    """Lines on rank 0's stderr, one every few seconds: how far, how fast, how long still."""

    _SECONDS_BETWEEN_LINES = 5.0

    def __init__(self, name: str, problem: Problem) -> None:
        self._name = name
        self._steps = problem.experiment.steps
        self._started = self._said = time.monotonic()

    def __call__(self, n: int) -> None:
        now = time.monotonic()
        if now - self._said < self._SECONDS_BETWEEN_LINES:
            return
        self._said = now
        rate = n / (now - self._started)
        print(
            f"{self._name}: step {n:,} of {self._steps:,}, {rate:,.0f} steps/s,"
            f" {(self._steps - n) / rate:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
