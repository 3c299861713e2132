"""From a tree of `Known` and `Fixed` leaves to plain data and a list of provenance."""

from __future__ import annotations

from functools import cache
from typing import Any

from hookean.scenario.provenance import Fixed, Known

from .plan import Provenance

_UNIT_SUFFIXES = ("_ns", "_millicores", "_bytes", "_bytes_per_s", "_milli")
_OTHER_NAMES = {"nanousd_per_hour": "price", "keep_2_53": "keep"}
_LABELS = ("name", "stage", "label")


def split(tree: Any) -> tuple[Any, list[Provenance]]:
    """Splits a tree into the document and the provenance of its parameters.

    A mapping may hold `label`, which names it in paths and is left out of the document.

    Raises:
        TypeError: A leaf is neither `Known` nor `Fixed`: a mistake of ours.
    """
    found: list[Provenance] = []
    return _split(tree, "", found), found


def _split(node: Any, path: str, found: list[Provenance]) -> Any:
    if isinstance(node, dict):
        return {
            key: _split(value, _joined(path, _without_unit(key)), found)
            for key, value in node.items()
            if key != "label"
        }
    if isinstance(node, list):
        return [_split(value, _joined(path, _label(value, index)), found) for index, value in enumerate(node)]
    if isinstance(node, Known):
        found.append(Provenance(path=path, value=node.text, status=node.status, source=node.source))
        return node.value
    if isinstance(node, Fixed):
        return node.value
    raise TypeError(f"`{path}` enters the plan without provenance")


def _joined(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


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
