"""Distributions of durations: of the work of a request, and of the stages of a start-up.

A plain duration stands for a constant. Every distribution has one canonical form in the plan.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.fields import FieldError, Model, NotNegative, Positive, PositiveCount, Shape
from hookean.scenario.gamma_function import gamma
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
        given = _given(self, "mean", "cv", "median", "sigma")
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


class Gamma(Model):
    """Gamma, given by its mean and either its coefficient of variation or its shape."""

    distribution: Literal["gamma"] = "gamma"
    mean: Duration
    """Mean."""
    cv: Annotated[Positive, Field(ge=0.001, le=10)] | None = None
    """Coefficient of variation: standard deviation / mean, from 0.001 to 10."""
    shape: Shape | None = None
    """Shape, from 0.01 to 1,000,000: 1 / cv^2. 1 is the exponential, whole numbers are Erlang's."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Gamma:
        given = _given(self, "cv", "shape")
        if len(given) != 1:
            raise FieldError(
                f"a gamma needs either `cv` or `shape` beside its mean, got {_listed(given)}",
                hint="for example `{distribution: gamma, mean: 40ms, cv: 1.5}`",
            )
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it: shape = 1 / cv^2."""
        shape = self.shape if self.cv is None else float(1 / Decimal(repr(self.cv)) ** 2)
        return {"distribution": "gamma", "mean_ns": self.mean.nanos, "shape": shape}

    def describe(self) -> str:
        """Returns the distribution in words."""
        spread = f"shape {self.shape:g}" if self.cv is None else f"cv {self.cv:g}"
        return f"gamma, mean {self.mean}, {spread}"


class Weibull(Model):
    """Weibull, given by its shape and either its mean or its scale."""

    distribution: Literal["weibull"] = "weibull"
    mean: Duration | None = None
    """Mean: scale x gamma(1 + 1/shape)."""
    scale: Duration | None = None
    """Scale: 63.2 % of the draws are shorter."""
    shape: Shape
    """Shape, from 0.01 to 1,000,000: below 1 heavier than an exponential, above 1 lighter."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Weibull:
        given = _given(self, "mean", "scale")
        if len(given) != 1:
            raise FieldError(
                f"a Weibull needs either `mean` or `scale` beside its shape, got {_listed(given)}",
                hint="for example `{distribution: weibull, mean: 40ms, shape: 0.7}`",
            )
        if self.plan()["mean_ns"] >= Duration.LIMIT:
            raise FieldError(
                f"with `scale` {self.scale} and `shape` {self.shape:g} the mean is longer than a duration can be",
                hint="small shapes have means far above their scale: give `mean`, or a larger shape",
            )
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it, by its mean."""
        if self.mean is not None:
            mean = self.mean.nanos
        else:
            scale = self.scale.nanos if self.scale else 0
            mean = nanos(scale * gamma(1 + 1 / Decimal(repr(self.shape))))
        return {"distribution": "weibull", "mean_ns": mean, "shape": self.shape}

    def describe(self) -> str:
        """Returns the distribution in words."""
        size = f"scale {self.scale}" if self.mean is None else f"mean {self.mean}"
        return f"Weibull, {size}, shape {self.shape:g}"


class Pareto(Model):
    """Pareto between two bounds: the density falls as x^-(shape + 1), for heavy tails that end somewhere."""

    distribution: Literal["pareto"] = "pareto"
    low: Duration
    """Least duration, above 0."""
    high: Duration
    """Greatest duration."""
    shape: Shape
    """Shape (alpha), from 0.01 to 1,000,000: the smaller, the heavier the tail."""

    @model_validator(mode="after")
    def _ordered(self) -> Pareto:
        if self.low.nanos == 0:
            raise FieldError(
                "a Pareto begins above 0, got `0s`", hint="give the least duration that occurs", at=("low",)
            )
        if self.low > self.high:
            raise FieldError(f"`low` ({self.low}) is above `high` ({self.high})", hint="exchange the two")
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it."""
        return {
            "distribution": "pareto",
            "low_ns": self.low.nanos,
            "high_ns": self.high.nanos,
            "shape": self.shape,
        }

    def describe(self) -> str:
        """Returns the distribution in words."""
        return f"Pareto {self.low} to {self.high}, shape {self.shape:g}"


class Empirical(Model):
    """One of a list of durations, as measured."""

    distribution: Literal["empirical"] = "empirical"
    values: Annotated[tuple[Duration, ...], Field(min_length=1)]
    """Durations."""
    weights: Annotated[tuple[NotNegative, ...], Field(min_length=1)] | None = None
    """Weight of each duration relative to their sum, such as how often it was seen; all alike if left out."""

    @model_validator(mode="after")
    def _matched(self) -> Empirical:
        if self.weights is None:
            return self
        if len(self.values) != len(self.weights):
            raise FieldError(
                f"{len(self.values)} `values` but {len(self.weights)} `weights`",
                hint="give one weight per value, or none at all",
            )
        if not 0 < sum(self.weights) < float("inf"):
            raise FieldError(
                f"`weights` add up to {sum(self.weights):g}", hint="at least one value needs a weight above 0"
            )
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the distribution as the plan writes it, every value with its weight."""
        weights = list(self.weights or (1.0,) * len(self.values))
        return {"distribution": "empirical", "values_ns": [value.nanos for value in self.values], "weights": weights}

    def describe(self) -> str:
        """Returns the distribution in words."""
        return f"empirical, {len(self.values)} values from {min(self.values)} to {max(self.values)}"


def takes_time(distribution: Distribution) -> bool:
    """Tells whether any value of a distribution is above 0."""
    lengths = [value for name, value in distribution.plan().items() if name.endswith("_ns")]
    return any(any(value) if isinstance(value, list) else value > 0 for value in lengths)


def _given(model: Model, *names: str) -> list[str]:
    return [name for name in names if getattr(model, name) is not None]


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none of them"


def _plain_is_constant(value: object) -> object:
    if isinstance(value, (str, Duration, timedelta, int, float)):
        return Constant(value=Duration.parse(value))
    return value


_AnyDistribution: TypeAlias = Annotated[
    Constant | Uniform | Exponential | Lognormal | Erlang | Hyperexponential | Gamma | Weibull | Pareto | Empirical,
    Field(discriminator="distribution"),
]
Distribution: TypeAlias = Annotated[
    _AnyDistribution, BeforeValidator(_plain_is_constant, json_schema_input_type=str | _AnyDistribution)
]
"""A distribution of durations; a plain duration is a constant."""
