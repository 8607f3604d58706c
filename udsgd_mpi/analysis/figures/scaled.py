"""MSE over its rate of decrease, which is flat where the limit is reached."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from udsgd_mpi.analysis.figures.curves import Curve, curves_figure
from udsgd_mpi.analysis.figures.style import colour, line
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.read import Measured


def scaled_figure(variants: Mapping[str, Measured]) -> Figure:
    """MSE / γ_n of every variant, over what is predicted, with the limit Tr V."""
    figure, axes = curves_figure(
        variants, _curve, "mean ± 2 s.e.; wide and pale: predicted; thin on the right: Tr V"
    )
    for k, measured in enumerate(variants.values()):
        if measured.limit:
            last = measured.step[-1]
            axes.plot(
                [last, 2 * last], [measured.limit] * 2, color=colour(k), linestyle=line(k), lw=1
            )
    axes.set_xlabel("step $n$")
    axes.set_ylabel(r"$\mathrm{E}\,\|\theta_n - \theta^*\|^2 / \gamma_n$")
    return figure


def _curve(_: str, measured: Measured) -> Curve:
    begun = measured.step > 0
    gamma = measured.step_size[begun]
    mse, error = over_trials(measured.measure("squared_error")[begun])
    expected = measured.predicted_mse
    return Curve(
        measured.step[begun].astype(np.float64),
        mse / gamma,
        error / gamma,
        None if expected is None else expected[begun] / gamma,
    )
