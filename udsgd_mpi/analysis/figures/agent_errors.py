"""Errors of all agents at some steps, as small multiples."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from udsgd_mpi.analysis.figures.style import (
    COLOURS,
    MARKS,
    legend_columns,
    legend_lines,
    new_figure,
)

if TYPE_CHECKING:
    from udsgd_mpi.storage.agent_errors import AgentErrors


def agent_errors_figure(
    errors: Mapping[str, "AgentErrors"], samplers: Mapping[str, list[str]]
) -> Figure:
    """A row of panels for each variant, a panel for each step; agents marked by sampler."""
    known = list(dict.fromkeys(sampler for name in errors for sampler in samplers[name]))
    rows, columns = len(errors), max(len(each.step) for each in errors.values())
    figure = new_figure(0.45 * rows, extra=legend_lines(known) + rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex="row", sharey="row")
    for line, (name, each) in zip(grid, errors.items(), strict=True):
        for axes in line[len(each.step) :]:
            axes.set_axis_off()
        for axes, n, values in zip(line, each.step.tolist(), each.values, strict=False):
            for k, sampler in enumerate(known):
                mine = np.array(samplers[name]) == sampler
                axes.plot(
                    np.flatnonzero(mine),
                    np.where(values[mine] > 0, values[mine], np.nan),
                    MARKS[k % len(MARKS)],
                    color=COLOURS[k % len(COLOURS)],
                    markersize=3,
                    label=sampler,
                )
            axes.set_title(f"n = {n:,}", fontsize="small")
            axes.tick_params(labelsize="small")
            axes.set_xlabel("agent $i$", fontsize="small")
            axes.grid(axis="y", alpha=0.3)
        if (each.values > 0).any():
            line[0].set_yscale("log")
        line[0].set_ylabel(name, fontsize="small")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=legend_columns(known),
        title="sampler",
        alignment="left",
    )
    return figure
