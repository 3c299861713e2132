"""Arrays inside scenarios: read-only float64 vectors that compare and hash by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from pydantic_core import core_schema

from hookean.scenario.fields import FieldError
from hookean.scenario.units import as_written

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


class Vector:
    """A non-empty, finite, non-negative, read-only vector of numbers.

    Args:
        values: Sequence or array, shape (n,), n >= 1.

    Raises:
        FieldError: The values are not such a vector; the message names the first offender.
    """

    __slots__ = ("__weakref__", "values")

    def __init__(self, values: object) -> None:
        try:
            array = np.array(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise _not_numbers(values) from None
        if array.ndim != 1 or array.size == 0 or _has_bools(values):
            raise _not_numbers(values)
        bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
        if bad.size:
            index = int(bad[0])
            raise FieldError(
                f"value {index} is `{array[index]:g}`, not a finite number of at least 0", hint=_HINT, at=[index]
            )
        array.flags.writeable = False
        self.values: NDArray[np.float64] = array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector) and bool(np.array_equal(self.values, other.values))

    def __hash__(self) -> int:
        return hash(self.values.tobytes())

    def __len__(self) -> int:
        return int(self.values.size)

    def __repr__(self) -> str:
        return f"Vector({len(self)} values)"

    @classmethod
    def of(cls, value: object) -> Vector:
        """Returns a vector of the values: one that is there already if it holds them, and a vector as it is."""
        if isinstance(value, str):
            raise _not_numbers(value)
        if isinstance(value, Vector):
            return value
        vector = cls(value)
        content = vector.values.tobytes()
        known = _KNOWN.setdefault((len(vector), hash(content)), vector)
        return known if known is vector or known.values.tobytes() == content else vector

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: type, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.of,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda vector: vector.values.tolist(), when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}


_KNOWN: WeakValueDictionary[tuple[int, int], Vector] = WeakValueDictionary()
"""Vectors by length and hash: services are often alike, and a day of minutes takes 11 KiB."""

_HINT = "a list of plain numbers, without quotes or units: `[20, 25.5, 30]`"


def _not_numbers(values: object) -> FieldError:
    """Says what is wrong with values that are no list of numbers, and which of them is to blame."""
    if not isinstance(values, (list, tuple)):
        return FieldError(f"expected a list of numbers, got {as_written(values)}", hint=_HINT)
    for index, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return FieldError(f"expected a number, got {as_written(value)}", hint=_HINT, at=[index])
    return FieldError("expected at least one number, got an empty list", hint=_HINT)


def _has_bools(values: Any) -> bool:
    # by type, not by value: a year of minutes has few types
    return isinstance(values, (list, tuple)) and any(issubclass(kind, (bool, str)) for kind in set(map(type, values)))
