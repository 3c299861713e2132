"""The policies of one run: builds them, calls them once per tick, checks what they return.

The engine calls `Runner.decide` once for all policies that tick at one instant, with a column for each field, and when
what they want is done, `Runner.decide_nodes` for each pool whose policy ticks then. Objects are built anew for every
run, so that nothing is carried from one to the next.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from hookean.errors import PolicyError
from hookean.scenario.units import Duration

from .observation import NodeObservation, Observation, Observations, ReplicaObservation, Sample, Setup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from .registry import FoundPolicy

COUNTS = ("controller", "desired", "ready", "starting", "pending", "draining", "samples", "sampled_ns")
"""Rows of the whole numbers that the engine passes."""
MEANS = ("cpu_ratio", "memory_bytes", "requests_rps")
"""Rows of the means that the engine passes."""
NODE_FIGURES = (
    "desired", "ready", "starting", "lost", "leaving", "replicas", "allocatable_cpu_millicores",
    "allocatable_memory_bytes", "requested_cpu_millicores", "requested_memory_bytes", "pending",
    "pending_cpu_millicores", "pending_memory_bytes", "pending_longest_ns",
)  # fmt: skip
"""What the engine passes of a pool."""
MOST = 2**31 - 1
"""The largest number of replicas or nodes that a policy may name; the bounds of the controller hold below."""

Reasons: TypeAlias = "list[str | None]"
Rows: TypeAlias = "Sequence[Sequence[tuple[Any, ...]]] | None"

_HINT = "return a whole number of replicas, 0 or more, or a pair of it and a reason; `obs.desired` changes nothing"
_HINT_NODES = "return a whole number of nodes, 0 or more, or a pair of it and a reason; `obs.desired` changes nothing"
_HINT_ALL = (
    "return one whole number, 0 or more, for each service in the order of `obs.services`, or a pair of these and a "
    "list of reasons; `obs.desired` changes nothing"
)


@dataclass(frozen=True)
class Seat:
    """One object that decides, and what for.

    Attributes:
        found: The policy.
        parameters: Its keyword arguments.
        controllers: Indices of its controllers in the plan.
        services: Their services, in the same order.
        node_controllers: Indices of its controllers of nodes in the plan.
        pools: Their pools, in the same order.
    """

    found: FoundPolicy
    parameters: Mapping[str, Any]
    controllers: tuple[int, ...]
    services: tuple[str, ...]
    node_controllers: tuple[int, ...] = ()
    pools: tuple[str, ...] = ()


class Runner:
    """The policies of one run.

    Args:
        seats: Who decides for whom.
        document: The document of the plan.

    Raises:
        PolicyError: A policy cannot be built.
    """

    def __init__(self, seats: Iterable[Seat], document: Mapping[str, Any]) -> None:
        self._seats = tuple(seats)
        self._document = document
        self._objects = [self._built(seat) for seat in self._seats]
        self._batches: dict[int, _Batch] = {}
        self._nodes = {
            controller: _Nodes(seat, built, pool, document["node_controllers"][controller], document["platform"])
            for seat, built in zip(self._seats, self._objects, strict=True)
            for controller, pool in zip(seat.node_controllers, seat.pools, strict=True)
        }

    def decide(
        self, time_ns: int, counts: NDArray[np.int64], means: NDArray[np.float64], replicas: Rows
    ) -> tuple[list[int], Reasons | None]:
        """Lets the policies decide.

        Args:
            time_ns: The moment.
            counts: Whole numbers, shape (`COUNTS`, controllers).
            means: Means, shape (`MEANS`, controllers).
            replicas: For each controller its replicas as plain tuples, if any policy sees them.

        Returns:
            Wanted replicas by controller, and reasons if there are any.

        Raises:
            PolicyError: A policy raised something, which is the cause, or returned what it must not.
        """
        counts.flags.writeable = means.flags.writeable = False
        first = int(counts[0, 0])
        batch = self._batches.get(first)
        if batch is None:
            batch = self._batches[first] = self._batch(counts[0].tolist())
        if batch.whole is not None:
            wanted, reasons = batch.whole.decide(time_ns, counts, means)
            return wanted, reasons
        return batch.decide(time_ns, counts, means, replicas)

    def decide_nodes(self, time_ns: int, controller: int, figures: Sequence[int]) -> tuple[int, str | None]:
        """Lets a policy decide how many nodes a pool has.

        Args:
            time_ns: The moment.
            controller: Index among the plan's controllers of nodes.
            figures: What it sees: `NODE_FIGURES`.

        Returns:
            Wanted nodes, and the reason if there is one.

        Raises:
            PolicyError: As `decide`.
        """
        return self._nodes[controller].decide(time_ns, figures)

    def _built(self, seat: Seat) -> Any:
        clocked = ("controllers", seat.controllers) if seat.controllers else ("node_controllers", seat.node_controllers)
        name, period_ns = seat.found.name, self._document[clocked[0]][clocked[1][0]]["period_ns"]
        pools = ["", *seat.pools] if seat.pools else []
        key = "\0".join([str(self._document["seed"]), name, *seat.services, *pools])
        stream = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big")
        try:
            built = seat.found.cls(**seat.parameters)
            if hasattr(built, "begin"):
                random = np.random.Generator(np.random.PCG64(stream))
                built.begin(Setup(seat.services, period_ns, random, seat.pools))
        except Exception as error:
            raise PolicyError(
                f"policy `{name}` cannot be built: {type(error).__name__}: {error}",
                where=_whom(seat),
                hint="its traceback is above, or in Python the error's `__cause__`",
            ) from error
        return built

    def _batch(self, controllers: list[int]) -> _Batch:
        place = {controller: index for index, controller in enumerate(controllers)}
        single, grouped = [], []
        for seat, built in zip(self._seats, self._objects, strict=True):
            own = zip(seat.controllers, seat.services, strict=True)
            here = [(place[controller], name) for controller, name in own if controller in place]
            if here and seat.found.batched:  # all of them have one clock
                indices = np.array([index for index, _ in here])
                whole = len(indices) == len(controllers)
                constants = _constants(self._document, seat.controllers)
                grouped.append(_Grouped(seat, built, None if whole else indices, constants))
            else:
                single += [(index, seat, built, name) for index, name in here]
        single.sort(key=lambda entry: entry[0])
        return _Batch(tuple(grouped), _Singles(single, _constants(self._document, controllers)), len(controllers))


def _constants(document: Mapping[str, Any], controllers: Iterable[int]) -> NDArray[np.int64]:
    """CPU request and bounds by controller, shape (3, controllers)."""
    rows = []
    for index in controllers:
        controller = document["controllers"][index]
        config = controller["config"]
        shape = document["services"][controller["service"]]["replica"]
        rows.append((shape["cpu_millicores"], config["min"], config["max"]))
    columns = np.ascontiguousarray(np.array(rows, dtype=np.int64).reshape(-1, 3).T)
    columns.flags.writeable = False
    return columns


class _Grouped:
    """A `decide_all` and its services."""

    def __init__(self, seat: Seat, built: Any, indices: NDArray[np.intp] | None, constants: NDArray[np.int64]) -> None:
        self.seat = seat
        self.indices = indices
        self._decide_all = built.decide_all
        self._constants = tuple(constants)

    def decide(
        self, time_ns: int, counts: NDArray[np.int64], means: NDArray[np.float64]
    ) -> tuple[list[int], Reasons | None]:
        """Returns what the policy wants, in the order of its services."""
        if self.indices is not None:
            counts, means = counts[:, self.indices], means[:, self.indices]
            counts.flags.writeable = means.flags.writeable = False
        observations = Observations(self.seat.services, time_ns, *counts[1:], *means, *self._constants)
        try:
            returned = self._decide_all(observations)
        except Exception as error:  # noqa: BLE001 (raised again as ours)
            _failed(self.seat, _place(self.seat.services, time_ns), error)
        return self._checked(returned, time_ns)

    def _checked(self, returned: Any, time_ns: int) -> tuple[list[int], Reasons | None]:
        reasons: Reasons | None = None
        values, count = returned, len(self.seat.services)
        if type(returned) is tuple and len(returned) == 2 and isinstance(returned[1], (list, tuple, str)):
            values, given = returned
            reasons = [given] * count if isinstance(given, str) else list(given)
            if len(reasons) != count or not all(each is None or isinstance(each, str) for each in reasons):
                what = f"{len(reasons)} reasons" if len(reasons) != count else "reasons that are no text"
                self._refuse(what, f"for {count} services", time_ns)
        try:
            array = np.asarray(values)
        except ValueError:
            self._refuse(_shown(values), "which is no array", time_ns)
        if array.shape != (count,):
            what = _shown(values) if array.ndim == 0 else f"an array of shape {array.shape}"
            self._refuse(what, f"for {count} services", time_ns)
        if array.dtype.kind not in "iuf":
            self._refuse(f"an array of {array.dtype}", "instead of numbers", time_ns)
        wrong = ~((array >= 0) & (array <= MOST) & (array == np.floor(array)))
        if wrong.any():
            index = int(np.argmax(wrong))
            where = _place((self.seat.services[index],), time_ns)
            _refuse(self.seat, _shown(array[index].item()), where, _HINT_ALL)
        return array.astype(np.int64, copy=False).tolist(), reasons

    def _refuse(self, what: str, rest: str, time_ns: int) -> NoReturn:
        raise PolicyError(
            f"policy `{self.seat.found.name}` returned {what} {rest}",
            where=_place(self.seat.services, time_ns),
            hint=_HINT_ALL,
        )


class _Singles:
    """All `decide` of one batch."""

    def __init__(self, entries: Sequence[tuple[int, Seat, Any, str]], constants: NDArray[np.int64]) -> None:
        self.places = [place for place, _, _, _ in entries]
        self.seats = [seat for _, seat, _, _ in entries]
        self._decides = [built.decide for _, _, built, _ in entries]
        self._names = [name for _, _, _, name in entries]
        self._constants = constants[:, self.places].tolist() if entries else []
        self._all = self.places == list(range(constants.shape[1]))

    def decide(
        self, time_ns: int, counts: NDArray[np.int64], means: NDArray[np.float64], replicas: Rows
    ) -> tuple[list[int], Reasons | None]:
        """Returns what the policies want, in the order of their controllers."""
        if not self._all:
            counts, means = counts[:, self.places], means[:, self.places]
        count = len(self.seats)
        each: Iterable[tuple[ReplicaObservation, ...]] = [()] * count
        if replicas is not None:
            each = [tuple(map(_replica, replicas[place])) for place in self.places]
        columns = zip(
            self._names,
            [time_ns] * count,
            *counts[1:].tolist(),
            *means.tolist(),
            *self._constants,
            each,
            strict=True,
        )
        returned: list[Any] = []
        add = returned.append
        try:
            for decide, observation in zip(self._decides, map(_observation, columns), strict=True):
                add(decide(observation))
        except Exception as error:  # noqa: BLE001 (raised again as ours)
            at = len(returned)
            _failed(self.seats[at], _place((self._names[at],), time_ns), error)
        return self._checked(returned, time_ns)

    def _checked(self, returned: list[Any], time_ns: int) -> tuple[list[int], Reasons | None]:
        if set(map(type, returned)) == {int} and min(returned) >= 0 and max(returned) <= MOST:
            return returned, None
        reasons: Reasons = [None] * len(returned)
        for index, value in enumerate(returned):
            number, reasons[index] = _apart(value)
            if not _is_whole(number):
                _refuse(self.seats[index], _shown(number), _place((self._names[index],), time_ns), _HINT)
            returned[index] = int(number)
        return returned, reasons


def _apart(value: Any) -> tuple[Any, str | None]:
    """A number and its reason, if it has one."""
    if type(value) is tuple and len(value) == 2 and isinstance(value[1], str):
        return value
    return value, None


def _is_whole(value: Any) -> bool:
    """Whether it is a count; a float is taken when it is whole."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return number and 0 <= value <= MOST and bool(value == int(value))


class _Nodes:
    """A `decide_nodes` and its pool."""

    def __init__(
        self, seat: Seat, built: Any, name: str, controller: Mapping[str, Any], platform: Mapping[str, Any]
    ) -> None:
        pool, config = platform["pools"][controller["pool"]], controller["config"]
        self._seat = seat
        self._decide = built.decide_nodes
        self._name = name
        self._constants = (
            pool["allocatable_cpu_millicores"],
            pool["allocatable_memory_bytes"],
            pool["max_replicas"],
            pool["billing"]["nanousd_per_hour"] / 1e9,
            config["min"],
            config["max"],
        )

    def decide(self, time_ns: int, figures: Sequence[int]) -> tuple[int, str | None]:
        """Returns what the policy wants, and why if it says."""
        observation = NodeObservation._make((self._name, time_ns, *figures, *self._constants))
        where = f"pool `{self._name}` at {Duration(time_ns)}"
        try:
            returned = self._decide(observation)
        except Exception as error:  # noqa: BLE001 (raised again as ours)
            _failed(self._seat, where, error)
        number, reason = _apart(returned)
        if not _is_whole(number):
            _refuse(self._seat, _shown(number), where, _HINT_NODES)
        return int(number), reason


@dataclass(frozen=True)
class _Batch:
    """The policies that tick together."""

    grouped: tuple[_Grouped, ...]
    singles: _Singles
    size: int

    @property
    def whole(self) -> _Grouped | None:
        """The one `decide_all` that decides for all, if it is so."""
        return self.grouped[0] if len(self.grouped) == 1 and self.grouped[0].indices is None else None

    def decide(
        self, time_ns: int, counts: NDArray[np.int64], means: NDArray[np.float64], replicas: Rows
    ) -> tuple[list[int], Reasons | None]:
        """Returns what all of them want, in the order of the controllers."""
        if not self.grouped:
            return self.singles.decide(time_ns, counts, means, replicas)
        wanted: list[int] = [0] * self.size
        reasons: Reasons = [None] * self.size
        parts = [
            (group.indices.tolist(), group.decide(time_ns, counts, means))
            for group in self.grouped
            if group.indices is not None
        ]
        if self.singles.seats:
            parts.append((self.singles.places, self.singles.decide(time_ns, counts, means, replicas)))
        for places, (values, texts) in parts:
            for index, place in enumerate(places):
                wanted[place] = values[index]
                reasons[place] = None if texts is None else texts[index]
        return wanted, reasons


_observation = partial(tuple.__new__, Observation)


def _replica(row: tuple[Any, ...]) -> ReplicaObservation:
    samples = (None if each is None else Sample(*each) for each in row[-3:])
    return ReplicaObservation(*row[:-3], *samples)


def _services(services: Sequence[str]) -> str:
    if len(services) == 1:
        return f"service `{services[0]}`"
    listed = ", ".join(f"`{name}`" for name in services[:3])
    return f"services {listed}" + (f" and {len(services) - 3} more" if len(services) > 3 else "")


def _whom(seat: Seat) -> str:
    pools = " and ".join(f"pool `{name}`" for name in seat.pools)
    return " and ".join(filter(None, [_services(seat.services) if seat.services else "", pools]))


def _place(services: Sequence[str], time_ns: int) -> str:
    return f"{_services(services)} at {Duration(time_ns)}"


def _failed(seat: Seat, where: str, error: Exception) -> NoReturn:
    raise PolicyError(
        f"policy `{seat.found.name}` failed with {type(error).__name__}: {error}",
        where=where,
        hint="its traceback is above, or in Python the error's `__cause__`; "
        "`hookean.policies.check_policy` tries a policy on many observations",
    ) from error


def _refuse(seat: Seat, what: str, where: str, hint: str) -> NoReturn:
    raise PolicyError(f"policy `{seat.found.name}` returned {what}", where=where, hint=hint)


def _shown(value: object) -> str:
    text = repr(value)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"
