"""Figures of result files.

To add one, write its function and name it in ``FIGURES``.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from matplotlib.figure import Figure

from udsgd_mpi.analysis.abscissa import Abscissa
from udsgd_mpi.analysis.figures.agent_errors import agent_errors_figure
from udsgd_mpi.analysis.figures.agents import agents_figure
from udsgd_mpi.analysis.figures.combinations import axes_of, combinations_figure
from udsgd_mpi.analysis.figures.forest import forest_figure
from udsgd_mpi.analysis.figures.last import last_figure
from udsgd_mpi.analysis.figures.measures import (
    accuracy_figure,
    consensus_figure,
    loss_figure,
    mse_figure,
    scaled_figure,
)
from udsgd_mpi.analysis.figures.style import style
from udsgd_mpi.analysis.figures.topology import draw, topology_figure
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.errors import ConfigurationError


class Kind(NamedTuple):
    """A kind of figure.

    Attributes
    ----------
    measure
        What variants must have recorded to be in it.
    """

    draw: Callable[..., Figure]
    measure: str

    def of(self, variants: Mapping[str, Measured]) -> dict[str, Measured]:
        """The variants that can be in it."""
        return {name: each for name, each in variants.items() if self.measure in each.measures}


FIGURES = {
    "mse": Kind(mse_figure, "squared_error"),
    "scaled": Kind(scaled_figure, "squared_error"),
    "last": Kind(last_figure, "squared_error"),
    "combinations": Kind(combinations_figure, "squared_error"),
    "agents": Kind(agents_figure, "squared_error"),
    "loss": Kind(loss_figure, "training_loss"),
    "accuracy": Kind(accuracy_figure, "test_accuracy"),
    "consensus": Kind(consensus_figure, "consensus_error"),
}


def figure(variants: Mapping[str, Measured], kind: str | None, x: Abscissa = "step") -> Figure:
    """Draw the variants that have what a figure shows.

    Parameters
    ----------
    kind
        Of ``FIGURES``; by default the MSE, or the loss where no variant has a minimiser.
    x
        What it is drawn against, where it can be drawn against several things.

    Raises
    ------
    ConfigurationError
        If there are none.
    """
    kind = kind or ("mse" if FIGURES["mse"].of(variants) else "loss")
    chosen = FIGURES[kind].of(variants)
    if not chosen:
        measure = FIGURES[kind].measure
        raise ConfigurationError(
            f"--show {kind}: expected results with {measure}, got none; udsgd inspect lists what"
            " was recorded"
        )
    return FIGURES[kind].draw(chosen) if x == "step" else FIGURES[kind].draw(chosen, x)


__all__ = [
    "FIGURES",
    "agent_errors_figure",
    "axes_of",
    "draw",
    "figure",
    "forest_figure",
    "style",
    "topology_figure",
]
