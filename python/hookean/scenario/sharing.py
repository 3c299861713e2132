"""Equal parts of a scenario, once: many services are alike in most of what is said about them.

What is shared looks as before: models are frozen, and parts count as equal only when the same fields of theirs were
given, with values of the same types.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hookean.scenario.fields import Model
from hookean.scenario.units import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidatorFunctionWrapHandler

FEW = 16
"""So many services have little in common that is worth looking for."""

_PLAIN = (str, int, bool, type(None))


_AT_ONCE = 64
"""Models that are there with parts of their own before equal ones are sought: the rest of many is never in memory."""


def shared_as_they_come(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Validates models, and when they are many, lets them have in common what is equal below them.

    Args:
        value: A mapping or a list of what becomes models.
        validate: Validates one like it.
    """
    if not isinstance(value, (dict, list, tuple)) or len(value) <= FEW:
        return validate(value)
    try:
        return _mapping(value, validate) if isinstance(value, dict) else _sequence(value, validate)
    except ValidationError:
        return validate(value)  # tells all that is wrong, and where


def _mapping(value: dict[Any, Any], validate: ValidatorFunctionWrapHandler) -> dict[Any, Model]:
    shared, entries = _Shared(), iter(value.items())
    found: dict[Any, Model] = {}
    while part := validate(dict(islice(entries, _AT_ONCE))):
        shared.share(part.values())
        found |= part
    return found


def _sequence(value: list[Any] | tuple[Any, ...], validate: ValidatorFunctionWrapHandler) -> tuple[Model, ...]:
    shared, entries = _Shared(), iter(value)
    found: list[Model] = []
    while part := validate(tuple(islice(entries, _AT_ONCE))):
        shared.share(part)
        found += part
    return tuple(found)


class _Shared:
    """Lets models have in common what is equal below them, and the lists of their fields that were given."""

    def __init__(self) -> None:
        self._fields: dict[frozenset[str], set[str]] = {}
        self._parts: dict[tuple[Any, ...], Model] = {}
        self._known: set[int] = set()

    def share(self, models: Iterable[Model]) -> None:
        """Shares what is below models; they stay objects of their own."""
        for model in models:
            self.key_of_parts(model)

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
