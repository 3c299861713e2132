"""Callers: requests that come in batches, failed ones that come back, and clients in a closed loop."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from .distribution import Distribution, takes_time
from .fields import FieldError, Model, NotNegative, Origin, Positive, PositiveCount
from .units import Duration

_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_FINAGLE = 'Finagle: K. Oliver, "Retry Budgets", 2016, finagle.github.io/blog/2016/02/08/retry-budgets'


class Batch(Model):
    """Requests that come at one instant: a fixed `size`, a geometric number with a `mean`, or measured `sizes`.

    Rates and counts are of requests all the same: batches of 4 at 8 requests per second come twice a second. Where
    counts are `exact`, batches fill each bin, and its last batch is cut.
    """

    size: PositiveCount | None = None
    """Always this many."""
    mean: Annotated[Positive, Field(ge=1, le=1e9)] | None = None
    """Mean of a geometric number from 1 on."""
    sizes: Annotated[tuple[PositiveCount, ...], Field(min_length=1)] | None = None
    """Measured sizes."""
    weights: Annotated[tuple[NotNegative, ...], Field(min_length=1)] | None = None
    """How often each of the `sizes` comes, relative to the others. Default: all alike."""

    @model_validator(mode="after")
    def _one_law(self) -> Batch:
        given = [name for name in ("size", "mean", "sizes") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(f"`{name}`" for name in given) or "none"
            raise FieldError(
                f"a batch needs one of `size`, `mean` and `sizes`, got {found}",
                hint="for example `batch: 4`, `batch: {mean: 3}` or `batch: {sizes: [1, 10], weights: [3, 1]}`",
            )
        if self.weights is not None and (self.sizes is None or len(self.weights) != len(self.sizes)):
            raise FieldError(
                f"{len(self.weights)} `weights` but {len(self.sizes or ())} `sizes`",
                hint="give one weight per size",
                at=["weights"],
            )
        if self.weights is not None and not any(self.weights):
            raise FieldError("all `weights` are 0", hint="give some size a weight above 0", at=["weights"])
        return self

    def plan(self) -> dict[str, Any]:
        """Returns the batch as the plan writes it."""
        if self.size is not None:
            return {"law": "fixed", "size": self.size}
        if self.mean is not None:
            return {"law": "geometric", "mean": self.mean}
        sizes = self.sizes or ()
        weights = [1.0] * len(sizes) if self.weights is None else [float(weight) for weight in self.weights]
        return {"law": "measured", "sizes": list(sizes), "weights": weights}

    def describe(self) -> str:
        """Returns the batch in words."""
        if self.size is not None:
            return f"batches of {self.size}"
        if self.mean is not None:
            return f"geometric batches, mean {self.mean:g}"
        return f"batches of measured size, {min(self.sizes or (0,))} to {max(self.sizes or (0,))}"


def _batch(value: object) -> object:
    return {"size": value} if isinstance(value, int) and not isinstance(value, bool) else value


AnyBatch: TypeAlias = Annotated[Batch, BeforeValidator(_batch, json_schema_input_type=PositiveCount | Batch)]
"""A batch; a plain number is a fixed size."""


class Backoff(Model):
    """Delay before a retry: `initial * factor^(k - 1)` before the k-th, at most `maximum`, spread by `jitter`."""

    initial: Annotated[Duration, Origin("recalled", "default base interval of Envoy's retry back-off")] = Duration(
        25 * _MILLISECOND
    )
    """Delay before the first retry."""
    factor: Annotated[Positive, Field(ge=1), Origin("recalled", "exponential back-off doubles, as in Envoy")] = 2.0
    """Growth from one retry to the next, at least 1."""
    maximum: Annotated[Duration, Origin("recalled", "default of Envoy: ten times its base interval")] = Duration(
        250 * _MILLISECOND
    )
    """Longest delay."""
    jitter: Annotated[Literal["none", "full", "equal"], Origin("recalled", "Envoy spreads over the whole delay")] = (
        "full"
    )
    """`none`: exactly the delay; `full`: uniform from 0 to the delay; `equal`: uniform from half of it to all of it."""

    @model_validator(mode="after")
    def _ordered(self) -> Backoff:
        if self.initial > self.maximum:
            raise FieldError(
                f"`initial` ({self.initial}) is above `maximum` ({self.maximum})",
                hint="raise `maximum`: a delay never exceeds it",
            )
        return self


class RetryBudget(Model):
    """Limit on all retries together: a token bucket as in Finagle and Linkerd.

    Over the last `window`, retries are at most `ratio` per first attempt, plus `per_second` for each second of it. As
    there, the window moves on by a tenth of itself at a time: what happened more than nine tenths of it ago may have
    been forgotten already.
    """

    ratio: Annotated[NotNegative, Field(le=1000), Origin("documented", _FINAGLE)] = 0.2
    """Retries that each first attempt pays for."""
    per_second: Annotated[NotNegative, Field(le=1e9), Origin("documented", _FINAGLE)] = 10.0
    """Retries per second that are free: the floor for services with few requests."""
    window: Annotated[Duration, Origin("documented", _FINAGLE)] = Duration(10 * _SECOND)
    """How long deposits and withdrawals count."""

    @model_validator(mode="after")
    def _long_enough(self) -> RetryBudget:
        if self.window.nanos < 10:
            raise FieldError("`window` must be at least 10 ns", hint="10 s is usual", at=["window"])
        return self


class Retry(Model):
    """When and how often callers send a failed request again. An attempt has the work of its request."""

    attempts: Annotated[PositiveCount, Field(ge=2, le=100)]
    """Most attempts of a request, the first included: 2 to 100."""
    after: Annotated[
        tuple[Literal["rejected", "timed_out", "lost", "unanswered"], ...],
        Field(min_length=1),
        Origin("assumed", "every failure is worth another attempt"),
    ] = ("rejected", "timed_out", "lost", "unanswered")
    """Which failures are tried again. `unanswered`: synchronous calls of the request have failed."""
    backoff: Backoff = Backoff()
    """Delay before a retry."""
    budget: RetryBudget | None = None
    """Limit on all retries together. Default: none."""


def check_deadline(deadline: Duration | None) -> None:
    """Refuses a deadline that every request would miss.

    Args:
        deadline: The deadline, if there is one.

    Raises:
        FieldError: If it is zero.
    """
    if deadline is not None and deadline.base == 0:
        raise FieldError("no request can be served in no time", hint="for example `2s`", at=["deadline"])


class Clients(Model):
    """Clients in a closed loop: each thinks, sends a request, waits until it has ended, and thinks again.

    A request has ended when it is completed or given up, retries included.
    """

    count: Annotated[PositiveCount, Field(le=100_000_000)]
    """How many."""
    think: Distribution
    """Time from the end of a request to the next; at first, from the start of the workload."""
    duration: Duration | None = None
    """How long after the start of the workload they send requests. Default: until the end of the scenario."""

    @model_validator(mode="after")
    def _positive(self) -> Clients:
        if self.duration is not None and self.duration.base == 0:
            raise FieldError("`duration` must be longer than 0", at=["duration"])
        return self

    @property
    def pauses(self) -> bool:
        """Whether there is time between requests."""
        return takes_time(self.think)

    def describe(self) -> str:
        """Returns the clients in words."""
        return f"{self.count} clients that think {self.think.describe()}"
