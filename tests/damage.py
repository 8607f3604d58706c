"""Damage as disks, copies and transfers do it, drawn with a seed."""

from collections.abc import Callable
from random import Random

_BITS_OF_A_BYTE = 8


def flipped(content: bytes, place: int, bit: int) -> bytes:
    """The content with one bit the other way round."""
    changed = content[place] ^ (1 << bit)
    return content[:place] + bytes([changed]) + content[place + 1 :]


def _bits(content: bytes, rng: Random) -> bytes:
    for _ in range(rng.choice((1, 1, 4, 16))):
        content = flipped(content, rng.randrange(len(content)), rng.randrange(_BITS_OF_A_BYTE))
    return content


def _cut(content: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _zeroed(content: bytes, rng: Random) -> bytes:
    first = rng.randrange(len(content))
    last = min(len(content), first + rng.choice((8, 64, 512, 4096)))
    return content[:first] + bytes(last - first) + content[last:]


def _swapped(content: bytes, rng: Random) -> bytes:
    size = min(len(content), rng.choice((8, 64, 512, 4096)))
    one, other = (rng.randrange(len(content) // size) * size for _ in range(2))
    blocks = bytearray(content)
    blocks[one : one + size], blocks[other : other + size] = (
        content[other : other + size],
        content[one : one + size],
    )
    return bytes(blocks)


KINDS: dict[str, Callable[[bytes, Random], bytes]] = {
    "bits": _bits,
    "cut": _cut,
    "zeroed": _zeroed,
    "swapped": _swapped,
}


def damaged(content: bytes, seed: int) -> tuple[str, bytes]:
    """One of many damages of a file, and its kind."""
    kind = list(KINDS)[seed % len(KINDS)]
    return kind, KINDS[kind](content, Random(seed))  # noqa: S311 - no secret is drawn


def endless(results: bytes) -> bytes:
    """An HDF5 file whose last string claims to reach beyond its heap, on which HDF5 2.0 loops."""
    first = results.index(b"GCOL")
    end = first + int.from_bytes(results[first + 8 : first + 16], "little")
    last = place = first + 16
    while place < end and int.from_bytes(results[place : place + 2], "little"):
        last = place
        size = int.from_bytes(results[place + 8 : place + 16], "little")
        place += 16 + -(-size // 8) * 8
    return flipped(results, last + 9, 0)
