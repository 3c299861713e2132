"""From a scenario to a plan: defaults filled, references resolved, base units, provenance of every parameter."""

from __future__ import annotations

import difflib
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookean.errors import ScenarioError, TraceError
from hookean.policies.base import EngineController
from hookean.policies.python import PythonPolicy
from hookean.scenario.calls import called_services
from hookean.scenario.fidelity import bins_of
from hookean.scenario.fields import FieldError
from hookean.scenario.model import Sampled
from hookean.scenario.problems import raise_together
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.sharing import FEW
from hookean.scenario.units import Duration, UnitError

from .calls import calls_trees
from .faults import check_node, check_service, fault_tree
from .groups import Members, nothing_to_collect
from .plan import Descriptions, Plan
from .platform import ResolvedPlatform, resolve_platform
from .policies import Policies
from .resizes import check_resize, resize_tree
from .service import service_tree
from .size import check_size
from .tree import Pool, split
from .workload import Arrays, ResolvedWorkload, resolve_workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookean.policies.base import Controller
    from hookean.policies.python import PythonNodePolicy
    from hookean.scenario.model import Record, Scenario
    from hookean.scenario.service import Service
    from hookean.scenario.source import Path as FieldPath
    from hookean.scenario.workload import Workload

    from .tree import Branch


def resolve(scenario: Scenario, base_dir: str | Path | None = None, *, streamed: bool = False) -> Plan:
    """Resolves a scenario to a plan.

    Args:
        scenario: The scenario.
        base_dir: The folder that relative paths start from; by default that of the scenario's file.
        streamed: Whether rows will be written to a folder while the run goes on, so that they need not fit in memory.

    Raises:
        ScenarioError: Parts of the scenario do not fit together; the message says where and how to mend it.
        TraceError: A trace cannot be read.
        FileNotFoundError: A trace is not there.
    """
    return _Resolver(scenario, scenario.base_dir if base_dir is None else Path(base_dir), streamed=streamed).plan()


class _Collecting:
    """A part of a resolution whose problem is kept. A class, since a generator takes several times as long to enter.

    Args:
        resolver: Who keeps it.
        at: The place in the scenario.
    """

    __slots__ = ("_at", "_resolver")

    def __init__(self, resolver: _Resolver, at: FieldPath) -> None:
        self._resolver = resolver
        self._at = at

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: BaseException | None, traceback: object) -> bool:
        if isinstance(problem, (FieldError, UnitError)):
            self._resolver.keep(problem, self._at)
            return True
        return False


class _Resolver:
    """One resolution: collects problems, so that several are reported together."""

    def __init__(self, scenario: Scenario, base_dir: Path, *, streamed: bool) -> None:
        self.scenario = scenario
        self.streamed = streamed
        self.base_dir = base_dir
        self.names = sorted(scenario.services)
        self.place_of = {name: index for index, name in enumerate(self.names)}
        self.controllers_of: dict[str, list[Controller]] = {name: [] for name in self.names}
        self.controllers = sorted((each for _, each in scenario.service_controllers), key=lambda each: each.service)
        for each in self.controllers:
            self.controllers_of[each.service].append(each)
        pools = scenario.platform.pool_names
        self.node_policies = sorted(scenario.node_policies, key=lambda entry: pools.index(entry[1].pool))
        self.called = called_services(scenario)
        self.arrays = Arrays()
        self.pool = Pool(of_many=len(scenario.services) > FEW)
        self.policies = Policies(self.base_dir)
        self.problems: list[ScenarioError] = []

    def plan(self) -> Plan:
        scenario = self.scenario
        platform = self._platform()
        workloads = self._workloads()
        services = self._services(platform, workloads)
        self._find_policies()
        self._check_faults(platform)
        self._check_resizes(platform)
        document, parameters = split(
            {
                "plan_version": Fixed(1),
                "name": Fixed(scenario.name),
                "seed": Known(scenario.seed, scenario.seed, "user", "scenario"),
                "horizon_ns": self._horizon(workloads),
                "engine": known(scenario, "engine", value=scenario.engine),
                "services": services,
                "workloads": [
                    self.pool.sharing(
                        {"service": Fixed(self.place_of[name]), "label": Fixed(name)} | dict(each.tree.items())
                    )
                    for name, each in workloads.items()
                ],
                "calls": calls_trees(scenario, self.names),
                "platform": platform.tree,
                "controllers": [self._controller(each) for each in self.controllers],
                "node_controllers": [self._node_controller(each) for _, each in self.node_policies],
                "faults": [
                    fault_tree(each, self.names) for each in sorted(scenario.faults, key=lambda each: each.label)
                ],
                "resizes": [
                    resize_tree(each, self.names) for each in sorted(scenario.resizes, key=lambda each: each.at.nanos)
                ],
                "record": _record(scenario.record),
            }
        )
        warnings = [
            *platform.warnings,
            *self._warnings(workloads, document),
            *self._fault_warnings(document["horizon_ns"]),
            *self._resize_warnings(document["horizon_ns"]),
            *self.policies.warnings(),
        ]
        descriptions = Descriptions(
            platform=platform.description,
            controllers=[self.pool.text(each.describe()) for each in self.controllers],
            node_controllers=[each.describe() for _, each in self.node_policies],
            workloads=[self.pool.text(each.description) for each in workloads.values()],
        )
        size = 0
        with self._collecting():
            size = self._take_groups_apart(document, descriptions)
        raise_together(self.problems)
        return Plan(
            document, self.arrays.f64, self.arrays.u64, parameters, warnings, descriptions, self.policies.seats(), size
        )

    def _take_groups_apart(self, document: dict[str, Any], descriptions: Descriptions) -> int:
        """Repeats what belongs to a group for each of its members; returns bytes that the run keeps, which must fit."""
        counts = {name: self.scenario.services[name].count for name in self.names}
        with nothing_to_collect() if any(counts.values()) else nullcontext():
            members = Members(counts)
            for fault in document["faults"]:
                if fault["target"]["of"] == "replica":
                    fault["target"]["service"] = members.names.index(self.names[fault["target"]["service"]])
            for resize in document["resizes"]:
                resize["service"] = members.names.index(self.names[resize["service"]])
            if any(counts.values()):
                self._repeat(members, document, descriptions)
            least = self._least_replicas()
            owners = {member: name for name in self.names for member in members.of(name)}
            return check_size(document, self.arrays, least=least, owners=owners, streamed=self.streamed)

    def _repeat(self, members: Members, document: dict[str, Any], descriptions: Descriptions) -> None:
        written = document["controllers"]
        _, before = members.repeated(self.names, written, range(len(written)))
        self.policies.move({old: new for new, old in enumerate(before)})
        document["services"] = members.services(document["services"])
        for part in ("workloads", "controllers"):
            texts = descriptions[part]
            document[part], descriptions[part] = members.repeated(self.names, document[part], texts)
        for call in document["calls"]:
            call["to"] = sorted(members.names.index(self.names[to]) for to in call["to"])
        document["calls"], _ = members.repeated(self.names, document["calls"], document["calls"])

    def _collecting(self, *at: str | int) -> _Collecting:
        """Keeps a problem with its place, instead of raising it at once."""
        return _Collecting(self, at)

    def keep(self, problem: FieldError | UnitError, at: FieldPath) -> None:
        """Keeps a problem, to be raised together with others."""
        self.problems.append(self._placed(problem, at))

    def _workload(self, workload: Workload, at: FieldPath) -> ResolvedWorkload:
        """Reads a workload; to the error of a file it adds the place in the scenario that names the file."""
        service = self.scenario.services[workload.service]
        try:
            found = resolve_workload(workload, service, base_dir=self.base_dir, arrays=self.arrays)
        except FileNotFoundError as error:
            raise self._no_file(error, at) from None
        except TraceError as error:
            where = ", given in ".join(filter(None, [error.where, self.scenario.place(at)]))
            raise TraceError(error.message, where=where, hint=error.hint) from None
        except OSError as error:
            reason = (
                f"cannot be read: {error.strerror[0].lower()}{error.strerror[1:]}" if error.strerror else str(error)
            )
            where = f"`{error.filename}`, given in {self.scenario.place(at)}"
            raise TraceError(reason, where=where, hint="check the permissions of the file") from None
        return found._replace(tree=self.pool.sharing(dict(found.tree.items())))

    def _no_file(self, error: FileNotFoundError, at: FieldPath) -> FileNotFoundError:
        """Says where the scenario names a file that is not there, and which file may be meant."""
        path = Path(error.filename)
        names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"relative paths start from `{self.base_dir.resolve()}`"
        return FileNotFoundError(f"{error.strerror} `{path}` in {self.scenario.place(at)}\n\nhint: {hint}")

    def _placed(self, problem: FieldError | UnitError, at: FieldPath) -> ScenarioError:
        path = (*at, *getattr(problem, "at", ()))
        return ScenarioError(problem.message, where=self.scenario.place(path), hint=problem.hint)

    def _platform(self) -> ResolvedPlatform:
        try:
            scaled = {each.pool: each for _, each in self.node_policies}
            return resolve_platform(self.scenario.platform, scaled)
        except FieldError as problem:
            raise self._placed(problem, ("platform",)) from None

    def _workloads(self) -> dict[str, ResolvedWorkload]:
        """Reads the workloads sorted by service, so that the plan does not depend on their order in the file."""
        written = sorted(enumerate(self.scenario.workload), key=lambda entry: entry[1].service)
        found = {}
        for index, workload in written:
            with self._collecting("workload", index):
                found[workload.service] = self._workload(workload, ("workload", index, workload.source))
        raise_together(self.problems)
        return found

    def _services(
        self, platform: ResolvedPlatform, workloads: dict[str, ResolvedWorkload]
    ) -> list[Branch | dict[str, Any]]:
        trees = []
        bins = bins_of(self.scenario)
        for name in self.names:
            with self._collecting("services", name):
                tree = service_tree(
                    name,
                    self.scenario.services[name],
                    platform=platform,
                    controllers=self.controllers_of[name],
                    makes_requests=name in self.called or (name in workloads and workloads[name].makes_requests),
                    bins=bins.get(name),
                )
                trees.append(self.pool.sharing(tree))
        raise_together(self.problems)
        return trees

    def _find_policies(self) -> None:
        """Finds the policies written in Python, in the order of the plan: that of the file must not matter."""
        place = {id(each): index for index, each in enumerate(self.scenario.controllers)}
        for index, controller in enumerate(self.controllers):
            if isinstance(controller, PythonPolicy):
                with self._collecting("controllers", place[id(controller)]):
                    self.policies.add(index, controller, self.scenario.services[controller.service])
        for index, (written, policy) in enumerate(self.node_policies):
            with self._collecting("controllers", written):
                self.policies.add_nodes(index, policy)
        raise_together(self.problems)

    def _check_faults(self, platform: ResolvedPlatform) -> None:
        for index, fault in enumerate(self.scenario.faults):
            with self._collecting("faults", index):
                check_service(fault, self.scenario.services)
        raise_together(self.problems)
        if not self.scenario.faults or self.scenario.platform.is_fleet or self.node_policies:
            return  # there are none, or nodes come and go
        nodes = sum(pool["nodes"].value for pool in platform.tree["pools"])
        for index, fault in enumerate(self.scenario.faults):
            with self._collecting("faults", index):
                check_node(fault, nodes)
        raise_together(self.problems)

    def _check_resizes(self, platform: ResolvedPlatform) -> None:
        if not self.scenario.resizes:
            return
        pools = platform.tree["pools"]
        largest = max((pool["allocatable_cpu_millicores"].value for pool in pools), default=0)
        for index, resize in enumerate(self.scenario.resizes):
            with self._collecting("resizes", index):
                is_fleet = self.scenario.platform.is_fleet
                check_resize(resize, self.scenario.services, None if is_fleet else largest)
        raise_together(self.problems)

    def _horizon(self, workloads: dict[str, ResolvedWorkload]) -> Known:
        own = self.scenario.duration
        if own is not None:
            return Known(own.nanos, own, "user", "scenario")
        last = max(each.end_ns for each in workloads.values() if each.end_ns is not None)
        return Known(last, Duration(last), "user", "end of the longest workload")

    def _least_replicas(self) -> dict[str, int]:
        least = dict.fromkeys(self.names, 0)
        for each in self.controllers:
            least[each.service] = max(least[each.service], each.initial_replicas())
        return least

    def _controller(self, controller: Controller) -> Branch | dict[str, Any]:
        tree = {
            "label": Fixed(f"{controller.service}.{controller.name}"),
            "kind": Fixed(controller.name),
            "service": Fixed(self.place_of[controller.service]),
            "period_ns": controller.period_plan(),
            "phase_ns": controller.phase_plan(),
            "metrics": controller.pipeline_plan(),
            "config": self._config(controller),
        }
        return self.pool.sharing(tree)

    def _config(self, controller: Controller) -> dict[str, Any]:
        """What a controller is told; of a policy in Python that depends on the class that was found."""
        if isinstance(controller, PythonPolicy):
            return self.policies.config(controller)
        if isinstance(controller, EngineController):
            return controller.config()
        raise LookupError(f"nothing decides for `{controller.name}`")

    def _node_controller(self, controller: PythonNodePolicy) -> dict[str, Any]:
        return {
            "label": Fixed(f"{controller.pool}.{controller.kind}"),
            "kind": Fixed(controller.kind),
            "pool": Fixed(self.scenario.platform.pool_names.index(controller.pool)),
            "period_ns": controller.period_plan(),
            "config": self.policies.config(controller),
        }

    def _begins_with_none(self, name: str) -> Iterator[str]:
        if not any(each.acts_on_requests for each in self.controllers_of[name]):
            yield f"service `{name}` begins with no replica, so its controllers see no load to scale on"

    def _warnings(self, workloads: dict[str, ResolvedWorkload], document: dict[str, Any]) -> Iterator[str]:
        is_fleet = self.scenario.platform.is_fleet
        for name, planned in zip(self.names, document["services"], strict=True):
            if name not in workloads and name not in self.called:
                yield f"service `{name}` has no workload"
            elif not planned["initial_replicas"]:
                yield from self._begins_with_none(name)
            elif name in workloads and workloads[name].start_ns >= document["horizon_ns"]:
                yield f"the workload of `{name}` begins when the scenario has ended"
            if self._has_idle_work(name, workloads):
                yield f"`work` of `{name}` is not used: its table of requests has a column `work`"
            if is_fleet:
                whole = document["platform"]["pools"][0]["allocatable_cpu_millicores"]
                yield from _fleet_warnings(name, self.scenario.services[name], whole)
            if len(self.controllers_of[name]) > 1:
                yield f"service `{name}` has several controllers: each acts in its turn, and the last one stands"
        for each in workloads.values():
            yield from each.warnings

    def _has_idle_work(self, name: str, workloads: dict[str, ResolvedWorkload]) -> bool:
        is_written = self.scenario.services[name].work is not None
        return is_written and name in workloads and name not in self.called and not workloads[name].makes_requests

    def _fault_warnings(self, horizon_ns: int) -> Iterator[str]:
        for fault in self.scenario.faults:
            if fault.at is not None and fault.at.nanos >= horizon_ns:
                yield f"the fault `{fault.label}` would strike when the scenario has ended"

    def _resize_warnings(self, horizon_ns: int) -> Iterator[str]:
        for resize in self.scenario.resizes:
            if resize.at.nanos >= horizon_ns:
                yield f"`{resize.service}` would be resized when the scenario has ended"


def _fleet_warnings(name: str, service: Service, whole_millicores: int) -> Iterator[str]:
    if service.replica.image.base:
        yield f"the image of `{name}` is not pulled: in a fleet it is part of the machine's own image"
    if service.replica.cpu is not None and service.replica.cpu.millicores < whole_millicores:
        yield f"a replica of `{name}` uses {service.replica.cpu} of a machine that is paid as a whole"


def _record(record: Record) -> dict[str, Any]:
    return {
        "series_step_ns": known(record, "series", value=record.series.nanos),
        "requests": _kept(record, "requests"),
        "decisions": _kept(record, "decisions"),
        "latencies": known(record, "latencies", value=record.latencies),
    }


def _kept(record: Record, name: str) -> Known:
    log = getattr(record, name)
    if isinstance(log, Sampled):
        return known(record, name, value={"keep": "sampled", "one_in": log.sampled}, text=f"one in {log.sampled}")
    return known(record, name, value={"keep": log}, text=log)
