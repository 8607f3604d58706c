"""What every agent contributes to the limiting covariance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from udsgd_mpi.analysis.figures.style import (
    COLOURS,
    legend_columns,
    legend_lines,
    new_figure,
    panel_columns,
)
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.errors import ConfigurationError

_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo", "|||")


def agents_figure(variants: Mapping[str, Measured]) -> Figure:
    """Bars of Tr V_i / N² for every agent, coloured by sampler; they add up to Tr V.

    Raises
    ------
    ConfigurationError
        If no variant has a limiting covariance.
    """
    shown = {
        name: each.agent_traces
        for name, each in variants.items()
        if each.agent_traces is not None and np.isfinite(each.agent_traces).all()
    }
    if not shown:
        raise ConfigurationError(
            "figure of agents: expected parts of agents in a limiting covariance, got none; use a"
            " step size with a limit theorem, record.predict = true, and where reads are stale"
            " samplers that are iid; models that walk have no such parts"
        )
    samplers = list(dict.fromkeys(s for name in shown for s in variants[name].samplers))
    columns = panel_columns(list(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(max(0.5, 0.38 * rows), extra=legend_lines(samplers) + 2 * rows)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in grid.ravel()[len(shown) :]:
        axes.set_axis_off()
    for axes, (name, traces) in zip(grid.ravel(), shown.items(), strict=False):
        agents = np.arange(len(traces))
        for k, sampler in enumerate(samplers):
            mine = np.array(variants[name].samplers) == sampler
            axes.bar(agents[mine], traces[mine], width=1.0, **_look(k))
        axes.set_title(f"{name}\nTr V = {traces.sum():.3g}")
        axes.set_xlim(-0.5, len(traces) - 0.5)
        axes.yaxis.set_major_formatter("{x:.3g}")
    for axes in grid.ravel()[max(0, len(shown) - columns) : len(shown)]:
        axes.set_xlabel("agent $i$")
    figure.supylabel(r"$\mathrm{Tr}\,V_i / N^2$", fontsize="medium")
    figure.legend(
        handles=[Patch(label=sampler, **_look(k)) for k, sampler in enumerate(samplers)],
        loc="outside lower left",
        ncols=legend_columns(samplers),
        title="sampler",
        alignment="left",
    )
    return figure


def _look(k: int) -> dict[str, Any]:
    hatch = _HATCHES[k % len(_HATCHES)]
    return {
        "facecolor": COLOURS[k % len(COLOURS)],
        "hatch": hatch,
        "edgecolor": "white",
        "linewidth": 0,
    }
