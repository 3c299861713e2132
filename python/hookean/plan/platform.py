"""The platform of a plan: what nodes are, what they leave for replicas, what they cost, how they start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookean.platforms.model import DEFAULT_POOL, Pool
from hookean.platforms.presets import Preset, preset
from hookean.platforms.substrates import figure, stage
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.units import Bandwidth, Duration

from .nodes import Node, node_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.platforms.model import Platform, PlatformStartup
    from hookean.policies.python import PythonNodePolicy

_MEGABYTE = 10**6
_NODE_STAGES = ("provision", "boot", "join")


@dataclass(frozen=True)
class ResolvedPlatform:
    """A platform with everything looked up.

    Attributes:
        tree: The platform as the plan writes it, with provenance.
        nodes: What a node of each pool offers.
        replica_stages: Start-up stages of replicas by name, for services that give none of their own.
        description: The platform in a few words.
        warnings: What was written and has no effect.
    """

    tree: dict[str, Any]
    nodes: tuple[Node, ...]
    replica_stages: dict[str, Known]
    description: str
    warnings: tuple[str, ...]


def resolve_platform(platform: Platform, scaled: Mapping[str, PythonNodePolicy]) -> ResolvedPlatform:
    """Looks up everything a platform refers to.

    Args:
        platform: The platform as written.
        scaled: What scales nodes, by the name of the pool.

    Raises:
        FieldError: A pool cannot be made sense of; the path is below the platform.
    """
    base = preset(platform.preset) if platform.preset else None
    warnings: list[str] = []
    pools = platform.pools or (_default_pool(base),)
    nodes = tuple(node_of(pool, index, platform=platform, base=base) for index, pool in enumerate(pools))
    trees = [
        _pool_tree(node, pool, platform=platform, base=base)
        | {"nodes": _node_count(pool, base, scaled.get(pool.name), warnings)}
        for node, pool in zip(nodes, pools, strict=True)
    ]
    tree: dict[str, Any] = {
        "kind": Fixed("fleet" if platform.is_fleet else "cluster"),
        "preset": Fixed(platform.preset or "own"),
        "pools": trees,
    }
    if not platform.is_fleet:
        tree["pull"] = _pull(platform)
    return ResolvedPlatform(
        tree, nodes, _replica_stages(platform, base), _described(tree, nodes, scaled), tuple(warnings)
    )


def _default_pool(base: Preset | None) -> Pool:
    if base is None:
        raise LookupError("an own platform without pools passed validation")
    return Pool(name=DEFAULT_POOL, instance=base.data["instance"])


def _described(tree: dict[str, Any], nodes: tuple[Node, ...], scaled: Mapping[str, PythonNodePolicy]) -> str:
    parts = []
    for pool, node in zip(tree["pools"], nodes, strict=True):
        policy = scaled.get(pool["name"].value)
        count = pool["nodes"].value if policy is None else f"{policy.min} to {policy.max}"
        parts.append(f"{count} x {node.instance}" if tree["kind"].value == "cluster" else node.instance)
    return f"{tree['preset'].value}: {', '.join(parts)}"


def _node_count(pool: Pool, base: Preset | None, policy: PythonNodePolicy | None, warnings: list[str]) -> Known | Fixed:
    if base is not None and base.kind == "fleet":
        return Fixed(0)
    if pool.nodes is not None:
        count = Known(pool.nodes, pool.nodes, "user", "scenario")
    elif pool.min is not None:
        count = Known(pool.min, pool.min, "user", "`min` of the pool")
    elif base is not None:
        count = Known(base.data["nodes"], str(base.data["nodes"]), "assumed", "size of the preset's pool")
    else:
        return Fixed(0)
    if pool.min is not None or pool.max is not None:
        warnings.append(
            f"no controller scales the nodes of pool `{pool.name}`: its size stays {count.text}"
            if policy is None
            else f"the bounds of pool `{pool.name}` are those of its policy, {policy.min} and {policy.max}, not its own"
        )
    return count


def _pool_tree(node: Node, pool: Pool, *, platform: Platform, base: Preset | None) -> dict[str, Any]:
    billing = platform.billing
    minimum = billing.minimum
    return {
        "name": Fixed(pool.name),
        "instance": Fixed(node.instance),
        "cpu_millicores": node.cpu,
        "memory_bytes": node.memory,
        "allocatable_cpu_millicores": node.allocatable_cpu,
        "allocatable_memory_bytes": node.allocatable_memory,
        "max_replicas": node.max_replicas,
        "speed_ratio": _speed(platform, base),
        "owned": _owned(node, pool, base),
        "billing": {
            "nanousd_per_hour": node.price,
            "granularity_ns": known(billing, "granularity", value=billing.granularity.nanos),
            "minimum_ns": _least_billed(node.provider)
            if minimum is None
            else Known(minimum.nanos, str(minimum), "user", "scenario"),
        },
        "startup": _node_stages(platform, base, node.provider),
    }


def _owned(node: Node, pool: Pool, base: Preset | None) -> Known:
    if pool.owned is not None:
        return Known(pool.owned, "yes" if pool.owned else "no", "user", "scenario")
    if not node.provider or (base is not None and base.name == "kubernetes-on-metal"):
        return Known(True, "yes", "assumed", "a machine of an own kind, or bare metal, is one's own")
    return Known(False, "no", "recalled", "clouds bill an instance while it runs")


def _least_billed(provider: str) -> Known:
    name = {"aws": "ec2_min_s", "gcp": "gce_min_s", "azure": "azure_min_s"}.get(provider, "ec2_min_s")
    found = figure(f"price.vm_billing.{name}")
    return Known(found.value * 10**9, f"{found.value} s", found.status, found.source)


def _speed(platform: Platform, base: Preset | None) -> Known:
    if platform.speed_ratio is not None:
        return Known(platform.speed_ratio, f"{platform.speed_ratio:g}", "user", "scenario")
    if base is None:
        return Known(1.0, "1", "assumed", "cores of an own platform run at bare-metal speed")
    reference = base.data["speed"]
    found = figure(reference["key"], status=reference["status"])
    return Known(float(found.value), str(found.value), found.status, found.source)


def _node_stages(platform: Platform, base: Preset | None, provider: str) -> list[dict[str, Any]]:
    chosen: dict[str, Known] = {}
    if platform.startup != "instant":
        if base is not None:
            tables = base.data["node_startup"]
            table = tables.get(provider) or tables.get("any") or tables["aws"]
            chosen = {name: stage(reference) for name, reference in table.items()}
        chosen |= _own_stages(platform.startup, _NODE_STAGES)
    return [{"stage": Fixed(name), "duration": chosen[name]} for name in _NODE_STAGES if name in chosen]


def _replica_stages(platform: Platform, base: Preset | None) -> dict[str, Known]:
    """Stages of replicas; with `startup: instant` there are none, else `init` is there even when it takes no time."""
    if platform.startup == "instant":
        return {}
    defaults = base.data.get("replica_startup", {}) if base is not None else {}
    nothing = {"distribution": "constant", "value_ns": 0}
    init = Known(nothing, "0 s", "assumed", "no initialisation of the application was described")
    return {
        **{name: stage(reference) for name, reference in defaults.items()},
        **_own_stages(platform.startup, ("create",)),
        "init": init,
    }


def _own_stages(startup: PlatformStartup, names: tuple[str, ...]) -> dict[str, Known]:
    given = {name: getattr(startup, name) for name in names}
    return {
        name: Known(each.plan(), each.describe(), "user", "scenario")
        for name, each in given.items()
        if each is not None
    }


def _pull(platform: Platform) -> Any:
    """Image transfer: none when the user says so or everything is instant, else the model with its defaults."""
    if platform.pull == "none":
        return Known(None, "none", "user", "scenario")
    if platform.startup == "instant" and not platform.pull.model_fields_set:
        return Known(None, "none", "user", "`startup: instant`")
    own = platform.pull
    megabytes = {
        "node_bandwidth": "node_bw_mb_s",
        "registry_bandwidth": "registry_bw_mb_s_per_node",
        "unpack_rate": "unpack_mb_s",
    }
    rates = {name: _default(key, lambda value: Bandwidth(int(value * _MEGABYTE))) for name, key in megabytes.items()}
    plain = {
        "compression_ratio": _default("compression_ratio", float),
        "layers": _default("layers", int),
        "rtt": _default("rtt_s", lambda value: Duration.parse(f"{value}s")),
        "serialized": _default("serialize_image_pulls", bool),
    }
    chosen = {name: _own_or(own, name, default) for name, default in (rates | plain).items()}
    names = {
        "node_bandwidth": "node_bytes_per_s",
        "registry_bandwidth": "registry_bytes_per_s",
        "unpack_rate": "unpack_bytes_per_s",
        "rtt": "rtt_ns",
    }
    return {names.get(name, name): _in_base_units(entry) for name, entry in chosen.items()}


def _default(key: str, convert: Any) -> Known:
    found = figure(f"image.pull_model.{key}")
    value = convert(found.value)
    return Known(
        value, ("yes" if value else "no") if isinstance(value, bool) else str(value), found.status, found.source
    )


def _own_or(own: Any, name: str, default: Known) -> Known:
    value = getattr(own, name)
    return default if value is None else Known(value, str(value), "user", "scenario")


def _in_base_units(entry: Known) -> Known:
    value = entry.value
    if isinstance(value, Bandwidth):
        return entry._replace(value=float(value.bytes_per_s))
    return entry._replace(value=value.nanos) if isinstance(value, Duration) else entry
