"""From raw settings to an Experiment, with errors that name the key and the remedy."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
import numpy as np
from msgspec import Struct

from udsgd_mpi.experiment.annotations import (
    family_in,
    fields_of,
    file_in,
    plain,
    structs_in,
    words_in,
)
from udsgd_mpi.experiment.installed import by_class, installed
from udsgd_mpi.experiment.schema import Experiment, Group
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.file_names import (
    NamesFile,
    Renaming,
    as_given,
    in_folders,
    may_be_file,
)
from udsgd_mpi.support.one_line import require_name, require_one_line, shown

S = TypeVar("S", bound=Struct)

_LONGEST_NAME = 100


def check(raw: Mapping[str, Any]) -> Experiment:
    """Convert settings, expanding ``sampler = "srw"`` to ``sampler = {kind = "srw"}``.

    Raises
    ------
    ConfigurationError
        For an unknown key or kind (with the nearest known one), a wrong type, or a number
        out of range.
    """
    expanded = dict(by_class(expand(raw), Experiment))
    groups = expanded.get("groups")
    if isinstance(groups, Mapping):  # one by one, since msgspec does not name a mapping's key
        for name, group in groups.items():
            _convert(group, Group, f"groups.{name}")
    return _convert(with_default_kinds(expanded, Experiment), Experiment, "")


def one_of(family: Any, raw: Any, path: str, over: Mapping[str, Any] | None = None) -> Any:
    """Convert the settings of a member of a family, such as ``"srw"`` for ``AnySampler``.

    Parameters
    ----------
    path
        The key that messages name.
    over
        Settings that are laid over it.

    Raises
    ------
    ConfigurationError
        As ``check``.
    """
    expanded = _expand(raw, family, path, in_folders(Path()))
    if over:
        expanded = _expand(merge(expanded, over), family, path, in_folders(Path()))
    try:
        return msgspec.convert(by_class(expanded, family), family)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_explain(str(error), expanded, path)) from error


def expand(raw: Mapping[str, Any], rename: Renaming = as_given) -> dict[str, Any]:
    """Settings with every ``kind`` written out, every key known, and every file renamed."""
    return dict(_expand(raw, Experiment, "", rename))


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """Settings that stand for an experiment, all written out.

    Raises
    ------
    TypeError
        If it was made in Python of values that no file can have.
    """
    settings: dict[str, Any] = without_none(msgspec.to_builtins(experiment, enc_hook=_as_in_file))
    return settings


def completed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that a result file holds, with defaults for those added since.

    Settings that this version refuses stay as they are, so that they compare as different.
    """
    try:
        return settings_of(check(settings))
    except ConfigurationError:
        return dict(settings)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Expanded settings with others laid over them.

    Another ``kind``, or another class of the user's own, replaces the whole table; a table that
    names none is of any.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and _is_of(value, below):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def _is_of(over: Mapping[str, Any], base: Mapping[str, Any]) -> bool:
    """Whether settings may change some of a table rather than replace it."""
    named = {"kind", "path"} if over.get("kind") == "custom" else {"kind"}
    return all(over[key] == base[key] for key in named & over.keys() & base.keys())


def _expand(raw: Any, kind: Any, path: str, rename: Renaming) -> Any:
    if isinstance(raw, str) and kind is not Any:  # arguments of a user's class are the user's
        require_one_line(raw, path)
    if isinstance(raw, str) and (names := file_in(kind)):
        return rename(raw, names, path)
    if tags := family_in(kind):
        return _expand_tagged(raw, tags, path, rename)
    if (choices := structs_in(kind)) and isinstance(raw, Mapping):
        return _expand_struct(raw, choices[0], path, rename)
    if words := words_in(kind):
        _check_word(raw, kind, words, path)
    if get_origin(plain(kind)) is list and isinstance(raw, list):
        item_type = get_args(plain(kind))[0]
        return [_expand(item, item_type, f"{path}[{k}]", rename) for k, item in enumerate(raw)]
    if get_origin(plain(kind)) is dict and isinstance(raw, Mapping):
        value_type = get_args(plain(kind))[1]
        for key in raw:
            require_name(key, f"a name in {path}", _LONGEST_NAME)
        return {
            key: _expand(value, value_type, _join(path, key), rename) for key, value in raw.items()
        }
    return raw


def _check_word(raw: Any, kind: Any, words: list[str], path: str) -> None:
    alone = get_origin(plain(kind)) is Literal
    if raw not in words and (alone or isinstance(raw, str)):
        other = "" if alone else ", or a value other than text"
        raise ConfigurationError(
            f"{path}: expected one of {', '.join(map(repr, words))}{other}, got {raw!r}"
        )


def _expand_tagged(raw: Any, tags: dict[str, type[Struct]], path: str, rename: Renaming) -> Any:
    if isinstance(raw, str):
        found = rename(raw, NamesFile(frozenset(tags)), path) if "file" in tags else raw
        is_file = "file" in tags and raw not in tags and may_be_file(found)
        raw = {"kind": "file", "path": raw} if is_file else {"kind": raw}
    if not isinstance(raw, Mapping):
        raise ConfigurationError(f"{path}: expected a name or a table, got {raw!r}")
    if "kind" not in raw:  # an overlay that changes parameters alone
        known = {key: info for each in tags.values() for key, info in fields_of(each).items()}
        return {
            key: _expand(value, known[key].type, _join(path, key), rename)
            if key in known
            else value
            for key, value in raw.items()
        }
    if not isinstance(raw["kind"], str):
        raise ConfigurationError(f"{path}.kind: expected a name, got {shown(raw['kind'])}")
    if raw["kind"] not in tags:
        of_packages = installed(tags)
        if raw["kind"] in of_packages:  # kept by this name, under which other settings join it
            return dict(raw)
        raise ConfigurationError(
            f"{path}: unknown {path.rpartition('.')[2]} {raw['kind']!r}:"
            f" {nearest(raw['kind'], {*tags, *of_packages})}"
        )
    parameters = {key: value for key, value in raw.items() if key != "kind"}
    return {"kind": raw["kind"], **_expand_struct(parameters, tags[raw["kind"]], path, rename)}


def _expand_struct(
    raw: Mapping[str, Any], struct: type[Struct], path: str, rename: Renaming
) -> dict[str, Any]:
    fields = fields_of(struct)
    if hasattr(struct, "in_place"):
        raw = struct.in_place(raw)
    for key in raw:
        if key not in fields:
            raise ConfigurationError(f"unknown key {_join(path, key)!r}: {nearest(key, fields)}")
    return {  # None says that what is laid over others has no such part
        key: None if value is None else _expand(value, fields[key].type, _join(path, key), rename)
        for key, value in raw.items()
    }


def with_default_kinds(raw: dict[str, Any], struct: type[Struct]) -> dict[str, Any]:
    """Settings in which a table without a ``kind`` has that of the default."""
    filled = dict(raw)
    for name, info in fields_of(struct).items():
        value = raw.get(name)
        if not isinstance(value, dict):
            continue
        tag = info.default.__struct_config__.tag if isinstance(info.default, Struct) else None
        if tag is not None:
            value = {"kind": tag, **value}
        structs = structs_in(info.type)
        below = (
            structs[0] if len(structs) == 1 else family_in(info.type).get(str(value.get("kind")))
        )
        filled[name] = with_default_kinds(value, below) if below else value
    return filled


def _convert(raw: Any, struct: type[S], path: str) -> S:
    try:
        return msgspec.convert(raw, struct)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_explain(str(error), raw, path)) from error


def _as_in_file(value: object) -> Any:
    """Of NumPy's numbers and of paths, what a file would have."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"got {value!r} of type {type(value).__name__}")


def without_none(value: Any) -> Any:
    """Settings without those that are None, which no file can have."""
    if isinstance(value, dict):
        return {key: without_none(v) for key, v in value.items() if v is not None}
    return value


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _explain(message: str, raw: Any, prefix: str) -> str:
    """Msgspec's message with the key in front and the value at the end."""
    text, _, where = message.partition(" - at ")
    path = re.sub(r"^`\$\.?|`$", "", where)
    value = raw
    for key in re.findall(r"[^.\[\]]+", path):
        value = value[int(key)] if isinstance(value, list) else value[key]
    text = re.sub(r", got `\w+`$", "", text).replace("`", "")
    text = text.replace("Expected", "expected").replace("Object missing", "missing")
    got = "" if isinstance(value, Mapping) else f", got {shown(value)}"
    return f"{_join(prefix, path) if path else prefix or 'experiment'}: {text}{got}"
