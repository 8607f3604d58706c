"""The documentation's own snippets, executed: python -m pytest docs README.md.

The blocks of a page run one after the other in a folder of its own. ``bash`` has to end with 0,
``python`` to run, all of a page in one namespace, and ``toml`` to load. A block of the last two
whose first line is a comment that names a file is that file, for the blocks after it. What takes a
cluster, minutes or the network is called ``console``, and ``text`` is what that prints. The lines
of an ``output`` have to be among those that the ``bash`` before it has printed.
"""

import os
import re
import shutil
import subprocess
import tempfile
import traceback
from pathlib import Path
from typing import Any

from sybil import Example, Sybil
from sybil.parsers.myst import CodeBlockParser

import udsgd_mpi

_SECONDS = 240
_NAMES_A_FILE = re.compile(r"# (\S+\.\w+)\n")


def _enter(namespace: dict[str, Any]) -> None:
    namespace["left"], namespace["folder"] = Path.cwd(), tempfile.mkdtemp()
    os.chdir(namespace["folder"])


def _leave(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["left"])
    shutil.rmtree(namespace["folder"])


def _file(example: Example) -> Path | None:
    """The file that a block is, written."""
    named = _NAMES_A_FILE.match(example.parsed)
    if named is None:
        return None
    path = Path(named[1])
    path.write_text(example.parsed, "utf-8")
    return path


def _bash(example: Example) -> str | None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example.parsed],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    example.namespace["printed"] = done.stdout.splitlines()
    return f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}" if done.returncode else None


def _output(example: Example) -> str | None:
    printed = example.namespace["printed"]
    lacking = [line for line in example.parsed.splitlines() if line not in printed]
    return "\n".join(["not printed:", *lacking, "but:", *printed]) if lacking else None


def _toml(example: Example) -> str | None:
    path = _file(example) or Path("block.toml")
    path.write_text(example.parsed, "utf-8")
    try:
        udsgd_mpi.load(path)
    except udsgd_mpi.ConfigurationError as error:
        return str(error)
    return None


def _python(example: Example) -> str | None:
    if _file(example):
        return None
    try:
        exec(compile(example.parsed, example.path, "exec"), example.namespace)
    except Exception:  # noqa: BLE001 - a snippet may raise anything
        return traceback.format_exc()
    return None


_LANGUAGES = {"bash": _bash, "output": _output, "toml": _toml, "python": _python}
pytest_collect_file = Sybil(
    [CodeBlockParser(language, evaluate) for language, evaluate in _LANGUAGES.items()],
    pattern="*.md",
    setup=_enter,
    teardown=_leave,
).pytest()
