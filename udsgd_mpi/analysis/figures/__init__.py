"""Figures of result files, one a file.

To add one, write its file and name it in ``FIGURES``.
"""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from udsgd_mpi.analysis.figures.agents import agents_figure
from udsgd_mpi.analysis.figures.consensus import consensus_figure
from udsgd_mpi.analysis.figures.last import last_figure
from udsgd_mpi.analysis.figures.mse import mse_figure
from udsgd_mpi.analysis.figures.scaled import scaled_figure
from udsgd_mpi.analysis.figures.style import style
from udsgd_mpi.analysis.figures.topology import draw, topology_figure
from udsgd_mpi.storage.read import Measured

FIGURES: dict[str, Callable[[Mapping[str, Measured]], Figure]] = {
    "mse": mse_figure,
    "scaled": scaled_figure,
    "last": last_figure,
    "agents": agents_figure,
    "consensus": consensus_figure,
}

__all__ = ["FIGURES", "draw", "mse_figure", "style", "topology_figure"]
