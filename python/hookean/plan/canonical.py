"""Plans as canonical JSON: sorted keys, no spaces, no NaN."""

from __future__ import annotations

import json
from operator import is_
from typing import TYPE_CHECKING, Any

from hookean.scenario.sharing import FEW

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode


def canonical(document: dict[str, Any]) -> str:
    """Returns a document as canonical JSON.

    Members of a group are equal but for a name or a number, and there may be very many of them: in long lists, what an
    entry has in common with the one before is not written anew.

    Args:
        document: Plain data, whose lists may hold the same objects again and again.

    Raises:
        ValueError: If a number is not finite.
    """
    long = {key for key, value in document.items() if isinstance(value, list) and len(value) > FEW}
    if not long:
        return _ENCODE(document)
    texts = (
        f"{_ENCODE(key)}:" + (f"[{','.join(_entries(value))}]" if key in long else _ENCODE(value))
        for key, value in sorted(document.items())
    )
    return f"{{{','.join(texts)}}}"


def _entries(entries: list[Any]) -> Iterator[str]:
    last = None
    own, pattern = None, ("", "")
    for each in entries:
        key = _only_difference(each, last)
        last = each
        if key is None:
            own = None
            yield _ENCODE(each)
            continue
        if key != own:
            own, pattern = key, around(each, key)
        value = each[key]
        yield f"{pattern[0]}{value if type(value) is int else _ENCODE(value)}{pattern[1]}"


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


def around(entry: dict[str, Any], own: str) -> tuple[str, str]:
    """Returns what stands before and after the value of a key in the canonical JSON of a mapping.

    Args:
        entry: The mapping; plain data.
        own: The key.

    Raises:
        ValueError: If a number is not finite.
    """
    before = [f"{_ENCODE(key)}:{_ENCODE(entry[key])}" for key in sorted(entry) if key < own]
    after = [f"{_ENCODE(key)}:{_ENCODE(entry[key])}" for key in sorted(entry) if key > own]
    return f"{{{','.join([*before, f'{_ENCODE(own)}:'])}", f"{','.join(['', *after])}}}"
