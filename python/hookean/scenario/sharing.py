"""Equal parts of a scenario, once: many services are alike in most of what is said about them.

What is shared looks as before: models are frozen, and parts count as equal only when the same fields of theirs were
given, with values of the same types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.scenario.fields import Model
from hookean.scenario.units import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

FEW = 16
"""So many services have little in common that is worth looking for."""

_PLAIN = (str, int, bool, type(None))


def share_parts(models: Iterable[Model]) -> None:
    """Lets models have in common what is equal below them, and the lists of their fields that were given.

    Args:
        models: The models; they stay objects of their own.
    """
    shared = _Shared()
    for model in models:
        shared.key_of_parts(model)


class _Shared:
    def __init__(self) -> None:
        self._fields: dict[frozenset[str], set[str]] = {}
        self._parts: dict[tuple[Any, ...], Model] = {}
        self._known: set[int] = set()

    def key_of_parts(self, model: Model) -> tuple[Any, ...]:
        """Shares what is below a model; returns what tells it from others."""
        given = model.model_fields_set
        same = self._fields.setdefault(frozenset(given), given)
        object.__setattr__(model, "__pydantic_fields_set__", same)
        values = model.__dict__
        key: list[Any] = [type(model), id(same)]
        for name, value in values.items():
            if isinstance(value, Model):
                values[name] = self._part(value)
            elif type(value) is tuple and any(isinstance(each, Model) for each in value):
                values[name] = tuple(self._part(each) if isinstance(each, Model) else each for each in value)
            key.append(_key(values[name]))
        return tuple(key)

    def _part(self, model: Model) -> Model:
        """The part that stands for all that equal this one; it is kept, so that its identity tells it apart."""
        if id(model) in self._known:
            return model
        part = self._parts.setdefault(self.key_of_parts(model), model)
        self._known.add(id(part))
        return part


def _key(value: object) -> object:
    """Tells a value of a field apart from others; one of an unknown kind is equal to itself alone."""
    if isinstance(value, float):
        return float, repr(value)  # 0 has a sign
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, Quantity):
        return type(value), value.base
    if type(value) is tuple:
        return tuple(map(_key, value))
    return id(value)
