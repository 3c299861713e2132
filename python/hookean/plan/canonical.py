"""Plans as canonical JSON: sorted keys, no spaces, no NaN."""

from __future__ import annotations

import json
from operator import is_
from typing import TYPE_CHECKING, Any

from hookean.scenario.sharing import FEW

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode


def _encode(value: object) -> bytes:
    return _TEXT(value).encode()


def canonical(document: dict[str, Any]) -> bytes:
    """Returns a document as canonical JSON.

    Members of a group are equal but for a name or a number, and there may be very many of them: in long lists, what an
    entry has in common with the one before is not written anew.

    Args:
        document: Plain data, whose lists may hold the same objects again and again.

    Raises:
        ValueError: If a number is not finite.
    """
    long = {key for key, value in document.items() if isinstance(value, list) and len(value) > FEW}
    # All pieces are put together at once: they may be large.
    return b"".join(_pieces(document, long)) if long else _encode(document)


def _pieces(document: dict[str, Any], long: set[str]) -> Iterator[bytes]:
    between = b"{"
    for key, value in sorted(document.items()):
        yield b"%b%b:" % (between, _encode(key))
        if key in long:
            yield from _entries(value)
        else:
            yield _encode(value)
        between = b","
    yield b"}"


def _entries(entries: list[Any]) -> Iterator[bytes]:
    last = None
    own, before, after = None, b"", b""
    between = b"["
    for each in entries:
        key = _only_difference(each, last)
        last = each
        if key is None:
            own = None
            yield between + _encode(each)
        else:
            if key != own:
                own, (before, after) = key, around(each, key)
                before = b"," + before
            value = each[key]
            yield before
            yield b"%d" % value if type(value) is int else _encode(value)
            yield after
        between = b","
    yield b"]"


def _only_difference(one: Any, other: Any) -> str | None:
    """The key of a name or a whole number that is another object in two entries which otherwise hold the same ones."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return None
    keys = list(one)
    if keys != list(other):
        return None
    same = list(map(is_, one.values(), other.values()))
    if same.count(False) != 1:
        return None
    key = keys[same.index(False)]
    return key if type(one[key]) in {int, str} else None


def around(entry: dict[str, Any], own: str) -> tuple[bytes, bytes]:
    """Returns what stands before and after the value of a key in the canonical JSON of a mapping.

    Args:
        entry: The mapping; plain data.
        own: The key.

    Raises:
        ValueError: If a number is not finite.
    """
    before = [b"%b:%b" % (_encode(key), _encode(entry[key])) for key in sorted(entry) if key < own]
    after = [b"%b:%b" % (_encode(key), _encode(entry[key])) for key in sorted(entry) if key > own]
    return b"{%b" % b",".join([*before, b"%b:" % _encode(own)]), b"%b}" % b",".join([b"", *after])
