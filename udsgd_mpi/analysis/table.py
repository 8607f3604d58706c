"""The table of a result file: one line for each variant."""

from collections.abc import Mapping

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.analysis.statistics import Estimate, over_trials, ratio_to
from udsgd_mpi.storage.measured import Measured

_FEWEST_TRIALS = 10  # a bootstrap of fewer says nothing


LOSSES = {
    "training_loss": "training loss",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
    "gradient_norm": "gradient norm",
}
"""Measures that say how good θ_n is where no minimiser is known, and their names in a head."""


def table(variants: Mapping[str, Measured]) -> str:
    """What was measured at the last step as lines of text, and why predictions are withheld."""
    head, rows = cells(variants)
    return "\n".join([aligned([head, *rows], left=(0, len(head) - 1)), *withheld(variants)])


def cells(variants: Mapping[str, Measured]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads, and a row for each variant, of what was measured at the last step.

    Standard errors are over trials.

    MSE over its prediction comes with a 95 % bootstrap interval over ten trials or more; an
    exclamation mark says that 1 is outside of it and of two standard errors of the prediction.
    Consensus error over its prediction comes with a standard error.
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
    rows = []
    for name, measured in variants.items():
        consensus = over_trials(measured.measure("consensus_error")[-1])
        rows.append(
            (
                *(name, str(int(measured.step[-1])), str(len(measured.trials))),
                *(_errors(measured) if errors else ()),
                *(cell for measure in losses for cell in loss(measured, measure)),
                f"{consensus.mean:.1e}",
                *((_against_consensus(measured, consensus),) if disagreements else ()),
                measured.composition,
            )
        )
    return head, rows


def withheld(variants: Mapping[str, Measured]) -> list[str]:
    """Why predictions are withheld: a line for each variant of which some are."""
    return [
        f"{name}: no prediction {measured.withheld}"
        for name, measured in variants.items()
        if measured.withheld
    ]


def predicted_last(measured: Measured, unit: float) -> str:
    """The predicted MSE at the last step over a unit, as it is shown."""
    if measured.predicted_mse is None:
        return "—"
    predicted = float(measured.predicted_mse[-1])
    return "none" if np.isnan(predicted) else f"{predicted / unit:.4g}"


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


def _against_consensus(measured: Measured, consensus: Estimate) -> str:
    """Measured over predicted consensus error, with the standard error that both of them make."""
    predicted, stated = _known_consensus(measured), measured.predicted_consensus_error_error
    if not predicted:
        return "—"
    ratio = float(consensus.mean) / predicted
    of_prediction = 0.0 if stated is None else float(stated[-1])
    error = np.hypot(float(consensus.error), ratio * of_prediction) / predicted
    return f"{ratio:#.3g} ± {error:.1g}"


def _against_prediction(measured: Measured) -> str:
    """Measured over predicted MSE with its 95 % interval; ! where 1 is outside of it."""
    if measured.predicted_mse is None or measured.predicted_mse_error is None:
        return "—"
    predicted, error = measured.predicted_mse[-1], measured.predicted_mse_error[-1]
    if np.isnan(predicted):
        return "none"
    if predicted == 0:  # all begin at θ*, and no agent makes noise
        return "—"
    ratio = ratio_to(measured.measure("squared_error")[-1], predicted)
    if len(measured.trials) < _FEWEST_TRIALS:
        return f"{ratio.value:.3g}"
    slack = 2 * error / predicted
    departs = ratio.low - slack > 1 or ratio.high + slack < 1
    shown = f"{ratio.value:#.3g} [{ratio.low:#.3g}, {ratio.high:#.3g}]"
    return shown + (" !" if departs else "")
