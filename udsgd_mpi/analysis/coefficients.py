"""Estimated coefficients with their intervals."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.support.errors import ConfigurationError, nearest

Floats = NDArray[np.float64]

_COLUMNS = (
    *("variant", "trial", "parameter", "estimate", "level"),
    *("run_error", "run_low", "run_high"),
    *("population_error", "population_low", "population_high"),
    *("error_over_trials", "trials"),
)

HEADER = ",".join(_COLUMNS)
"""How the first line begins, which marks such a file."""


@dataclass(frozen=True)
class Coefficients:
    """Coefficients from one trial of a run.

    Attributes
    ----------
    names
        What each is the coefficient of.
    trial
        Number of the trial.
    estimate
        Shape (coefficients,).
    run_error
        Standard error as an estimate of θ* of these data: of the run alone; shape (coefficients,).
    data_error
        Standard error of θ* of these data as an estimate of the population's parameter, if rows
        are independent draws from it (sandwich, HC0); shape (coefficients,).
    error_over_trials
        Measured standard deviation over trials, which ``run_error`` foretells; None of one trial.
    trials
        How many trials there are.
    level
        Confidence of the intervals.
    remarks
        How the standard errors were found, and what makes them doubtful, a line each.
    """

    names: list[str]
    trial: int
    estimate: Floats
    run_error: Floats
    data_error: Floats
    error_over_trials: Floats | None
    trials: int
    level: float
    remarks: Sequence[str] = ()

    @property
    def population_error(self) -> Floats:
        """Standard error of both, as an estimate of the population's parameter."""
        return np.hypot(self.run_error, self.data_error)

    @property
    def run_interval(self) -> Floats:
        """Bounds for θ* of these data, shape (coefficients, 2)."""
        return self._interval(self.run_error)

    @property
    def population_interval(self) -> Floats:
        """Bounds for the population's parameter, shape (coefficients, 2)."""
        return self._interval(self.population_error)

    def _interval(self, error: Floats) -> Floats:
        from scipy.special import ndtri

        half = float(ndtri((1 + self.level) / 2)) * error
        return np.stack([self.estimate - half, self.estimate + half], axis=1)

    def take(self, names: Sequence[str]) -> "Coefficients":
        """Some of them, by their names or numbers.

        Raises
        ------
        ConfigurationError
            If there is none of a name.
        """
        rows = [self._row(name) for name in names]
        measured = self.error_over_trials
        return replace(
            self,
            names=[self.names[row] for row in rows],
            estimate=self.estimate[rows],
            run_error=self.run_error[rows],
            data_error=self.data_error[rows],
            error_over_trials=None if measured is None else measured[rows],
        )

    def _row(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        if name.isdecimal() and int(name) < len(self.names):
            return int(name)
        raise ConfigurationError(
            f"--parameters: expected names, or numbers below {len(self.names)}, got {name!r};"
            f" {nearest(name, self.names)}"
        )


def as_csv(found: Mapping[str, Coefficients]) -> str:
    """A header, and a line for each variant and coefficient; missing values are left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for variant, each in found.items():
        measured = each.error_over_trials
        columns = [
            each.run_error.tolist(),
            *each.run_interval.T.tolist(),
            each.population_error.tolist(),
            *each.population_interval.T.tolist(),
            [""] * len(each.names) if measured is None else measured.tolist(),
        ]
        for name, estimate, *values in zip(
            each.names, each.estimate.tolist(), *columns, strict=True
        ):
            head = [variant, each.trial, name, estimate, each.level]
            writer.writerow([*head, *values, each.trials])
    return text.getvalue()
