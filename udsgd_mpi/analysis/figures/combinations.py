"""Variants that combine values of three axes: how errors go with the last one, panel by panel."""

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from udsgd_mpi.analysis.claims.base import rows_between, scores
from udsgd_mpi.analysis.claims.ratio import ratio
from udsgd_mpi.analysis.claims.verdict import TAIL
from udsgd_mpi.analysis.figures.style import colour, new_figure
from udsgd_mpi.experiment.axes import JOINT
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.errors import ConfigurationError

_AXES = 3


def axes_of(names: Iterable[str]) -> list[list[str]] | None:
    """The values of three axes whose combinations are the variants; None where they are not."""
    parts = [tuple(name.split(JOINT)) for name in names]
    if not parts or {len(each) for each in parts} != {_AXES}:
        return None
    axes = [list(dict.fromkeys(values)) for values in zip(*parts, strict=True)]
    return axes if {*product(*axes)} == {*parts} and len(axes[-1]) > 1 else None


def combinations_figure(variants: Mapping[str, Measured]) -> Figure:
    """Errors at the last step over those with the last axis' first value; lines are predicted.

    A row of panels for each value of the first axis, a column for each of the second; intervals
    are of 95 %, paired over trials.

    Raises
    ------
    ConfigurationError
        If the variants are no combinations of three axes.
    """
    axes = axes_of(variants)
    if axes is None:
        raise ConfigurationError(
            "figure of combinations: expected variants of three axes, named as"
            f" FIRST{JOINT}SECOND{JOINT}LAST, got others; write them as [axis.AXIS.VALUE]"
        )
    first, second, last = axes
    figure = new_figure(max(0.6, 0.45 * len(first)))
    panels = figure.subplots(len(first), len(second), sharex=True, sharey="row", squeeze=False)
    for row, column in product(range(len(first)), range(len(second))):
        panel, of_panel = panels[row, column], (first[row], second[column])
        _draw(panel, [variants[JOINT.join((*of_panel, value))] for value in last])
        panel.set_title("\n".join(map(_words, of_panel)), fontsize="small")
        panel.set_xticks(range(len(last)), map(_words, last))
        panel.grid(axis="y", alpha=0.3)
    figure.suptitle(next(iter(variants.values())).title, fontsize="medium", x=0.02, ha="left")
    middle = panels[-1, len(second) // 2]
    middle.set_xlabel("value of the last axis")  # files do not hold its name
    figure.supylabel(f"error at the last step, over that of {_words(last[0])}", fontsize="medium")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2)
    return figure


def _words(value: str) -> str:
    return value.replace("_", " ")


def _draw(panel: Axes, variants: list[Measured]) -> None:
    errors = [scores(each, rows_between(each, None)) for each in variants]
    x = np.arange(len(errors))
    y = np.array([each.values.mean() for each in errors]) / errors[0].values.mean()
    reach = np.zeros((2, len(x)))
    if min(len(each.trials) for each in errors) > 1:
        low, high = zip(*[ratio(each, errors[0]).interval(TAIL) for each in errors], strict=True)
        reach = np.abs(np.array([low, high]) - y)
    measured = panel.errorbar(x, y, yerr=reach, fmt="o", color=colour(0), ms=4)
    measured.set_label("measured")
    if all(each.predicted_mse is not None for each in variants):
        known = np.array(
            [each.predicted_mse[-1] for each in variants if each.predicted_mse is not None]
        )
        panel.plot(x, known / known[0], color=colour(1), label="predicted")
    panel.set_ylim(bottom=0)
