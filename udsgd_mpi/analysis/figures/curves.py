"""A line with its band for every variant."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from udsgd_mpi.analysis.figures.style import (
    colour,
    headline,
    legend_columns,
    legend_lines,
    line,
    new_figure,
)
from udsgd_mpi.storage.measured import Floats, Measured

_LARGEST = 1e100  # beyond it a logarithmic axis overflows


class Curve(NamedTuple):
    """What is drawn of a variant.

    Attributes
    ----------
    x, y, error
        Shape (points,); the band is two errors wide on each side.
    expected
        A wide and pale line below it, or None.
    """

    x: Floats
    y: Floats
    error: Floats
    expected: Floats | None


def curves_figure(
    variants: Mapping[str, Measured],
    curve_of: Callable[[str, Measured], Curve],
    key: str,
    *,
    logarithmic: bool = True,
) -> tuple[Figure, Axes]:
    """Curves of all variants over a logarithmic axis, with a legend below them.

    Parameters
    ----------
    key
        What lines and bands are.
    logarithmic
        Whether the vertical axis is logarithmic, too.
    """
    names = list(variants)
    figure = new_figure(extra=legend_lines(names))
    axes = figure.add_subplot()
    found = {name: curve_of(name, variant) for name, variant in variants.items()}
    for k, (name, (x, mean, error, expected)) in enumerate(found.items()):
        y = _drawable(mean) if logarithmic else mean
        axes.plot(x, y, color=colour(k), linestyle=line(k), label=name)
        # A logarithmic axis has no place for a band that reaches 0 or below.
        lower = np.maximum(y - 2 * error, y / 10) if logarithmic else y - 2 * error
        upper = _drawable(y + 2 * error) if logarithmic else y + 2 * error
        axes.fill_between(x, lower, upper, color=colour(k), alpha=0.2, linewidth=0)
        if expected is not None:
            axes.plot(x, _drawable(expected), color=colour(k), linewidth=4, alpha=0.3, zorder=1.5)
    axes.set_xscale("log")
    if any(np.isfinite(_drawable(curve.y)).any() for curve in found.values()):
        axes.set_yscale("log" if logarithmic else "linear")
    elif logarithmic:  # nothing has a logarithm, as where all errors are 0
        for k, (x, mean, _, _) in enumerate(found.values()):
            axes.plot(x, np.where(mean == 0, 0, np.nan), color=colour(k), linestyle=line(k))
    headline(axes, next(iter(variants.values())).title)
    axes.grid(which="major", alpha=0.3)
    figure.legend(
        loc="outside lower left", ncols=legend_columns(names), title=key, alignment="left"
    )
    return figure, axes


def _drawable(values: Floats) -> Floats:
    return np.where((values > 0) & (values < _LARGEST), values, np.nan)
