"""From a tree of `Known` and `Fixed` leaves to plain data and the parameters.

Services are alike in most of what is said about them, so equal parts of a tree can be kept as one object (`Pool`), and
the parameters with their paths are written out only when somebody asks for them.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from hookean.scenario.provenance import Fixed, Known
from hookean.scenario.units import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNIT_SUFFIXES = ("_ns", "_millicores", "_bytes", "_bytes_per_s", "_milli")
_OTHER_NAMES = {"nanousd_per_hour": "price", "keep_2_53": "keep"}
_LABELS = ("name", "stage", "label")


class Branch(NamedTuple):
    """A mapping of a tree whose equal parts are kept once.

    Attributes:
        keys: Its keys.
        parts: What is below each.
    """

    keys: tuple[str, ...]
    parts: tuple[Any, ...]

    def items(self) -> Iterator[tuple[str, Any]]:
        """Keys with what is below them."""
        return zip(self.keys, self.parts, strict=True)

    def get(self, key: str) -> Any:
        """Returns what is below a key; `None` if there is none."""
        return self.parts[self.keys.index(key)] if key in self.keys else None


class Pool:
    """Parts of trees, equal ones once.

    Args:
        of_many: Whether there are many trees. Of few, equal parts are not looked for: that costs more than it saves.
    """

    def __init__(self, *, of_many: bool = True) -> None:
        self._of_many = of_many
        self._leaves: dict[Any, Known | Fixed] = {}
        self._keys: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._branches: dict[bytes, Branch | list[Any]] = {}
        self._texts: dict[str, str] = {}

    def shared(self, node: Any) -> Any:
        """Returns a tree like the given one, with mappings as branches, whose equal parts are one object.

        Args:
            node: A tree; parts that come from this pool stay as they are.
        """
        kind = type(node)
        if kind is Known:
            return self._leaves.setdefault((_key(node.value), _key(node.shown), node.status, node.source), node)
        if kind is Fixed:
            return self._leaves.setdefault(_key(node.value), node)
        if kind is dict:
            branch = self._branch(node, [self.shared(part) for part in node.values()])
            return self._branches.setdefault(_identity(branch.keys, *branch.parts), branch)
        if kind is list:
            parts = [self.shared(part) for part in node]
            return self._branches.setdefault(_identity(*parts), parts)
        return node

    def sharing(self, node: dict[str, Any]) -> Branch | dict[str, Any]:
        """Returns a mapping whose parts are shared, when there is no other like it as a whole.

        Args:
            node: The mapping; its names and indices are not looked for among others.
        """
        if not self._of_many:
            return node
        return self._branch(node, [part if _is_own(part) else self.shared(part) for part in node.values()])

    def _branch(self, node: dict[str, Any], parts: list[Any]) -> Branch:
        keys = tuple(node)
        return Branch(self._keys.setdefault(keys, keys), tuple(parts))

    def text(self, text: str) -> str:
        """Returns an equal text, always the same one.

        Args:
            text: The text.
        """
        return self._texts.setdefault(text, text)


def _is_own(part: Any) -> bool:
    """Whether a part is a name or an index, which no other tree has."""
    return type(part) is Fixed and part.value is not None


def _identity(*parts: object) -> bytes:
    """Which objects these are, in few bytes; the pool keeps them."""
    return array("Q", map(id, parts)).tobytes()


def _key(value: Any) -> Any:
    """Tells values apart that are written differently, such as 1, 1.0 and true."""
    kind = type(value)
    if kind is str:
        return value
    return (kind, value) if kind is int or issubclass(kind, Quantity) else (kind, repr(value))


class Parameters(Collection[tuple[str, Known]]):
    """The parameters of a plan with their paths, in the order of the document; made when they are looked at.

    Args:
        tree: The plan.
    """

    def __init__(self, tree: Any) -> None:
        self._tree = tree

    def with_leaf(self, **leaf: Known) -> Parameters:
        """Returns the parameters of the same plan with another leaf at its top.

        Args:
            leaf: The leaf by its name.
        """
        return Parameters({**self._tree, **leaf})

    def __iter__(self) -> Iterator[tuple[str, Known]]:
        return ((path, leaf) for path, leaf in _leaves(self._tree, "") if type(leaf) is Known)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, wanted: object) -> bool:
        return any(each == wanted for each in self)


def split(tree: Any) -> tuple[Any, Parameters]:
    """Splits a tree into the document and its parameters, each with its path.

    A mapping may hold `label`, which names it in paths and is left out of the document. What parts of the tree
    have in common, those of the document have in common, too.

    Raises:
        TypeError: A leaf is neither `Known` nor `Fixed`: a mistake of ours.
    """
    try:
        return _document(tree, {}), Parameters(tree)
    except _BareLeafError as error:
        path = next(path for path, leaf in _leaves(tree, "") if type(leaf) not in {Known, Fixed})
        raise TypeError(f"`{path}` enters the plan without provenance") from error


class _BareLeafError(Exception):
    """There is a leaf that does not say where it comes from."""


def _document(node: Any, known: dict[int, Any]) -> Any:
    kind = type(node)
    if kind is Known or kind is Fixed:
        return node.value
    if kind is dict:
        return _mapping(node, known)
    if kind is list:
        return [_document(value, known) for value in node]
    if kind is Branch:
        if id(node) not in known:
            known[id(node)] = _mapping(node, known)
        return known[id(node)]
    raise _BareLeafError


def _mapping(node: dict[str, Any] | Branch, known: dict[int, Any]) -> dict[str, Any]:
    return {key: _document(value, known) for key, value in node.items() if key != "label"}


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every leaf with its path."""
    start = f"{path}." if path else ""
    if isinstance(node, (dict, Branch)):
        for key, value in node.items():
            if key != "label":
                yield from _leaves(value, f"{start}{_without_unit(key)}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{start}{_label(value, index)}")
    else:
        yield path, node


def _label(value: Any, index: int) -> str:
    if isinstance(value, (dict, Branch)):
        for name in _LABELS:
            leaf = value.get(name)
            if isinstance(leaf, Fixed):
                return str(leaf.value)
    return str(index)


@cache
def _without_unit(key: str) -> str:
    if key in _OTHER_NAMES:
        return _OTHER_NAMES[key]
    for suffix in _UNIT_SUFFIXES:
        if key.endswith(suffix):
            return key.removesuffix(suffix)
    return key
