"""Distributions of durations: of the work of a request, and of the stages of a start-up.

A plain duration stands for a constant. Every distribution has one canonical form in the plan.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.fields import FieldError, Model, Positive, PositiveCount
from hookean.scenario.units import Duration


def nanos(value: Decimal) -> int:
    """Rounds nanoseconds half to even."""
    return int(value.to_integral_value())


class Constant(Model):
    """Always the same duration."""

    distribution: Literal["constant"] = "constant"
    value: Duration
    """The duration."""

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it."""
        return {"distribution": "constant", "value_ns": self.value.nanos}

    def describe(self) -> str:
        """Returns the distribution in words."""
        return f"{self.value}"


class Uniform(Model):
    """Equally likely between two bounds."""

    distribution: Literal["uniform"] = "uniform"
    low: Duration
    """Least duration."""
    high: Duration
    """Greatest duration."""

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low > self.high:
            raise FieldError(f"`low` ({self.low}) is above `high` ({self.high})", hint="exchange the two")
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it."""
        return {"distribution": "uniform", "low_ns": self.low.nanos, "high_ns": self.high.nanos}

    def describe(self) -> str:
        """Returns the distribution in words."""
        return f"uniform {self.low} to {self.high}"


class Exponential(Model):
    """Exponential."""

    distribution: Literal["exponential"] = "exponential"
    mean: Duration
    """Mean."""

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it."""
        return {"distribution": "exponential", "mean_ns": self.mean.nanos}

    def describe(self) -> str:
        """Returns the distribution in words."""
        return f"exponential, mean {self.mean}"


class Lognormal(Model):
    """Lognormal, given by mean and coefficient of variation, or by median and sigma of the logarithm."""

    distribution: Literal["lognormal"] = "lognormal"
    mean: Duration | None = None
    """Mean; needs `cv`."""
    cv: Positive | None = None
    """Coefficient of variation: standard deviation / mean."""
    median: Duration | None = None
    """Median; needs `sigma`."""
    sigma: Positive | None = None
    """Standard deviation of the natural logarithm."""

    @model_validator(mode="after")
    def _one_pair(self) -> Lognormal:
        given = [name for name in ("mean", "cv", "median", "sigma") if getattr(self, name) is not None]
        if given not in (["mean", "cv"], ["median", "sigma"]):
            raise FieldError(
                f"a lognormal needs `mean` and `cv`, or `median` and `sigma`, got {_listed(given)}",
                hint="for example `{distribution: lognormal, mean: 40ms, cv: 1.0}`",
            )
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it: median = mean / sqrt(1 + cv^2), sigma^2 = ln(1 + cv^2)."""
        if self.mean is not None and self.cv is not None:
            spread = 1 + Decimal(repr(self.cv)) ** 2
            median, sigma = nanos(Decimal(self.mean.nanos) / spread.sqrt()), float(spread.ln().sqrt())
        else:
            median, sigma = self.median.nanos if self.median else 0, self.sigma or 0.0
        return {"distribution": "lognormal", "median_ns": median, "sigma": sigma}

    def describe(self) -> str:
        """Returns the distribution in words."""
        if self.mean is not None:
            return f"lognormal, mean {self.mean}, cv {self.cv:g}"
        return f"lognormal, median {self.median}, sigma {self.sigma:g}"


class Erlang(Model):
    """Sum of equal exponential stages."""

    distribution: Literal["erlang"] = "erlang"
    mean: Duration
    """Mean of the sum."""
    stages: PositiveCount
    """Number of stages; the coefficient of variation is 1 / sqrt(stages)."""

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it."""
        return {"distribution": "erlang", "mean_ns": self.mean.nanos, "stages": self.stages}

    def describe(self) -> str:
        """Returns the distribution in words."""
        return f"Erlang, mean {self.mean}, {self.stages} stages"


class Hyperexponential(Model):
    """A mixture of exponentials, for work that varies more than an exponential."""

    distribution: Literal["hyperexponential"] = "hyperexponential"
    means: Annotated[tuple[Duration, ...], Field(min_length=1)]
    """Mean of each branch."""
    weights: Annotated[tuple[Positive, ...], Field(min_length=1)]
    """Probability of each branch; they add up to 1."""

    @model_validator(mode="after")
    def _matched(self) -> Hyperexponential:
        if len(self.means) != len(self.weights):
            raise FieldError(
                f"{len(self.means)} `means` but {len(self.weights)} `weights`", hint="give one weight per mean"
            )
        total = sum((Decimal(repr(weight)) for weight in self.weights), Decimal(0))
        if abs(total - 1) > Decimal("1e-9"):
            raise FieldError(f"`weights` add up to {total}, not 1", hint="divide each weight by their sum")
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it."""
        means = [mean.nanos for mean in self.means]
        return {"distribution": "hyperexponential", "means_ns": means, "weights": list(self.weights)}

    def describe(self) -> str:
        """Returns the distribution in words."""
        branches = ", ".join(f"{weight:g} of {mean}" for mean, weight in zip(self.means, self.weights, strict=True))
        return f"hyperexponential, {branches}"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none of them"


def _plain_is_constant(value: object) -> object:
    if isinstance(value, (str, Duration, timedelta, int, float)):
        return Constant(value=Duration.parse(value))
    return value


_AnyDistribution: TypeAlias = Annotated[
    Constant | Uniform | Exponential | Lognormal | Erlang | Hyperexponential, Field(discriminator="distribution")
]
Distribution: TypeAlias = Annotated[
    _AnyDistribution, BeforeValidator(_plain_is_constant, json_schema_input_type=str | _AnyDistribution)
]
"""A distribution of durations; a plain duration is a constant."""
