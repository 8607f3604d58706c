"""What a reader of a page is given, or made to fetch."""

import re
from html.parser import HTMLParser

import numpy as np

_VOID = {"br", "img", "meta"}


class Page(HTMLParser):
    """A page as it is read aloud: tags, references, descriptions, headings, words.

    Attributes
    ----------
    fetched
        All that it refers to.
    described
        Alternative texts of images.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.described: list[str | None] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in _VOID:
            self._open.append(tag)
        known = dict(attrs)
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data")]
        self.ids += [v or "" for k, v in attrs if k == "id"]
        if tag == "img":
            self.described.append(known.get("alt"))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def check_stands_alone(text: str) -> Page:
    """Nothing to load or run, and all that is seen can be told: headings, captions, labels."""
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert all(each.startswith(("data:", "#")) for each in page.fetched)
    assert not re.search(r"@import|url\(", text)
    assert '<html lang="en">' in text
    assert all(page.described)
    assert len(set(page.ids)) == len(page.ids)
    assert {each[1:] for each in page.fetched if each.startswith("#")} <= set(page.ids)
    assert page.headings.count(1) == 1
    assert page.headings[0] == 1
    assert (np.diff(page.headings) <= 1).all()
    assert page.tags.count("caption") == page.tags.count("table")
    return page
