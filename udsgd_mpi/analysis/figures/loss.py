"""Losses and accuracies against n, or what it took to get there."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from udsgd_mpi.analysis.abscissa import LABELS, Abscissa, against
from udsgd_mpi.analysis.figures.curves import Curve, curves_figure
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.read import Measured


def loss_figure(variants: Mapping[str, Measured], x: Abscissa = "step") -> Figure:
    """Log–log training loss of every variant with bands of two standard errors, over test loss.

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
        test = measured.measures.get("test_loss")
        return Curve(
            along[begun],
            *over_trials(measured.measure("training_loss")[begun]),
            None if test is None else over_trials(test[begun]).mean,
        )

    tested = any("test_loss" in measured.measures for measured in variants.values())
    key = "mean ± 2 s.e. over trials"
    figure, axes = curves_figure(variants, curve, key + "; wide and pale: test part" * tested)
    axes.set_xlabel(LABELS[x])
    axes.set_ylabel(r"training loss  $f(\theta_n)$")
    return figure


def accuracy_figure(variants: Mapping[str, Measured], x: Abscissa = "step") -> Figure:
    """Test accuracy of every variant with bands of two standard errors.

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
        return Curve(along[begun], *over_trials(measured.measure("test_accuracy")[begun]), None)

    key = "mean ± 2 s.e. over trials"
    figure, axes = curves_figure(variants, curve, key, logarithmic=False)
    axes.set_xlabel(LABELS[x])
    axes.set_ylabel(r"test accuracy of $\theta_n$")
    return figure
