"""Exact times from text: decimal seconds and ISO 8601 instants to integer nanoseconds, column by column.

No value passes through a float: 2^53 ns are 104 days, so float seconds would lose nanoseconds of a long trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hookean.traces.series import NS_PER_S

if TYPE_CHECKING:
    import numpy.typing as npt

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)$"
_EXPONENTIAL = r"^(?P<sign>[+-]?)(?P<whole>\d*)(?:\.(?P<part>\d*))?[eE](?P<exponent>[+-]?\d{1,4})$"
_INSTANT = (
    r"^(?P<date>\d{4}-\d{2}-\d{2})(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?\s*(?P<zone>Z|z|UTC|[+-]\d{2}:?\d{2})?)?$"
)
_LONGEST_S = 9_223_372_035
"""Seconds that still fit signed 64-bit nanoseconds with a fraction: 292 years."""

_PAD = 40
"""Digits an exponent may shift a number by; beyond it the value is 0 or too large for nanoseconds."""


@dataclass(frozen=True, kw_only=True)
class Nanos:
    """A column of text as nanoseconds.

    Attributes:
        values: int64, shape (rows,); 0 where `bad`.
        bad: bool, shape (rows,), true where the text is not a value or does not fit.
        rounded: How many values had more than nine decimals and were rounded to the nearest nanosecond, half up.
    """

    values: npt.NDArray[np.int64]
    bad: npt.NDArray[np.bool_]
    rounded: int = 0


def parse_seconds(text: pl.Series) -> Nanos:
    """Converts decimal seconds (`12`, `0.000000001`, `1.5e-3`) to nanoseconds, exact up to nine decimals."""
    plain = _without_exponents(text)
    sides = plain.str.splitn(".", 2).struct.unnest()
    whole = sides["field_0"].str.strip_chars_start("+-")
    part = sides["field_1"].fill_null("")
    seconds = _integer(whole)
    tenths = _integer(part.str.pad_end(10, "0").str.slice(0, 10))
    good = (plain.str.contains(_PLAIN) & (seconds >= 0) & (seconds <= _LONGEST_S)).fill_null(value=False)
    nanos = seconds * NS_PER_S + (tenths + 5) // 10
    negative = sides["field_0"].str.starts_with("-")
    signed = pl.select(pl.when(good & negative).then(-nanos).when(good).then(nanos).otherwise(0)).to_series()
    rounded = good & (part.str.strip_chars_end("0").str.len_bytes() > 9)
    return Nanos(values=signed.to_numpy(), bad=~good.to_numpy(), rounded=int(rounded.sum()))


def parse_instants(text: pl.Series) -> Nanos:
    """Converts `YYYY-MM-DD[ T]HH:MM[:SS[.fraction]][zone]` to nanoseconds since 1970 UTC; no zone means UTC."""
    fields = text.str.extract_groups(_INSTANT).struct.unnest()
    days = fields["date"].str.to_date("%Y-%m-%d", strict=False).to_physical().cast(pl.Int64)
    hour, minute, second = (_integer(fields[name].fill_null("0")) for name in ("hour", "minute", "second"))
    part = _integer(fields["part"].fill_null("").str.pad_end(9, "0"))
    good = (days.is_not_null() & (hour < 24) & (minute < 60) & (second < 60)).fill_null(value=False)
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - _zone_seconds(fields["zone"])
    good = good & (seconds.abs() <= _LONGEST_S).fill_null(value=False)
    nanos = (seconds * NS_PER_S + part).fill_null(0).to_numpy()
    fits = good.to_numpy()
    return Nanos(values=np.where(fits, nanos, 0), bad=~fits)


def looks_like_number(text: str) -> bool:
    """Returns whether one field is a decimal number, so that its column is seconds and not instants."""
    return bool(_without_exponents(pl.Series([text])).str.contains(_PLAIN)[0])


def _integer(text: pl.Series) -> pl.Series:
    """Digits as Int64; the empty text is 0, and what does not fit is -1."""
    filled = pl.select(pl.when(text == "").then(pl.lit("0")).otherwise(text)).to_series()
    return filled.cast(pl.Int64, strict=False).fill_null(-1)


def _zone_seconds(zone: pl.Series) -> pl.Series:
    clock = zone.str.extract_groups(r"^(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})$").struct.unnest()
    size = _integer(clock["hours"].fill_null("0")) * 3_600 + _integer(clock["minutes"].fill_null("0")) * 60
    return pl.select(pl.when(clock["sign"] == "-").then(-size).otherwise(size)).to_series()


def _without_exponents(text: pl.Series) -> pl.Series:
    """Rewrites numbers with an exponent as plain decimals, by moving the point over a padded text."""
    places = text.str.contains("[eE]").fill_null(value=False).arg_true()
    if places.len() == 0:
        return text
    whole, part = pl.col("whole").fill_null(""), pl.col("part").fill_null("")
    digits = pl.concat_str([whole, part])
    padded = pl.concat_str([pl.lit("0" * _PAD), digits, pl.lit("0" * _PAD)])
    point = (_PAD + whole.str.len_bytes().cast(pl.Int64) + pl.col("exponent").cast(pl.Int64)).clip(0, 3 * _PAD)
    moved = pl.concat_str(
        [pl.col("sign"), padded.str.slice(0, point).str.strip_chars_start("0"), pl.lit("."), padded.str.slice(point)]
    )
    fields = text.gather(places).str.extract_groups(_EXPONENTIAL).struct.unnest()
    zero, number = digits.str.contains("^0+$"), (digits != "") & pl.col("exponent").is_not_null()
    plain = fields.select(pl.when(number & zero).then(pl.lit("0")).when(number).then(moved).otherwise(pl.lit("")))
    return text.clone().scatter(places, plain.to_series())
