"""What the theme and the gallery leave out for readers without a mouse or a screen."""

import re
from typing import Any

from sphinx.application import Sphinx

# What may be wider than a phone is scrolled by keys only where it can have the focus.
_SCROLLED = re.compile(r'<(pre|div class="(?:table-wrapper|math)\b[^"]*")(?=[ >])')
# The text of a thumbnail's link is hidden, so that it has no name.
_THUMBNAIL = re.compile(
    r'(<a class="reference internal" href="[^"]*")(><span class="doc">([^<]*)<)'
)


def _complete(_app: Sphinx, page: str, _template: str, context: dict[str, Any], _: object) -> None:
    if "body" in context:
        body = _SCROLLED.sub(r'<\1 tabindex="0"', context["body"])
        if page == "_gallery/index":
            body = _THUMBNAIL.sub(r'\1 aria-label="\3"\2', body)
        context["body"] = body
    for part in context.keys() & {"body", "furo_navigation_tree"}:  # captions of lists of pages
        context[part] = context[part].replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app: Sphinx) -> dict[str, bool]:
    """Go over pages once the theme has made them."""
    app.connect("html-page-context", _complete, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
