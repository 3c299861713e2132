"""YAML as data with places, from its node graph: no dates, no tags, no duplicate keys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

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
        where = places.at(mark.line + 1, mark.column + 1) if mark else places.named()
        problem = str(error.problem or error.context)
        raise ScenarioError(f"not YAML: {problem}", where=where, hint=_mending(problem)) from None
    except ReaderError as error:
        before = text[: error.position]
        where = places.at(before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = f"not YAML: the character U+{error.character:04X} is not allowed"
        raise ScenarioError(message, where=where, hint="is this a text file? remove the character") from None
    except YAMLError as error:
        raise ScenarioError(f"not YAML: {error}", where=places.named(), hint=_SYNTAX) from None
    return None if node is None else _Reader(places).read(node, ())


_SYNTAX = "close every bracket and quote, write `name: value`, and line up what belongs together"
_MENDING = {
    "'\\t'": "indent with spaces instead of tabs",
    "another document": "keep one scenario in a file, without `---` between",
    "undefined alias": "write out the value, or define the anchor before its use",
}


def _mending(problem: str) -> str:
    return next((hint for words, hint in _MENDING.items() if words in problem), _SYNTAX)


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
            if not isinstance(node, ScalarNode) and not str(node.tag).startswith((f"{_PLAIN}map", f"{_PLAIN}seq")):
                raise self._tagged(node)
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
            raise self._tagged(node)
        value = YAML(typ="safe", pure=True).constructor.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(node, f"`{node.value}` is not a finite number", "give a number")
        return value

    def _tagged(self, node: Node) -> ScenarioError:
        return self._error(node, f"the tag `{node.tag}` has no meaning here", "scenarios have no tags: leave it out")

    def _error(self, node: Node, message: str, hint: str = "") -> ScenarioError:
        return ScenarioError(message, where=self.places.at(*_spot(node)), hint=hint)


def _spot(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
