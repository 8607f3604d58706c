"""What the annotations of settings say: structs, families of them, words and names of files."""

import types
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from udsgd_mpi.support.file_names import NamesFile, mark_of


def fields_of(struct: type[Struct]) -> dict[str, Any]:
    """Fields of a struct by their names in files; each has a ``type`` and a ``default``."""
    return {info.encode_name: info for info in msgspec.structs.fields(struct)}


def structs_in(kind: Any) -> list[type[Struct]]:
    """The structs that a value may be."""
    return [m for m in members_of(kind) if isinstance(m, type) and issubclass(m, Struct)]


def family_in(kind: Any) -> dict[str, type[Struct]]:
    """The members of a family by their ``kind``; none where structs have no kinds."""
    return {
        str(info.tag): struct
        for struct in structs_in(kind)
        if (info := struct.__struct_config__).tag is not None
    }


def words_in(kind: Any) -> list[str]:
    """The words that a value may be."""
    return [word for m in members_of(kind) if get_origin(m) is Literal for word in get_args(m)]


def file_in(kind: Any) -> NamesFile | None:
    """What a text may name; None where it names no file."""
    return next((names for m in (kind, *members_of(kind)) if (names := mark_of(m))), None)


def members_of(kind: Any) -> tuple[Any, ...]:
    """The members of a union, or a type alone."""
    kind = plain(kind)
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def plain(kind: Any) -> Any:
    """A type without what it is annotated with."""
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
