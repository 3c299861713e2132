"""hookean: replays traffic against autoscalers, before production does.

`load_scenario` reads a scenario, `simulate` runs it, `compare` runs several. Names are imported on first use, so that
`import hookean` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hookean import _processor

if TYPE_CHECKING:
    from hookean.errors import HookeanError as HookeanError
    from hookean.errors import PolicyError as PolicyError
    from hookean.errors import ScenarioError as ScenarioError
    from hookean.errors import TraceError as TraceError
    from hookean.platforms import Platform as Platform
    from hookean.platforms import Pool as Pool
    from hookean.policies import Ec2TargetTracking as Ec2TargetTracking
    from hookean.policies import Hpa as Hpa
    from hookean.policies import HpaMetric as HpaMetric
    from hookean.policies import OnDemand as OnDemand
    from hookean.policies import PythonPolicy as PythonPolicy
    from hookean.policies import Static as Static
    from hookean.policies import Thresholds as Thresholds
    from hookean.result import RunResult as RunResult
    from hookean.result import latency_quantiles as latency_quantiles
    from hookean.scenario import LoadStep as LoadStep
    from hookean.scenario import Queue as Queue
    from hookean.scenario import Rates as Rates
    from hookean.scenario import Record as Record
    from hookean.scenario import Replica as Replica
    from hookean.scenario import Scenario as Scenario
    from hookean.scenario import Service as Service
    from hookean.scenario import Slo as Slo
    from hookean.scenario import Workload as Workload
    from hookean.scenario import load_scenario as load_scenario
    from hookean.simulation import compare as compare
    from hookean.simulation import simulate as simulate

_MODULES = {
    "hookean.errors": ("HookeanError", "PolicyError", "ScenarioError", "TraceError"),
    "hookean.platforms": ("Platform", "Pool"),
    "hookean.policies": ("Ec2TargetTracking", "Hpa", "HpaMetric", "OnDemand", "PythonPolicy", "Static", "Thresholds"),
    "hookean.result": ("RunResult", "latency_quantiles"),
    "hookean.scenario": (
        "LoadStep",
        "Queue",
        "Rates",
        "Record",
        "Replica",
        "Scenario",
        "Service",
        "Slo",
        "Workload",
        "load_scenario",
    ),
    "hookean.simulation": ("compare", "simulate"),
}
_SUBMODULES = ("analysis", "errors", "figures", "platforms", "policies", "report", "result", "scenario", "traces")
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from hookean._core import __version__  # noqa: PLC0415 (the compiled module is loaded on first use)

        return __version__
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(_HOME[name]), name)  # so that this is asked once for each name
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_SUBMODULES, "__version__"})


_processor.check()
