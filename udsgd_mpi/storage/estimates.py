"""What a finished run has found, and what is needed to read its data again."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.experiment.read import variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.earlier_run import EarlierRun
from udsgd_mpi.storage.read import open_result_file, variable_of
from udsgd_mpi.storage.variables import Run
from udsgd_mpi.support.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    import h5py

Floats = NDArray[np.float64]

_INPUTS = ("group", "data_digest", "graph_digest")  # beside attributes, what a run has noted
_AVERAGE = "averaged_theta_mean"


class Found(NamedTuple):
    """Network averages at the last step.

    Attributes
    ----------
    trials
        Numbers of the trials that did not diverge, shape (trials,).
    theta
        Shape (trials, d).
    averaged
        Whether they are Polyak–Ruppert averages.
    """

    trials: NDArray[np.int64]
    theta: Floats
    averaged: bool

    def of_trial(self, trial: int | None) -> tuple[int, Floats]:
        """Number and estimate of a trial; by default of the first.

        Raises
        ------
        ConfigurationError
            If there is none with this number.
        """
        if trial is None:
            return int(self.trials[0]), self.theta[0]
        if trial not in self.trials:
            raise ConfigurationError(
                f"--trial: expected one of the trials that did not diverge, from"
                f" {self.trials[0]} to {self.trials[-1]}, got {trial}"
            )
        return trial, self.theta[self.trials.searchsorted(trial)]


@dataclass(frozen=True)
class Estimates:
    """What a result file holds of each variant.

    Attributes
    ----------
    experiments
        Settings, by name.
    found
        Estimates, by name.
    run
        What was read then.
    """

    experiments: dict[str, Experiment]
    found: dict[str, Found]
    run: EarlierRun


def read_estimates(path: Path, variant: str | None = None) -> Estimates:
    """Estimates of one variant of a result file, or of all.

    Raises
    ------
    ConfigurationError
        If the file can't be read, there is no such variant, one is not complete, or its network
        averages were not recorded.
    """
    with open_result_file(path) as file:
        configuration = str(file.attrs["configuration"])
        groups = file["runs"]
        if variant is not None and variant not in groups:
            raise ConfigurationError(f"unknown variant {variant!r}: {nearest(variant, groups)}")
        names = list(groups) if variant is None else [variant]
        if not names:
            raise ConfigurationError(f"results {path}: no variant has ended yet; try again later")
        found = {name: _found(f"results {path}: {name}", groups[name]) for name in names}
        runs = {
            name: Run(
                dict(groups[name].attrs),
                {key: variable_of(groups[name][key]) for key in _INPUTS if key in groups[name]},
            )
            for name in names
        }
    # Files are named as they are seen from the results, wherever these are now.
    settings = variants(tomllib.loads(configuration), {"output": str(path)}, path.parent)
    experiments = {name: settings[name] for name in names}
    run = EarlierRun(path, experiments, {"configuration": configuration}, runs)
    return Estimates(experiments, found, run)


def _found(what: str, run: "h5py.Group") -> Found:
    if not run.attrs.get("complete", True):
        raise ConfigurationError(
            f"{what}: expected a complete run, got one that is not; complete it with udsgd run"
            " --resume"
        )
    # NaN where an older version began the run.
    averaged = _AVERAGE in run and bool(np.isfinite(run[_AVERAGE][-1]).any())
    if not averaged and "theta_mean" not in run:
        raise ConfigurationError(
            f"{what}: expected network averages, got none; run it with record.theta = true"
        )
    theta = run[_AVERAGE if averaged else "theta_mean"][-1]
    finite = np.isfinite(theta).all(axis=1)
    if not finite.any():
        raise ConfigurationError(f"{what}: expected a trial that did not diverge, got none")
    return Found(run["trial"][:][finite], theta[finite].astype(np.float64), averaged)
