"""Routing: how a request finds its replica.

Most kinds are a word (`routing: random`); those with parameters are a section, such as
`routing: {kind: sticky, sessions: 1000}`.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Discriminator, Field, StrictInt, Tag

from hookean.scenario.fields import FieldError, Model, PositiveCount, ZipfExponent


class PowerOfChoices(Model):
    """The least loaded of a few replicas drawn at random (nginx's `random two`, Envoy's least request)."""

    kind: Literal["power_of_choices"] = "power_of_choices"
    choices: Annotated[StrictInt, Field(ge=1, le=32)] = 2
    """How many different replicas are drawn for each request, 1 to 32. Default: 2, the power of two choices."""

    def plan(self) -> dict[str, Any]:
        """Returns the routing as the plan writes it."""
        return {self.kind: {"choices": self.choices}}

    def __str__(self) -> str:
        return f"power of {self.choices} choices"


class Sticky(Model):
    """Session affinity by consistent hashing (nginx's `hash ... consistent`, Envoy's ring hash)."""

    kind: Literal["sticky"] = "sticky"
    sessions: PositiveCount
    """Number of sessions that requests belong to."""
    zipf_exponent: ZipfExponent = 0.0
    """Skew: session k makes requests in proportion to k^-exponent, 0 to 20. Default: 0, all sessions alike."""

    def plan(self) -> dict[str, Any]:
        """Returns the routing as the plan writes it."""
        return {self.kind: {"sessions": self.sessions, "zipf_exponent": self.zipf_exponent}}

    def __str__(self) -> str:
        skew = f"Zipf exponent {self.zipf_exponent:g}" if self.zipf_exponent else "all alike"
        return f"sticky, {self.sessions} sessions, {skew}"


_Word: TypeAlias = Literal["random", "round_robin", "least_outstanding", "weighted", "packing", "newest"]
_WORDS = get_args(_Word)
_SECTIONS: dict[str, type[PowerOfChoices | Sticky]] = {"power_of_choices": PowerOfChoices, "sticky": Sticky}
KINDS = (*_WORDS, *_SECTIONS)
"""Names of all kinds."""


def _from_word(value: object) -> object:
    """Accepts the word for a section whose parameters all have defaults; explains what is no routing."""
    kind = value.get("kind") if isinstance(value, dict) else value
    if isinstance(value, (PowerOfChoices, Sticky)) or value in _WORDS:
        return value
    if kind == "power_of_choices":
        return PowerOfChoices() if isinstance(value, str) else value
    if kind == "sticky" and isinstance(value, dict):
        return value
    if kind == "sticky":
        raise FieldError("`sticky` needs the number of sessions", hint="`routing: {kind: sticky, sessions: 1000}`")
    if kind in _WORDS:
        raise FieldError(f"`{kind}` has no parameters", hint=f"write `routing: {kind}`")
    if isinstance(value, dict) and kind is None:
        raise FieldError("`kind` is missing", hint="one of " + ", ".join(f"`{name}`" for name in _SECTIONS))
    near = difflib.get_close_matches(str(kind), KINDS, n=1)
    meant = f"did you mean `{near[0]}`? " if near else ""
    raise FieldError(f"unknown routing `{kind}`", hint=f"{meant}allowed: " + ", ".join(f"`{name}`" for name in KINDS))


def _tag(value: object) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in _SECTIONS else "word"


_Sections: TypeAlias = Annotated[PowerOfChoices | Sticky, Field(discriminator="kind")]
Routing: TypeAlias = Annotated[
    Annotated[_Word, Tag("word")]
    | Annotated[PowerOfChoices, Tag("power_of_choices")]
    | Annotated[Sticky, Tag("sticky")],
    Discriminator(_tag),
    BeforeValidator(_from_word, json_schema_input_type=_Word | Literal["power_of_choices"] | _Sections),
]
"""How a request finds its replica."""


def routing_kind(routing: Routing) -> str:
    """Returns the name of the kind."""
    return routing if isinstance(routing, str) else routing.kind


def routing_plan(routing: Routing) -> str | dict[str, Any]:
    """Returns a routing as the plan writes it."""
    return routing if isinstance(routing, str) else routing.plan()
