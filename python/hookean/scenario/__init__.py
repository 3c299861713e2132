"""Scenarios: what a person writes, in a file or in Python, checked and typed.

`units` holds quantities, `model` the scenario itself, `load` reads files. Names are resolved on first use, so that the
modules of this package and those of `hookean.platforms` and `hookean.policies` can build on `units` and `fields` alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hookean.scenario.distribution import Constant as Constant
    from hookean.scenario.distribution import Empirical as Empirical
    from hookean.scenario.distribution import Erlang as Erlang
    from hookean.scenario.distribution import Exponential as Exponential
    from hookean.scenario.distribution import Gamma as Gamma
    from hookean.scenario.distribution import Hyperexponential as Hyperexponential
    from hookean.scenario.distribution import Lognormal as Lognormal
    from hookean.scenario.distribution import Pareto as Pareto
    from hookean.scenario.distribution import Uniform as Uniform
    from hookean.scenario.distribution import Weibull as Weibull
    from hookean.scenario.load import load_scenario as load_scenario
    from hookean.scenario.model import Record as Record
    from hookean.scenario.model import Scenario as Scenario
    from hookean.scenario.request_class import RequestClass as RequestClass
    from hookean.scenario.routing import PowerOfChoices as PowerOfChoices
    from hookean.scenario.routing import Sticky as Sticky
    from hookean.scenario.service import Queue as Queue
    from hookean.scenario.service import Replica as Replica
    from hookean.scenario.service import Service as Service
    from hookean.scenario.service import Slo as Slo
    from hookean.scenario.workload import LoadStep as LoadStep
    from hookean.scenario.workload import Rates as Rates
    from hookean.scenario.workload import Workload as Workload

_MODULES = {
    "Constant": "distribution",
    "Empirical": "distribution",
    "Erlang": "distribution",
    "Exponential": "distribution",
    "Gamma": "distribution",
    "Hyperexponential": "distribution",
    "LoadStep": "workload",
    "Lognormal": "distribution",
    "Pareto": "distribution",
    "PowerOfChoices": "routing",
    "Queue": "service",
    "Rates": "workload",
    "Record": "model",
    "Replica": "service",
    "RequestClass": "request_class",
    "Scenario": "model",
    "Service": "service",
    "Slo": "service",
    "Sticky": "routing",
    "Uniform": "distribution",
    "Weibull": "distribution",
    "Workload": "workload",
    "load_scenario": "load",
}
__all__ = sorted(_MODULES)  # noqa: PLE0605 (sorted gives a list of names)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)  # asked once for each name
    return found


def __dir__() -> list[str]:
    return sorted(_MODULES)
