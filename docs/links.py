"""Check the links of all Markdown in the repository: python docs/links.py [--external].

Links within the repository have to lead to a file, and to a heading where they name one. With
``--external``, other sites are asked whether their pages are there, which takes the network.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag

from markdown_it import MarkdownIt
from markdown_it.token import Token

_ROOT = Path(__file__).parent.parent
_OTHERS = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)  # schemes
_INCLUDE = "{include}"
_SECONDS = 20
# Pages that are there, but refuse what is no browser, or ask for an account.
_NOT_FOR_PROGRAMS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}


class Link(NamedTuple):
    """A link, and the page that it stands in."""

    page: Path
    target: str


def main() -> None:
    """Print links that lead nowhere; exit with 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--external", action="store_true", help="ask other sites, too")
    external = parser.parse_args().external
    links = [link for page in _pages() for link in _links(page)]
    inside = [link for link in links if not _OTHERS.match(link.target)]
    wrong = [f"{link.page}: {link.target}: {why}" for link in inside if (why := _lacks(link))]
    sites = sorted({urldefrag(each.target)[0] for each in links if _is_page(each.target)})
    if external:
        with ThreadPoolExecutor(8) as pool:
            wrong += filter(None, pool.map(_unreachable, sites))
    wrong.append(f"{len(inside)} links within, {len(sites)} sites, {len(wrong)} wrong")
    sys.stdout.write("\n".join(wrong) + "\n")
    sys.exit(len(wrong) > 1)


def _pages() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    return [Path(name) for name in listed.stdout.splitlines()]


def _links(page: Path) -> Iterator[Link]:
    for token in _tokens(page):
        for key in ("href", "src"):
            if target := token.attrGet(key):
                yield Link(page, str(target))


@cache
def _tokens(page: Path) -> list[Token]:
    """All tokens of a page, those within others too."""
    blocks = MarkdownIt("commonmark").enable("table").parse((_ROOT / page).read_text("utf-8"))
    return [token for block in blocks for token in (block, *(block.children or ()))]


def _lacks(link: Link) -> str | None:
    """Why a link within the repository leads nowhere; None where it does not."""
    name, _, heading = unquote(link.target).partition("#")
    place = (_ROOT / link.page).parent / name if name else _ROOT / link.page
    if not place.resolve().is_relative_to(_ROOT.resolve()) or not place.exists():
        return "no such file"
    if heading and place.suffix == ".md" and heading not in _headings(place.resolve()):
        return "no such heading"
    return None


@cache
def _headings(page: Path) -> set[str]:
    """Headings of a page as links have them, with those of pages that it includes."""
    tokens = _tokens(page.relative_to(_ROOT.resolve()))
    texts = [
        "".join(part.content for part in inner.children or ())
        for opening, inner in pairwise(tokens)
        if opening.type == "heading_open"
    ]
    found = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}
    for token in tokens:
        if token.type == "fence" and token.info.startswith(_INCLUDE):
            found |= _headings((page.parent / token.info.removeprefix(_INCLUDE).strip()).resolve())
    return found


def _is_page(target: str) -> bool:
    return target.startswith(("http://", "https://"))


def _unreachable(address: str) -> str | None:
    """Why a page of another site is not there; None where it is."""
    import requests

    try:
        agent = {"User-Agent": "Mozilla/5.0 (links of udsgd_mpi)"}
        with requests.get(address, headers=agent, timeout=_SECONDS, stream=True) as answer:
            there = answer.ok or answer.status_code in _NOT_FOR_PROGRAMS
            return None if there else f"{address}: {answer.status_code} {answer.reason}"
    except requests.RequestException as error:
        return f"{address}: {type(error).__name__}"


if __name__ == "__main__":
    main()
