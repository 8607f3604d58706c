"""The table of a result file: one line for each variant."""

from collections.abc import Mapping

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.analysis.statistics import over_trials, ratio_to
from udsgd_mpi.storage.read import Measured

_FEWEST_TRIALS = 10  # a bootstrap of fewer says nothing


def table(variants: Mapping[str, Measured]) -> str:
    """MSE and consensus error at the last step, with standard errors over trials.

    MSE over its prediction comes with a 95 % bootstrap interval over ten trials or more; an
    exclamation mark says that 1 is outside of it and of two standard errors of the prediction.
    """
    head = (
        "variant",
        "n",
        "trials",
        "MSE",
        "± s.e.",
        "n · MSE",
        "/ predicted",
        "consensus error",
        "agents",
    )
    rows = [head, *(_row(name, measured) for name, measured in variants.items())]
    return aligned(rows, left=(0, len(head) - 1))


def _row(name: str, measured: Measured) -> tuple[str, ...]:
    mse, error = over_trials(measured.squared_error[-1])
    consensus, _ = over_trials(measured.consensus_error[-1])
    n = int(measured.step[-1])
    return (
        name,
        str(n),
        str(measured.squared_error.shape[1]),
        f"{mse:.3e}",
        f"{error:.0e}",
        f"{n * mse:.4g}",
        _against_prediction(measured),
        f"{consensus:.1e}",
        measured.composition,
    )


def _against_prediction(measured: Measured) -> str:
    """Measured over predicted MSE with its 95 % interval; ! where 1 is outside of it."""
    if measured.predicted_mse is None or measured.predicted_mse_error is None:
        return "—"
    predicted, error = measured.predicted_mse[-1], measured.predicted_mse_error[-1]
    if predicted == 0:  # all begin at θ*, and no agent makes noise
        return "—"
    ratio = ratio_to(measured.squared_error[-1], predicted)
    if measured.squared_error.shape[1] < _FEWEST_TRIALS:
        return f"{ratio.value:.3g}"
    slack = 2 * error / predicted
    departs = ratio.low - slack > 1 or ratio.high + slack < 1
    shown = f"{ratio.value:#.3g} [{ratio.low:#.3g}, {ratio.high:#.3g}]"
    return shown + (" !" if departs else "")
