"""Folders of the user for caches and settings."""

import os
import stat
from pathlib import Path


def cache_root() -> Path | None:
    """Where programs of this user keep what can be made again; None without a home."""
    return _folder("XDG_CACHE_HOME", ".cache")


def settings_root() -> Path | None:
    """Where programs of this user have their settings; None without a home."""
    return _folder("XDG_CONFIG_HOME", ".config")


def is_private(folder: Path) -> bool:
    """Whether a folder exists, and no user but root can have put anything into it."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    others = stat.S_IWGRP | stat.S_IWOTH
    mine = found.st_uid in (0, os.geteuid())
    return stat.S_ISDIR(found.st_mode) and mine and not found.st_mode & others


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone.

    Raises
    ------
    OSError
        If that is not allowed.
    """
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        part.mkdir(mode=0o700, exist_ok=True)


def _folder(variable: str, below_home: str) -> Path | None:
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():  # others are to be ignored, by the XDG specification
        return named
    try:
        return Path.home() / below_home
    except RuntimeError:  # no HOME, and the user is not in the list of users
        return None
