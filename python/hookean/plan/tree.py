"""From a tree of `Known` and `Fixed` leaves to plain data and a list of parameters."""

from __future__ import annotations

from functools import cache
from typing import Any

from hookean.scenario.provenance import Fixed, Known

_UNIT_SUFFIXES = ("_ns", "_millicores", "_bytes", "_bytes_per_s", "_milli")
_OTHER_NAMES = {"nanousd_per_hour": "price", "keep_2_53": "keep"}
_LABELS = ("name", "stage", "label")


def split(tree: Any) -> tuple[Any, list[tuple[str, Known]]]:
    """Splits a tree into the document and its parameters, each with its path.

    A mapping may hold `label`, which names it in paths and is left out of the document.

    Raises:
        TypeError: A leaf is neither `Known` nor `Fixed`: a mistake of ours.
    """
    found: list[tuple[str, Known]] = []
    return _split(tree, "", found), found


def _split(node: Any, path: str, found: list[tuple[str, Known]]) -> Any:
    if type(node) is Known:
        found.append((path, node))
        return node.value
    if type(node) is Fixed:
        return node.value
    start = f"{path}." if path else ""
    if isinstance(node, dict):
        return {
            key: _split(value, f"{start}{_without_unit(key)}", found) for key, value in node.items() if key != "label"
        }
    if isinstance(node, list):
        return [_split(value, f"{start}{_label(value, index)}", found) for index, value in enumerate(node)]
    raise TypeError(f"`{path}` enters the plan without provenance")


def _label(value: Any, index: int) -> str:
    if isinstance(value, dict):
        for name in _LABELS:
            if isinstance(value.get(name), Fixed):
                return str(value[name].value)
    return str(index)


@cache
def _without_unit(key: str) -> str:
    if key in _OTHER_NAMES:
        return _OTHER_NAMES[key]
    for suffix in _UNIT_SUFFIXES:
        if key.endswith(suffix):
            return key.removesuffix(suffix)
    return key
