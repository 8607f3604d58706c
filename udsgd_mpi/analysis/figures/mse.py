"""MSE against n, or what it took to get there."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from udsgd_mpi.analysis.abscissa import LABELS, Abscissa, against
from udsgd_mpi.analysis.figures.curves import Curve, curves_figure
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.read import Measured


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

    def curve(name: str, measured: Measured) -> Curve:
        along = against(name, measured, x).astype(np.float64)
        begun = along > 0
        mse, error = over_trials(measured.measure("squared_error")[begun])
        expected = measured.predicted_mse
        return Curve(along[begun], mse, error, None if expected is None else expected[begun])

    figure, axes = curves_figure(variants, curve, "mean ± 2 s.e.; wide and pale: predicted")
    axes.set_xlabel(LABELS[x])
    axes.set_ylabel(r"MSE  $\mathrm{E}\,\|\theta_n - \theta^*\|^2$")
    return figure
