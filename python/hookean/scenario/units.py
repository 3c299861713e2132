"""Quantities: a number with its unit, held as an exact integer of one base unit.

In files a quantity is text (`250ms`, `500m`, `2Gi`, `0.09 USD/h`); in Python the same text, a value of these classes,
or a `datetime.timedelta` for durations. A bare number is refused except for CPU, which Kubernetes counts in cores.
Conversions use decimal arithmetic only, and what is finer than the base unit is refused instead of rounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

_TERM = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s+.,-][^\d+,-]*)?")
NANOS_PER_SECOND = 1_000_000_000


class UnitError(ValueError):
    """A quantity that cannot be read.

    Args:
        message: What is wrong, without the place.
        hint: Which units are allowed.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def as_written(value: object) -> str:
    """Names a value of the wrong kind as files write it: nothing, `true`, the text `7`, `0.6`, a list, a section."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f"the text `{value}`"
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    return f"`{value}`"


def decimal_text(value: Decimal) -> str:
    """Writes a decimal without exponent and without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _terms(text: str) -> list[tuple[Decimal, str]]:
    """Splits `1h30m` into its numbers and units."""
    terms = []
    position = 0
    stripped = text.strip()
    while position < len(stripped):
        match = _TERM.match(stripped, position)
        if match is None:
            return []
        try:
            terms.append((Decimal(match[1]), (match[2] or "").strip()))
        except InvalidOperation:  # pragma: no cover - the pattern admits decimals only
            return []
        position = match.end()
    return terms


@dataclass(frozen=True, order=True)
class Quantity:
    """A non-negative quantity in integer base units.

    Attributes:
        base: The value in base units.
    """

    base: int

    WHAT: ClassVar[str] = "quantity"
    UNITS: ClassVar[dict[str, Decimal]] = {}
    EXAMPLE: ClassVar[str] = ""
    FINEST: ClassVar[str] = ""
    LIMIT: ClassVar[int] = 2**63
    BARE: ClassVar[Decimal | None] = None
    COMPOUND: ClassVar[bool] = False
    SHOWN: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if isinstance(self.base, bool) or not isinstance(self.base, int):
            raise UnitError(f"a {self.WHAT} holds a whole number of {self.FINEST}, got `{self.base!r}`")
        if self.base < 0:
            raise UnitError(f"a {self.WHAT} must not be negative, got `{self}`")

    @classmethod
    def units_hint(cls) -> str:
        """Lists the units a quantity of this class may have."""
        bare = " or a bare number" if cls.BARE is not None else ""
        return f"write a {cls.WHAT} as in {cls.EXAMPLE}; units are {', '.join(f'`{unit}`' for unit in cls.UNITS)}{bare}"

    @classmethod
    def parse(cls, value: object) -> Self:
        """Reads a quantity.

        Args:
            value: Text with a unit, a value of this class, or (where the class allows it) a bare number.

        Raises:
            UnitError: The unit is missing, unknown or of another dimension, or the value is negative or too fine.
        """
        if isinstance(value, str):
            return cls._from_text(value)
        if isinstance(value, cls):
            return value
        if isinstance(value, Quantity):
            raise UnitError(f"expected a {cls.WHAT}, got the {value.WHAT} `{value}`", hint=cls.units_hint())
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            return cls._from_number(value)
        raise UnitError(f"expected a {cls.WHAT}, got {as_written(value)}", hint=cls.units_hint())

    @classmethod
    @lru_cache(4096, typed=True)
    def _from_number(cls, value: float | Decimal) -> Self:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not number.is_finite():
            raise UnitError(f"a {cls.WHAT} must be a finite number, got `{value}`", hint=cls.units_hint())
        if cls.BARE is None:
            raise UnitError(f"a {cls.WHAT} needs a unit, got the bare number `{value}`", hint=cls.units_hint())
        return cls._exact(number * cls.BARE, str(value))

    @classmethod
    @lru_cache(4096)
    def _from_text(cls, text: str) -> Self:
        terms = _terms(text)
        if not terms or (len(terms) > 1 and not cls.COMPOUND):
            raise UnitError(f"`{text}` is not a {cls.WHAT}", hint=cls.units_hint())
        total = Decimal(0)
        for number, unit in terms:
            if unit in cls.UNITS:
                total += number * cls.UNITS[unit]
            elif not unit and cls.BARE is not None and len(terms) == 1:
                total += number * cls.BARE
            elif not unit:
                raise UnitError(f"a {cls.WHAT} needs a unit, got the bare number `{text}`", hint=cls.units_hint())
            else:
                raise UnitError(f"`{unit}` in `{text}` is not a unit of a {cls.WHAT}", hint=cls.units_hint())
        return cls._exact(total, text)

    @classmethod
    def _exact(cls, value: Decimal, shown: str) -> Self:
        if value < 0:
            raise UnitError(f"a {cls.WHAT} must not be negative, got `{shown}`", hint="give 0 or more")
        whole = value.to_integral_value()
        if whole != value:
            nearest = f", for example to `{cls(int(whole))}`" if whole > 0 else ""
            raise UnitError(f"`{shown}` is finer than {cls.FINEST}", hint=f"round it to whole {cls.FINEST}{nearest}")
        if whole >= cls.LIMIT:
            most = cls(cls.LIMIT - 1)
            raise UnitError(f"`{shown}` is too large for a {cls.WHAT}", hint=f"the largest is {most}")
        return cls(int(whole))

    def __str__(self) -> str:
        return self._shown(self.base)

    @classmethod
    @lru_cache(4096)
    def _shown(cls, base: int) -> str:
        if base == 0:
            return cls._written(Decimal(0), cls.SHOWN[0])
        exact = [(Decimal(base) / cls.UNITS[unit], unit) for unit in cls.SHOWN]
        texts = [cls._written(value, unit) for value, unit in exact if value * cls.UNITS[unit] == base]
        return min(texts, key=lambda text: (text.startswith("0."), len(text)))

    @staticmethod
    def _written(value: Decimal, unit: str) -> str:
        singular = unit[:-1] if unit == "cores" and value == 1 else unit
        return f"{decimal_text(value)}{'' if unit.startswith('/') else ' '}{singular}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: type, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        kinds: dict[str, Any] = {"type": "string" if cls.BARE is None else ["string", "number"]}
        return kinds | {"title": cls.WHAT, "examples": re.findall("`([^`]*)`", cls.EXAMPLE)}


class Duration(Quantity):
    """A length of time in nanoseconds."""

    WHAT = "duration"
    UNITS: ClassVar[dict[str, Decimal]] = {
        "ns": Decimal(1),
        "us": Decimal(1000),
        "µs": Decimal(1000),
        "ms": Decimal(1_000_000),
        "s": Decimal(NANOS_PER_SECOND),
        "min": Decimal(60 * NANOS_PER_SECOND),
        "m": Decimal(60 * NANOS_PER_SECOND),
        "h": Decimal(3600 * NANOS_PER_SECOND),
        "d": Decimal(86_400 * NANOS_PER_SECOND),
    }
    EXAMPLE = "`15s`, `250ms` or `1h30m`"
    FINEST = "nanoseconds"
    COMPOUND = True
    SHOWN = ("s", "ms", "us", "ns", "min", "h", "d")

    @property
    def nanos(self) -> int:
        """The duration in nanoseconds."""
        return self.base

    @property
    def seconds(self) -> Decimal:
        """The duration in seconds, exactly."""
        return Decimal(self.base) / NANOS_PER_SECOND

    @classmethod
    def parse(cls, value: object) -> Self:
        """Reads a duration from text, a `timedelta` or a `Duration`; see `Quantity.parse`."""
        if isinstance(value, timedelta):
            micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
            return cls._exact(Decimal(micros) * 1000, str(value))
        return super().parse(value)


class Cpu(Quantity):
    """CPU in millicores; a bare number counts cores, as in Kubernetes."""

    WHAT = "CPU quantity"
    UNITS: ClassVar[dict[str, Decimal]] = {"m": Decimal(1), "cores": Decimal(1000), "core": Decimal(1000)}
    EXAMPLE = "`2`, `0.5` or `500m`"
    FINEST = "millicores"
    BARE = Decimal(1000)
    SHOWN = ("cores",)

    @property
    def millicores(self) -> int:
        """The CPU in millicores."""
        return self.base


class Memory(Quantity):
    """Memory or data size in bytes."""

    WHAT = "memory size"
    UNITS: ClassVar[dict[str, Decimal]] = {
        "B": Decimal(1),
        **{f"{prefix}{tail}": Decimal(1024) ** (n + 1) for n, prefix in enumerate("KMGT") for tail in ("i", "iB")},
        **{f"{prefix}{tail}": Decimal(1000) ** (n + 1) for n, prefix in enumerate("kMGT") for tail in ("", "B")},
    }
    EXAMPLE = "`512Mi`, `2Gi` or `600MB`"
    FINEST = "bytes"
    SHOWN = ("B", "GiB", "MiB", "KiB", "TiB", "GB", "MB", "kB")

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        return self.base


class Price(Quantity):
    """A price per hour in nano-USD."""

    WHAT = "price"
    UNITS: ClassVar[dict[str, Decimal]] = {"USD/h": Decimal(10**9)}
    EXAMPLE = "`0.09 USD/h`"
    FINEST = "nano-USD per hour"
    SHOWN = ("USD/h",)

    @property
    def nanousd_per_hour(self) -> int:
        """The price in nano-USD per hour."""
        return self.base


class Rate(Quantity):
    """A rate of requests, in requests per 10^9 days so that every allowed unit is exact."""

    WHAT = "rate"
    UNITS: ClassVar[dict[str, Decimal]] = {
        "/s": Decimal(86_400 * 10**9),
        "/min": Decimal(1440 * 10**9),
        "/h": Decimal(24 * 10**9),
        "/d": Decimal(10**9),
    }
    EXAMPLE = "`8/s` or `480/min`"
    FINEST = "requests per 10^9 days"
    LIMIT = 2**93
    SHOWN = ("/s", "/min", "/h", "/d")

    def expected(self, duration: Duration) -> float:
        """Expected requests in a duration, correctly rounded."""
        return self.base * duration.nanos / (86_400 * 10**18)


class Bandwidth(Quantity):
    """A data rate in bytes per second."""

    WHAT = "data rate"
    UNITS: ClassVar[dict[str, Decimal]] = {f"{unit}/s": factor for unit, factor in Memory.UNITS.items() if "B" in unit}
    EXAMPLE = "`125MB/s`"
    FINEST = "bytes per second"
    SHOWN = ("MB/s", "kB/s", "B/s")

    @property
    def bytes_per_s(self) -> int:
        """The rate in bytes per second."""
        return self.base
