"""The table of a result file: one line for each variant."""

from collections.abc import Mapping

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.analysis.statistics import over_trials, ratio_to
from udsgd_mpi.storage.read import Measured

_FEWEST_TRIALS = 10  # a bootstrap of fewer says nothing


LOSSES = {
    "training_loss": "training loss",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
    "gradient_norm": "gradient norm",
}
"""Measures that say how good θ_n is where no minimiser is known, and their names in a head."""


def table(variants: Mapping[str, Measured]) -> str:
    """What was measured at the last step, with standard errors over trials.

    MSE over its prediction comes with a 95 % bootstrap interval over ten trials or more; an
    exclamation mark says that 1 is outside of it and of two standard errors of the prediction.
    """
    errors = any("squared_error" in each.measures for each in variants.values())
    disagreements = any(_known_consensus(each) for each in variants.values())
    losses = losses_of(variants)
    head = (
        *("variant", "n", "trials"),
        *(("MSE", "± s.e.", "n · MSE", "/ predicted") if errors else ()),
        *(title for name in losses for title in (LOSSES[name], "± s.e.")),
        "consensus error",
        *(("/ predicted",) if disagreements else ()),
        "agents",
    )
    rows = [head]
    for name, measured in variants.items():
        consensus, _ = over_trials(measured.measure("consensus_error")[-1])
        rows.append(
            (
                *(name, str(int(measured.step[-1])), str(len(measured.trials))),
                *(_errors(measured) if errors else ()),
                *(cell for measure in losses for cell in loss(measured, measure)),
                f"{consensus:.1e}",
                *((_against_consensus(measured, float(consensus)),) if disagreements else ()),
                measured.composition,
            )
        )
    return aligned(rows, left=(0, len(head) - 1))


def losses_of(variants: Mapping[str, Measured]) -> list[str]:
    """Those of ``LOSSES`` that were recorded of a variant."""
    return [name for name in LOSSES if any(name in each.measures for each in variants.values())]


def loss(measured: Measured, name: str) -> tuple[str, str]:
    """Mean and standard error of a measure at the last step, as they are shown."""
    if name not in measured.measures:
        return "—", "—"
    mean, error = over_trials(measured.measure(name)[-1])
    return f"{mean:.4g}", f"{error:.0e}"


def _errors(measured: Measured) -> tuple[str, ...]:
    if "squared_error" not in measured.measures:
        return ("—",) * 4
    mse, error = over_trials(measured.measure("squared_error")[-1])
    n = int(measured.step[-1])
    return f"{mse:.3e}", f"{error:.0e}", f"{n * mse:.4g}", _against_prediction(measured)


def _known_consensus(measured: Measured) -> float:
    """The consensus error that is predicted at the last step; 0 where none is."""
    predicted = measured.predicted_consensus_error
    return 0.0 if predicted is None or np.isnan(predicted[-1]) else float(predicted[-1])


def _against_consensus(measured: Measured, mean: float) -> str:
    predicted = _known_consensus(measured)
    return f"{mean / predicted:#.3g}" if predicted else "—"


def _against_prediction(measured: Measured) -> str:
    """Measured over predicted MSE with its 95 % interval; ! where 1 is outside of it."""
    if measured.predicted_mse is None or measured.predicted_mse_error is None:
        return "—"
    predicted, error = measured.predicted_mse[-1], measured.predicted_mse_error[-1]
    if predicted == 0:  # all begin at θ*, and no agent makes noise
        return "—"
    ratio = ratio_to(measured.measure("squared_error")[-1], predicted)
    if len(measured.trials) < _FEWEST_TRIALS:
        return f"{ratio.value:.3g}"
    slack = 2 * error / predicted
    departs = ratio.low - slack > 1 or ratio.high + slack < 1
    shown = f"{ratio.value:#.3g} [{ratio.low:#.3g}, {ratio.high:#.3g}]"
    return shown + (" !" if departs else "")
