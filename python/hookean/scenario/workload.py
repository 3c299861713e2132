"""Workloads: what arrives at a service, and when. Exactly one source each, and clients in a closed loop beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.arrays import Vector
from hookean.scenario.callers import AnyBatch, Clients, Retry, check_deadline
from hookean.scenario.fields import FieldError, Flag, Model, Name, Origin, Positive, PositiveCount, Share
from hookean.scenario.units import Cpu, Duration, Rate

SOURCES = ("trace", "rate", "rates", "counts", "requests", "load")

_CALLERS = {"retry", "deadline"}
_ALLOWED = {
    "trace": {"format", "from_", "duration", "scale", "thin", "repeat", "arrivals", "batch", "clients", *_CALLERS},
    "rate": {"duration", "scale", "thin", "arrivals", "batch", "clients", *_CALLERS},
    "rates": {"scale", "thin", "repeat", "arrivals", "batch", "clients", *_CALLERS},
    "counts": {"step", "scale", "thin", "repeat", "arrivals", "batch", "clients", *_CALLERS},
    "requests": {"from_", "duration", "thin", "clients", *_CALLERS},
    "load": {"cycle"},
    "clients": _CALLERS,
}
_SHARED = {"service", "start"}


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and (len(value) > 8 and value[4:5] == "-"):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise FieldError(f"`{value}` is not a date and time", hint="for example `1998-06-30T16:00:00Z`") from None
    else:
        return Duration.parse(value)
    if moment.tzinfo is None:
        raise FieldError(f"`{value}` has no time zone", hint="end it with `Z` for UTC, or with an offset: `+02:00`")
    return moment


Instant: TypeAlias = Annotated[datetime | Duration, BeforeValidator(_instant, json_schema_input_type=str)]
"""A date and time with zone, or an offset from the beginning of a trace."""


class Rates(Model):
    """Requests per second in equal steps."""

    step: Duration
    """Width of a step."""
    values: Vector
    """Requests per second in each step."""

    @model_validator(mode="after")
    def _positive_step(self) -> Rates:
        if self.step.base == 0:
            raise FieldError("a step must be longer than 0", at=["step"])
        return self


class LoadStep(Model):
    """A stretch of a fluid load."""

    cpu: Cpu
    """CPU the service would use in total."""
    for_: Annotated[Duration, Field(alias="for")]
    """How long."""

    @model_validator(mode="after")
    def _positive_length(self) -> LoadStep:
        if self.for_.base == 0:
            raise FieldError("a step of a load must be longer than 0", at=["for"])
        return self


class Workload(Model):
    """The workload of one service: one of `trace`, `rate`, `rates`, `counts`, `requests`, `load`, with its options.

    `clients` in a closed loop come beside any of them but `load`, or alone.
    """

    service: Name
    """The service that receives it."""
    trace: str | None = None
    """Recorded trace or fitted profile: a name of the catalogue (`hookean list traces`), or the path of a file."""
    rate: Rate | None = None
    """Constant rate of a Poisson process; needs `duration`."""
    rates: Rates | None = None
    """Rates in steps."""
    counts: Vector | None = None
    """Expected requests per bin; needs `step`."""
    requests: str | None = None
    """Path of a request table (CSV or Parquet, columns `time` and `work`), replayed as it is."""
    load: Annotated[tuple[LoadStep, ...], Field(min_length=1)] | None = None
    """Fluid load without requests."""

    start: Duration | None = None
    """When it begins. Default: when its service is created."""
    format: str | None = None
    """Format of the trace file. Default: found from its name and content."""
    from_: Annotated[Instant | None, Field(alias="from")] = None
    """First moment of the trace to use. Default: its beginning."""
    duration: Duration | None = None
    """How much of the trace to use (default: all of it), or how long the `rate` lasts."""
    step: Duration | None = None
    """Width of a bin of `counts`."""
    scale: Annotated[Positive, Origin("assumed", "the trace is used at its own size")] = 1.0
    """Multiplies the counts, which keeps their relative burstiness."""
    thin: Annotated[Share, Origin("assumed", "every request is kept")] = 1.0
    """Keeps each request with this probability, independently of the others, which makes the stream less bursty."""
    repeat: Annotated[PositiveCount, Origin("assumed", "the trace is played once")] = 1
    """How many times it is played, one after the other."""
    arrivals: Literal["exact", "poisson"] | None = None
    """`exact`: as many requests in each bin as recorded; `poisson`: a Poisson process with the bin's rate.
    Default: `exact` for recorded counts, `poisson` for rates and profiles."""
    cycle: Annotated[Flag, Origin("assumed", "the load is played once")] = False
    """Whether the steps of a `load` begin again after the last, until the end of the scenario."""
    batch: AnyBatch | None = None
    """Requests that come at one instant, such as `4`, `{mean: 3}` or `{sizes: [1, 10], weights: [3, 1]}`.

    Rates and counts are of requests all the same. Default: each comes by itself."""
    retry: Retry | None = None
    """Whether and how failed requests are sent again. Default: callers give up at once."""
    deadline: Duration | None = None
    """How long after its first arrival a request ends at the latest. Default: never.

    It is not sent again then, and an attempt under way, waiting or in service, has `expired`; CPU used stays used."""
    clients: Clients | None = None
    """Clients in a closed loop."""

    @property
    def source(self) -> str:
        """The name of the field that says where requests come from."""
        return next((name for name in SOURCES if getattr(self, name) is not None), "clients")

    @property
    def ends(self) -> bool:
        """Whether it comes to an end by itself."""
        if self.source == "clients":
            return self.clients is not None and self.clients.duration is not None
        return not self.cycle

    @model_validator(mode="after")
    def _one_source(self) -> Workload:
        sources = [name for name in SOURCES if getattr(self, name) is not None]
        if not sources and self.clients is not None:
            sources = ["clients"]
        if len(sources) != 1:
            found = " and ".join(f"`{name}`" for name in sources) or "none"
            raise FieldError(
                f"a workload needs exactly one source, got {found}",
                hint="the sources are " + ", ".join(f"`{name}`" for name in (*SOURCES, "clients")),
            )
        source = sources[0]
        surplus = sorted(self.model_fields_set - {source} - _SHARED - _ALLOWED[source])
        if surplus:
            options = ", ".join(f"`{_alias(name)}`" for name in sorted(_ALLOWED[source]))
            raise FieldError(
                f"`{_alias(surplus[0])}` has no meaning for a workload given by `{source}`",
                hint=f"options of `{source}` are {options}",
                at=[_alias(surplus[0])],
            )
        self._check_lengths(source)
        check_deadline(self.deadline)
        return self

    def _check_lengths(self, source: str) -> None:
        needed = {"rate": "duration", "counts": "step"}.get(source)
        if needed and getattr(self, needed) is None:
            raise FieldError(f"a workload given by `{source}` needs `{needed}`", hint=f"for example `{needed}: 60s`")
        for name in ("duration", "step"):
            value = getattr(self, name)
            if value is not None and value.base == 0:
                raise FieldError(f"`{name}` must be longer than 0", at=[name])


def _alias(name: str) -> str:
    return name.rstrip("_")


def workload_list(value: Any) -> Any:
    """Accepts a single workload where a list is expected."""
    return [value] if isinstance(value, (dict, Workload)) else value
