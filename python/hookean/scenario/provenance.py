"""Values that know where they come from.

A plan is built as a tree whose leaves are `Known` (a parameter) or `Fixed` (structure: names, indices, kinds); a bare
leaf is refused, so that no parameter can enter a plan without provenance. Leaves are named tuples: a plan has some
hundred, and a frozen dataclass takes twice as long to make.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from hookean.scenario.fields import Origin, Status

if TYPE_CHECKING:
    from pydantic import BaseModel


class Known(NamedTuple):
    """A parameter.

    Attributes:
        value: What the plan holds: a number, text, `None`, or a small structure that is one parameter.
        shown: What is shown to people: a text, or something that is written as `text` when somebody asks.
        status: How well it is known.
        source: Where it comes from.
    """

    value: Any
    shown: object
    status: Status
    source: str

    @property
    def text(self) -> str:
        """The value as shown to people, with its unit."""
        return ("yes" if self.shown else "no") if isinstance(self.shown, bool) else str(self.shown)


class Fixed(NamedTuple):
    """A part of the plan's structure that is no parameter.

    Attributes:
        value: What the plan holds.
    """

    value: Any


def known(model: BaseModel, name: str, *, value: Any, text: str | None = None) -> Known:
    """Returns a field of a model as a parameter: set by the user, or its default with the origin of the default.

    Args:
        model: The model that holds the field.
        name: Name of the field.
        value: The field in base units, as the plan holds it.
        text: The value as shown to people; by default the field's own text.

    Raises:
        LookupError: The field has a default without an `Origin`: a mistake of ours.
    """
    shown = getattr(model, name) if text is None else text
    if name in model.model_fields_set:
        return Known(value, shown, "user", "scenario")
    origin = _origin(type(model), name)
    return Known(value, shown, origin.status, origin.source)


@cache
def _origin(model: type[BaseModel], name: str) -> Origin:
    for entry in model.model_fields[name].metadata:
        if isinstance(entry, Origin):
            return entry
    raise LookupError(f"default of {model.__name__}.{name} has no origin")
