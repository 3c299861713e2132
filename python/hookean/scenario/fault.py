"""Faults: what goes wrong, where, and when.

A fault with `at` strikes once; one with `between` strikes every node, or every replica of its service, again and again.
All draws are keyed by the fault's name and the node or replica, so that runs that are compared have the same faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.distribution import Constant, Distribution
from hookean.scenario.fields import Count, FieldError, Model, Name, Origin, Share
from hookean.scenario.units import Duration, as_written

if TYPE_CHECKING:
    from collections.abc import Iterator

Held: TypeAlias = Literal["lost", "requeued"]


def _number_or_random(value: object) -> object:
    if value == "random" or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise FieldError(f"expected a number from 0, or `random`, got {as_written(value)}")


Chosen: TypeAlias = Annotated[
    Count | Literal["random"], BeforeValidator(_number_or_random, json_schema_input_type=Count | Literal["random"])
]


class Fault(Model):
    """What all faults have."""

    TARGETS: ClassVar[tuple[str, ...]] = ()
    """Fields that may choose one target."""

    name: Name | None = None
    """Name, which keys its random draws. Default: its kind; two of a kind need names."""
    at: Duration | None = None
    """When it strikes, once."""
    between: Distribution | None = None
    """Time from the readiness of a node or replica, or from the end of its last such fault, to the next.

    Its mean is the mean time between failures."""

    @property
    def label(self) -> str:
        """Its name, or its kind."""
        return self.name or str(getattr(self, "kind"))  # noqa: B009 (every fault has one; the base does not say which)

    @model_validator(mode="after")
    def _strikes(self) -> Fault:
        if (self.at is None) == (self.between is None):
            raise FieldError(
                "a fault needs either `at` or `between`",
                hint="`at: 10min` strikes once, `between: {distribution: exponential, mean: 30d}` again and again",
            )
        if isinstance(self.between, Constant) and self.between.value.nanos == 0:
            raise FieldError("with no time between faults there is nothing else", at=["between"])
        for name in self.TARGETS:
            if self.between is not None and isinstance(getattr(self, name), int):
                hint = f"leave `{name}` out, or strike it once: `at: 10min`"
                raise FieldError(f"`between` strikes each by itself, not one `{name}`", hint=hint, at=[name])
        return self


class NodeLoss(Fault):
    """A node is gone with all its replicas; their owners replace them at once."""

    TARGETS = ("node",)
    kind: Literal["node_loss"]
    node: Chosen = "random"
    """Number of the node, or `random`: any with `at`, each with `between`."""
    repair: Annotated[Distribution | None, Origin("assumed", "a lost node does not come back")] = None
    """Until the node is back (or, in a cloud, another in its place). A fleet buys a new machine in any case."""
    requests: Annotated[Held, Origin("assumed", "what a machine held is gone with it")] = "lost"
    """What becomes of the requests there: `lost`, or `requeued` with their arrival and their whole work."""


class ReplicaCrash(Fault):
    """The process of a replica ends."""

    TARGETS = ("replica",)
    kind: Literal["replica_crash"]
    service: Name
    """Whose replicas crash."""
    replica: Chosen = "random"
    """Number of the replica, or `random`: any ready one with `at`, each with `between`."""
    recovery: Annotated[
        Literal["restart", "replace"], Origin("documented", "Kubernetes: pods of a Deployment restart always")
    ] = "restart"
    """`restart`: in place, at once the first time and then after the kubelet's back-off of 10 s, 20 s, ... 5 min, which
    is forgotten after 10 min; `replace`: by a new replica."""
    restart: Annotated[Distribution | None, Origin("assumed", "a restart takes as long as the start-up did")] = None
    """From the restart of the container to readiness. Default: the start-up stages of the service's replicas."""
    requests: Annotated[Held, Origin("assumed", "what a process held is gone with it")] = "lost"
    """What becomes of the requests there: `lost`, or `requeued` with their arrival and their whole work."""

    @model_validator(mode="after")
    def _restart_has_a_use(self) -> ReplicaCrash:
        if self.restart is not None and self.recovery == "replace":
            raise FieldError("`restart` has no effect with `recovery: replace`", hint="leave it out", at=["restart"])
        return self


class _Lasting(Fault):
    """What lasts for a while, on a node or on a replica."""

    TARGETS = ("node", "replica")
    node: Chosen | None = None
    """Number of the node, or `random`: any with `at`, each with `between`. Default, without `service`: `random`."""
    service: Name | None = None
    """Strikes replicas of this service in place of nodes."""
    replica: Chosen | None = None
    """Number of the replica, or `random`. Default, with `service`: `random`."""
    duration: Distribution
    """How long it lasts."""

    @model_validator(mode="after")
    def _one_target(self) -> _Lasting:
        if self.node is not None and self.service is not None:
            raise FieldError("a fault strikes a `node` or replicas of a `service`", hint="give one", at=["node"])
        if self.replica is not None and self.service is None:
            raise FieldError("whose `replica`?", hint="name its `service`", at=["replica"])
        return self


class SlowDown(_Lasting):
    """Replicas are slower for a while, as beside a noisy neighbour."""

    kind: Literal["slow_down"]
    factor: Share
    """Speed while it lasts / speed otherwise."""


class Pause(_Lasting):
    """Replicas stand still for a while and keep what they hold; requests are still routed to them."""

    kind: Literal["pause"]


AnyFault: TypeAlias = Annotated[NodeLoss | ReplicaCrash | SlowDown | Pause, Field(discriminator="kind")]
"""A fault, by its `kind`."""

KINDS = ("node_loss", "replica_crash", "slow_down", "pause")
"""Every kind of fault."""


def name_problems(faults: tuple[Fault, ...]) -> Iterator[FieldError]:
    """Finds faults that share a name: they would share their random draws."""
    labels = [fault.label for fault in faults]
    for index, label in enumerate(labels):
        if label in labels[:index]:
            hint = f"give each a name, such as `name: {label}-{index + 1}`"
            yield FieldError(f"two faults are named `{label}`", hint=hint, at=["faults", index])
