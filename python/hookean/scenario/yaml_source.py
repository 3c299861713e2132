"""YAML as data with places, from its node graph: no dates, no tags, no duplicate keys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hookean.errors import ScenarioError

if TYPE_CHECKING:
    from .source import Path, Places

_PLAIN = "tag:yaml.org,2002:"
_NUMBERS = {f"{_PLAIN}int", f"{_PLAIN}float", f"{_PLAIN}bool", f"{_PLAIN}null"}
_TEXTS = {f"{_PLAIN}str", f"{_PLAIN}timestamp"}


def yaml_data(text: str, places: Places) -> Any:
    """Parses YAML 1.2 and fills in the places; dates stay text.

    Raises:
        ScenarioError: The text is no YAML, has a duplicate key, NaN, or a tag; the message says where.
    """
    try:
        node = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = f" line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise ScenarioError(f"not YAML: {error.problem or error.context}", where=f"`{places.file}`{spot}") from None
    except YAMLError as error:
        raise ScenarioError(f"not YAML: {error}", where=f"`{places.file}`") from None
    return None if node is None else _Reader(places).read(node, ())


class _Reader:
    def __init__(self, places: Places) -> None:
        self.places = places
        self.open: list[Node] = []

    def read(self, node: Node, path: Path) -> Any:
        self.places.lines.setdefault(path, _spot(node))
        if any(node is outer for outer in self.open):
            raise self._error(node, "an alias contains itself")
        self.open.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return [self.read(each, (*path, index)) for index, each in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self.open.pop()

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or str(key_node.tag) == f"{_PLAIN}merge":
                raise self._error(key_node, "a key must be a plain name", "merge keys (`<<`) are not supported")
            key = str(key_node.value)
            if key in data:
                raise self._error(key_node, f"`{key}` is given twice", "keep one of the two")
            self.places.lines[(*path, key)] = _spot(key_node)
            data[key] = self.read(value_node, (*path, key))
        return data

    def _scalar(self, node: Node) -> Any:
        tag = str(node.tag)
        if tag in _TEXTS:
            return str(node.value)
        if tag not in _NUMBERS:
            raise self._error(node, f"the tag `{tag}` has no meaning here")
        value = YAML(typ="safe", pure=True).constructor.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(node, f"`{node.value}` is not a finite number")
        return value

    def _error(self, node: Node, message: str, hint: str = "") -> ScenarioError:
        line, column = _spot(node)
        return ScenarioError(message, where=f"`{self.places.file}` line {line} column {column}", hint=hint)


def _spot(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
