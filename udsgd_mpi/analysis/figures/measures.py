"""Measures of every variant against n, or what it took to get there."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from udsgd_mpi.analysis.abscissa import LABELS, Abscissa, against
from udsgd_mpi.analysis.figures.curves import Curve, curves_figure
from udsgd_mpi.analysis.figures.style import colour, line
from udsgd_mpi.analysis.statistics import Floats, over_trials
from udsgd_mpi.storage.measured import Measured

_KEY = "mean ± 2 s.e."


def mse_figure(variants: Mapping[str, Measured], x: Abscissa = "step") -> Figure:
    """Log–log MSE with bands of two standard errors, over what is predicted; see ``_against``."""
    key = f"{_KEY}; wide and pale: predicted"
    figure, axes = _against(variants, x, "squared_error", key, lambda each: each.predicted_mse)
    axes.set_ylabel(r"MSE  $\mathrm{E}\,\|\theta_n - \theta^*\|^2$")
    return figure


def loss_figure(variants: Mapping[str, Measured], x: Abscissa = "step") -> Figure:
    """Log–log training loss with bands of two standard errors, over test loss."""

    def test(measured: Measured) -> Floats | None:
        losses = measured.measures.get("test_loss")
        return None if losses is None else over_trials(losses).mean

    tested = any(test(measured) is not None for measured in variants.values())
    key = f"{_KEY} over trials" + "; wide and pale: test part" * tested
    figure, axes = _against(variants, x, "training_loss", key, test)
    axes.set_ylabel(r"training loss  $f(\theta_n)$")
    return figure


def accuracy_figure(variants: Mapping[str, Measured], x: Abscissa = "step") -> Figure:
    """Test accuracy with bands of two standard errors."""
    key = f"{_KEY} over trials"
    figure, axes = _against(variants, x, "test_accuracy", key, logarithmic=False)
    axes.set_ylabel(r"test accuracy of $\theta_n$")
    return figure


def consensus_figure(variants: Mapping[str, Measured]) -> Figure:
    """Log–log consensus error, which falls like γ_n² (Lemma 3.1), over what is predicted."""
    key = f"{_KEY}; wide and pale: predicted"
    figure, axes = _against(
        variants, "step", "consensus_error", key, lambda each: each.predicted_consensus_error
    )
    axes.set_ylabel(r"consensus error  $\frac{1}{N}\sum_i \|\theta_n^i - \theta_n\|^2$")
    return figure


def scaled_figure(variants: Mapping[str, Measured]) -> Figure:
    """MSE / γ_n, flat where the limit is reached, over what is predicted, with the limit Tr V."""
    key = f"{_KEY}; wide and pale: predicted; thin on the right: Tr V"
    figure, axes = _against(
        variants,
        "step",
        "squared_error",
        key,
        lambda each: each.predicted_mse,
        over=lambda each: each.step_size,
    )
    for k, measured in enumerate(variants.values()):
        if measured.limit:
            last = measured.step[-1]
            axes.plot(
                [last, 2 * last], [measured.limit] * 2, color=colour(k), linestyle=line(k), lw=1
            )
    axes.set_ylabel(r"$\mathrm{E}\,\|\theta_n - \theta^*\|^2 / \gamma_n$")
    return figure


def _against(
    variants: Mapping[str, Measured],
    x: Abscissa,
    measure: str,
    key: str,
    expected: Callable[[Measured], Floats | None] = lambda _: None,
    over: Callable[[Measured], Floats] = lambda each: np.ones(len(each.step)),
    *,
    logarithmic: bool = True,
) -> tuple[Figure, Axes]:
    """A measure of every variant, from its first step on.

    Parameters
    ----------
    x
        What it is drawn against.
    expected
        What it is drawn over, shape (steps,), if anything.
    over
        What it is divided by, shape (steps,).

    Raises
    ------
    ConfigurationError
        If a variant does not have what it is drawn against.
    """

    def curve(name: str, measured: Measured) -> Curve:
        along = against(name, measured, x).astype(np.float64)
        begun, pale = along > 0, expected(measured)
        unit = over(measured)[begun]
        mean, error = over_trials(measured.measure(measure)[begun])
        below = None if pale is None else pale[begun] / unit
        return Curve(along[begun], mean / unit, error / unit, below)

    figure, axes = curves_figure(variants, curve, key, logarithmic=logarithmic)
    axes.set_xlabel(LABELS[x])
    return figure, axes
