"""The figure of a result file: MSE against n, or what it took to get there."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from udsgd_mpi.analysis.abscissa import LABELS, Abscissa, against
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.read import Measured

# Okabe and Ito's palette, which colour-blind readers can tell apart; line styles tell it too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", "-.", ":")
_LARGEST = 1e100  # beyond it a logarithmic axis overflows


def mse_figure(variants: Mapping[str, Measured], x: Abscissa = "step") -> Figure:
    """Log–log MSE of every variant with bands of two standard errors, over what is predicted.

    Parameters
    ----------
    x
        What it is drawn against.

    Raises
    ------
    ConfigurationError
        If a variant does not have it.
    """
    with mpl.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7, 4.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for k, (name, measured) in enumerate(variants.items()):
            positive = measured.step > 0
            n = against(name, measured, x)[positive]
            mse, error = map(_drawable, over_trials(measured.squared_error[positive]))
            colour = _COLOURS[k % len(_COLOURS)]
            axes.plot(n, mse, color=colour, linestyle=_STYLES[k % len(_STYLES)], label=name)
            # A logarithmic axis has no place for a band that reaches 0 or below.
            lower = np.maximum(mse - 2 * error, mse / 10)
            if measured.predicted_mse is not None:
                expected = _drawable(measured.predicted_mse[positive])
                axes.plot(n, expected, color=colour, linewidth=4, alpha=0.3, solid_capstyle="round")
            axes.fill_between(
                n, lower, _drawable(mse + 2 * error), color=colour, alpha=0.2, linewidth=0
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(LABELS[x])
        axes.set_ylabel("MSE  E‖θₙ − θ*‖²")
        axes.set_title(next(iter(variants.values())).title, fontsize="medium", loc="left")
        axes.grid(which="major", alpha=0.3)
        axes.legend(title="mean ± 2 s.e.; wide and pale: predicted", frameon=False)
    return figure


def _drawable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values < _LARGEST, values, np.nan)
