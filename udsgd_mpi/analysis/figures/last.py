"""The errors at the last step, variant by variant."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from udsgd_mpi.analysis.figures.style import MARKS, colour, headline, new_figure
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.measured import Measured


def last_figure(variants: Mapping[str, Measured]) -> Figure:
    """MSE / γ_n at the last step with intervals of two standard errors, predictions and limits."""
    figure = new_figure(0.45, extra=2.2 + 1.1 * len(variants))
    axes = figure.add_subplot()
    rows = -np.arange(len(variants))
    for k, (row, measured) in enumerate(zip(rows, variants.values(), strict=True)):
        gamma = measured.step_size[-1]
        mse, error = over_trials(measured.measure("squared_error")[-1])
        axes.errorbar(
            mse / gamma, row, xerr=2 * error / gamma, fmt=MARKS[k % len(MARKS)], color=colour(k)
        )
        if measured.predicted_mse is not None:
            axes.plot(measured.predicted_mse[-1] / gamma, row, "|", color="black", ms=14, mew=1.2)
        if measured.limit is not None:
            axes.plot(measured.limit, row, "x", color="#555555", ms=5, clip_on=False)
    axes.plot([], [], "o", color="#555555", label="mean ± 2 s.e.")
    axes.plot([], [], "|", color="black", ms=10, mew=1.2, label="predicted")
    axes.plot([], [], "x", color="#555555", ms=5, label="limit Tr V")
    axes.set_yticks(rows, list(variants))
    axes.set_ylim(rows[-1] - 0.6, 0.6)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel(r"$\mathrm{E}\,\|\theta_n - \theta^*\|^2 / \gamma_n$ at the last step")
    headline(axes, next(iter(variants.values())).title)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower left", ncols=3)
    return figure
