"""How figures look: on a screen, in a page, and in a paper's column."""

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import wrap
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's palette, which colour-blind readers can tell apart; line styles and marks tell
# variants apart too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
MARKS = "osD^vP*X<>hp"
_MOST_LINES = 3

_COMMON: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "udsgd_mpi",
    "text.usetex": False,  # letters such as θ and ₙ are no TeX
}
STYLES: dict[str, dict[Any, Any]] = {
    "screen": {**_COMMON, "font.size": 11, "figure.figsize": (7, 4.6), "savefig.dpi": 150},
    # Narrow, so that it can be read on a telephone, too.
    "page": {**_COMMON, "font.size": 10, "figure.figsize": (5, 3.6), "savefig.dpi": 130},
    "paper": {
        **_COMMON,
        "font.size": 8,
        "font.family": "STIXGeneral",
        "mathtext.fontset": "stix",
        "axes.linewidth": 0.6,
        "lines.linewidth": 1.0,
        "lines.markersize": 3.5,
        "figure.figsize": (3.25, 2.6),
        "savefig.dpi": 600,
    },
}


@contextmanager
def style(name: str) -> Iterator[None]:
    """Draw and save figures in a style of ``STYLES``."""
    with mpl.rc_context(STYLES[name]):
        yield


def new_figure(height: float = 1.0, extra: float = 0.0) -> Figure:
    """A figure of the style's width.

    Parameters
    ----------
    height
        Multiple of the style's height.
    extra
        Lines of text that it must hold beside.
    """
    wide, high = mpl.rcParams["figure.figsize"]
    line = 1.6 * mpl.rcParams["font.size"] / 72
    figure = Figure(figsize=(wide, height * high + extra * line), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def headline(axes: Axes, text: str) -> None:
    """A title in as many lines as the figure's width needs and its height allows."""
    wide = mpl.rcParams["figure.figsize"][0] * 72 / mpl.rcParams["font.size"]
    lines = wrap(text, int((wide - 5) / 0.5), max_lines=_MOST_LINES, placeholder=" …")
    axes.set_title("\n".join(lines))


def colour(k: int) -> str:
    """Colour of variant k."""
    return COLOURS[k % len(COLOURS)]


def line(k: int) -> str:
    """Line style of variant k; with its colour, 28 variants look different."""
    return LINES[k % len(LINES)]


def legend_columns(names: list[str]) -> int:
    """Columns of a legend below the axes that the longest name leaves room for."""
    wide = mpl.rcParams["figure.figsize"][0] * 72 / mpl.rcParams["font.size"]
    return max(1, min(len(names), int(wide / (max(map(len, names)) * 0.55 + 4.5))))


def panel_columns(titles: list[str]) -> int:
    """Columns of panels that the longest title leaves room for, three at most."""
    wide = mpl.rcParams["figure.figsize"][0] * 72 / mpl.rcParams["font.size"]
    return max(1, min(len(titles), 3, int(wide / (max(map(len, titles)) * 0.5 + 3))))


def legend_lines(names: list[str]) -> int:
    """Lines that a legend below the axes takes, its title among them."""
    return -(-len(names) // legend_columns(names)) + 1
