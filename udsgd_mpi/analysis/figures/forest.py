"""Coefficients with their intervals."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from udsgd_mpi.analysis.coefficients import Coefficients
from udsgd_mpi.analysis.figures.style import (
    MARKS,
    colour,
    headline,
    legend_columns,
    legend_lines,
    new_figure,
)

_HEIGHT = 0.7  # of a row, that its variants share
_MOST_VARIANTS_THICK = 4


def forest_figure(found: Mapping[str, Coefficients], title: str) -> Figure:
    """A forest plot: a row for each coefficient, and in it a point and two bars for each variant.

    The thick bar is the interval for θ* of these data, the thin one that for the population's.
    """
    names = list(dict.fromkeys(name for each in found.values() for name in each.names))
    place = {name: -row for row, name in enumerate(names)}
    lines = len(names) * max(1.2, 0.8 * len(found))
    figure = new_figure(0.12, extra=lines + 3 + legend_lines([*found]))
    axes = figure.add_subplot()
    axes.axvline(0, color="#999999", lw=0.8, zorder=0)
    thick = 3.5 if len(found) <= _MOST_VARIANTS_THICK else 2
    for k, (variant, each) in enumerate(found.items()):
        shift = _HEIGHT * (0.5 - (k + 0.5) / len(found))
        y = np.array([place[name] for name in each.names]) + shift
        axes.hlines(y, *each.population_interval.T, color=colour(k), lw=0.9)
        axes.hlines(y, *each.run_interval.T, color=colour(k), lw=thick, alpha=0.55)
        axes.plot(each.estimate, y, MARKS[k % len(MARKS)], color=colour(k), ms=4, label=variant)
    level = next(iter(found.values())).level
    axes.plot([], [], "-", color="#555555", lw=thick, alpha=0.55, label="θ* of these data")
    axes.plot([], [], "-", color="#555555", lw=0.9, label="the population's parameter")
    axes.set_yticks([place[name] for name in names], names)
    axes.set_ylim(-len(names) + 0.5, 0.5)
    axes.set_xlabel(f"coefficient, with {100 * level:.4g} % intervals")
    axes.grid(axis="x", alpha=0.3)
    headline(axes, title)
    labels = [*found, "the population's parameter"]
    figure.legend(loc="outside lower left", ncols=legend_columns(labels))
    return figure
