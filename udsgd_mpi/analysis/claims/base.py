"""What a claim is."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.analysis.claims.ratio import Scores
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.errors import ConfigurationError, nearest

ERROR: Final = "squared_error"

MeasureOfTrials = Literal[
    "squared_error",
    "consensus_error",
    "training_loss",
    "gradient_norm",
    "test_loss",
    "test_accuracy",
]


class Claim(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", kw_only=True):
    """A claim about errors or losses of an experiment's variants.

    Parameters
    ----------
    text
        The claim in words.
    variants
        Those that it is about; by default all.
    """

    text: str
    variants: Annotated[list[str], Meta(min_length=1)] | None = None

    def statements(self, measured: Mapping[str, Measured]) -> list[Statement]:
        """Whose conjunction is the claim."""
        raise NotImplementedError

    def remark(self, measured: Mapping[str, Measured]) -> str:
        """What is worth saying beside the verdict, in a sentence, or nothing."""
        return ""

    def require(self, experiments: Mapping[str, Experiment]) -> None:
        """Refuse, before they run, variants whose results could not decide the claim.

        Raises
        ------
        ConfigurationError
            If one of them has fewer than two trials.
        """
        for name in self.variants or experiments:
            if experiments[name].trials < 2:
                raise self._too_few_trials(name, experiments[name].trials)

    def _too_few_trials(self, name: str, trials: int) -> ConfigurationError:
        return ConfigurationError(
            f"claim {self.text!r}: expected at least two trials of {name}, got {trials}; use more"
        )

    def chosen(self, measured: Mapping[str, Measured]) -> dict[str, Measured]:
        """The variants that the claim is about.

        Raises
        ------
        ConfigurationError
            If there is no such variant, or fewer than two trials of one.
        """
        names = self.variants or list(measured)
        for name in names:
            if name not in measured:
                raise ConfigurationError(
                    f"claim {self.text!r}: unknown variant {name!r}: {nearest(name, measured)}"
                )
            if len(measured[name].trials) < 2:
                raise self._too_few_trials(name, len(measured[name].trials))
        return {name: measured[name] for name in names}


def scores(
    measured: Measured, rows: NDArray[np.intp], measure: str = ERROR, *, each_agent: bool = False
) -> Scores:
    """A measure of each trial, mean over some recorded steps; of ‖θ_n − θ*‖², n times it.

    Parameters
    ----------
    rows
        Of the steps.
    each_agent
        Whether to multiply by N too.

    Raises
    ------
    ConfigurationError
        If the measure was not recorded, or has no ratios, as its mean is not above 0.
    """
    times = measured.step[rows] if measure == ERROR else np.ones(len(rows))
    times = times * (len(measured.samplers) if each_agent else 1)
    values = (times[:, None] * measured.measure(measure)[rows]).mean(axis=0)
    if not values.mean() > 0:
        raise ConfigurationError(
            f"measure {measure}: expected a mean over trials above 0 for a ratio, got"
            f" {values.mean():.4g}; use a claim about another measure"
        )
    return Scores(values, measured.trials)


def rows_between(measured: Measured, since: int | None) -> NDArray[np.intp]:
    """Rows of the recorded steps from ``since`` on; the last row where there are none."""
    rows = np.arange(len(measured.step))
    late = rows[measured.step >= since] if since else rows[-1:]
    return late if len(late) else rows[-1:]


def span(measured: Measured, rows: NDArray[np.intp]) -> str:
    """The steps of some rows in words."""
    first, last = int(measured.step[rows[0]]), int(measured.step[rows[-1]])
    return f"n = {last:,}" if first == last else f"n = {first:,} to {last:,}"
