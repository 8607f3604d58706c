"""A page that stands alone: no scripts, nothing to load, light and dark, for any width."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from html import escape, unescape
from typing import TYPE_CHECKING

from udsgd_mpi.analysis.image import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOOK = """
:root { color-scheme: light dark; --ink: #1a1a1a; --faint: #333; --paper: #fff; --line: #bbb;
  --box: #f4f4f4; --link: #0b4fa0; --good: #00543c; --bad: #96240a; --open: #5a4500; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --faint: #c8c8c8; --paper: #16181b;
  --line: #555; --box: #24272b; --link: #8ec1ff; --good: #6fd6ae; --bad: #ff9d80;
  --open: #e8c85a; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; white-space: nowrap; }
td.words { white-space: normal; min-width: 16rem; }
.scroll { overflow-x: auto; }
.holds { color: var(--good); } .fails, .trouble { color: var(--bad); }
.undecided { color: var(--open); }
figure { margin: 1.5rem 0; }
img { width: 100%; max-width: 44rem; height: auto; background: #fff; border-radius: .4rem; }
figcaption, .about { color: var(--faint); }
pre { overflow-x: auto; background: var(--box); padding: .7rem; }
""".strip()

_MOST_BYTES = 140_000  # of a figure
_DOTS_AN_INCH = 130
_LONGEST_LINE = 60  # characters of a cell that is not broken


def document(title: str, body: Iterable[str], mark: str = "") -> str:
    """A whole page.

    Parameters
    ----------
    body
        Lines of HTML, with a heading of the first order.
    mark
        An element of the head that says who wrote it.
    """
    lines = "\n".join(body)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{mark}
<title>{escape(title)}</title>
<style>
{_LOOK}
</style>
</head>
<body>
<main>
{lines}
</main>
</body>
</html>
"""


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of HTML under a caption and heads of text, which scroll where they are too wide."""
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "\n".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )


def _cell(content: str) -> str:
    seen = unescape(re.sub("<[^>]*>", "", content))
    words = ' class="words"' if len(seen) > _LONGEST_LINE else ""
    return f"<td{words}>{content}</td>"


def figure(draw: Callable[[], "Figure"], about: str, caption: str) -> str:
    """A figure in the page itself, told in words to those who do not see it.

    It is drawn in lines, or in dots where these are many, and in coarser ones where it is large:
    pages are to stay small.

    Parameters
    ----------
    about
        What it shows, and where its numbers are.

    Raises
    ------
    OutputError
        If it can't be drawn.
    """
    kind, image = "svg+xml", drawn(draw, "svg", caption, "page", metadata={"Date": None})
    dots = float(_DOTS_AN_INCH)
    while len(image) > _MOST_BYTES:
        kind, image = "png", drawn(draw, "png", caption, "page", dpi=dots)
        dots *= min(0.9, (_MOST_BYTES / len(image)) ** 0.5)
    return (
        f'<figure><img src="data:image/{kind};base64,{b64encode(image).decode()}"'
        f' alt="{escape(about)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def text(lines: str, label: str) -> str:
    """Lines as they are, which scroll where they are too long."""
    return f'<pre tabindex="0" aria-label="{escape(label)}" role="group">{escape(lines)}</pre>'
