"""Building blocks of the scenario models: the base class, plain field types, and the origin of a default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)
from pydantic._internal._model_construction import ModelMetaclass

from hookean.scenario.units import as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Status: TypeAlias = Literal["user", "measured", "documented", "fitted", "recalled", "assumed"]
"""Where a value comes from; `recalled` and `assumed` values are knobs, never findings."""


@dataclass(frozen=True)
class Origin:
    """Where the default of a field comes from, as `Annotated` metadata.

    Attributes:
        status: How well the default is known.
        source: Where it was read, or why it was chosen.
    """

    status: Status
    source: str


class FieldError(ValueError):
    """A rule of ours that a value breaks.

    Args:
        message: What is wrong, without the place.
        hint: How to mend it.
        at: Path below the model that raised it, when one field is to blame.
    """

    def __init__(self, message: str, *, hint: str = "", at: Iterable[str | int] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = tuple(at)


class FieldsError(ValueError):
    """Several problems found at once.

    Args:
        problems: The problems, in the order of the scenario.
    """

    def __init__(self, problems: Iterable[FieldError]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))


class _ErrorsInWords(ModelMetaclass):
    """Turns pydantic's validation errors into scenario errors when a model is built in Python."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 (the method of a metaclass)
        try:
            return super().__call__(*args, **kwargs)
        except ValidationError as error:
            _raise_scenario_error(cls, error, kwargs)


def _raise_scenario_error(model: type, error: ValidationError, data: dict[str, Any]) -> NoReturn:
    from hookean.scenario.problems import scenario_error  # noqa: PLC0415 (problems reads the models)

    raise scenario_error(model, error, data) from None


class Model(BaseModel, metaclass=_ErrorsInWords):
    """Base of all scenario models: frozen, without unknown fields, without NaN."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
        validate_default=False,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FieldError(f"expected a number, got {as_written(value)}", hint="a plain number, without quotes or unit")
    return value


_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or len(value) > 63:
        raise FieldError(
            f"`{value}` is not a name",
            hint="names have 1 to 63 letters, digits, `-`, `_` or `.`, and begin and end with a letter or digit",
        )
    return value


Count: TypeAlias = Annotated[StrictInt, Field(ge=0, le=2**31 - 1)]
PositiveCount: TypeAlias = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Flag: TypeAlias = StrictBool
NotNegative: TypeAlias = Annotated[float, Field(ge=0), BeforeValidator(_number)]
Positive: TypeAlias = Annotated[float, Field(gt=0), BeforeValidator(_number)]
ZipfExponent: TypeAlias = Annotated[float, Field(ge=0, le=20), BeforeValidator(_number)]
Shape: TypeAlias = Annotated[float, Field(ge=0.01, le=1e6), BeforeValidator(_number)]
Percent: TypeAlias = Annotated[float, Field(gt=0, le=100), BeforeValidator(_number)]
LessThanOne: TypeAlias = Annotated[float, Field(ge=0, lt=1), BeforeValidator(_number)]
WorkFactor: TypeAlias = Annotated[float, Field(gt=0, le=1e6), BeforeValidator(_number)]
Share: TypeAlias = Annotated[float, Field(gt=0, le=1), BeforeValidator(_number)]
Name: TypeAlias = Annotated[str, AfterValidator(_name)]


def either(*words: str) -> Callable[[object], object]:
    """Gives a validator that lets the words through and explains what else was allowed."""

    def check(value: object) -> object:
        if value not in words:
            raise FieldError(f"`{value}` is not allowed", hint="allowed: " + ", ".join(f"`{word}`" for word in words))
        return value

    return check
