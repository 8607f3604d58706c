"""How far the agents are from each other."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from udsgd_mpi.analysis.figures.curves import Curve, curves_figure
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.storage.read import Measured


def consensus_figure(variants: Mapping[str, Measured]) -> Figure:
    """Log–log consensus error, which falls like γ_n² (Lemma 3.1)."""
    figure, axes = curves_figure(variants, _curve, "mean ± 2 s.e.")
    axes.set_xlabel("step $n$")
    axes.set_ylabel(r"consensus error  $\frac{1}{N}\sum_i \|\theta_n^i - \theta_n\|^2$")
    return figure


def _curve(_: str, measured: Measured) -> Curve:
    begun = measured.step > 0
    return Curve(
        measured.step[begun].astype(np.float64),
        *over_trials(measured.measure("consensus_error")[begun]),
        None,
    )
