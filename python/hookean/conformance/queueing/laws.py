"""Service laws: as a scenario writes them, or drawn here where the engine has no sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .system import System
from .traffic import Drawn, Poisson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

HEAVY = ("lognormal", "bounded_pareto")
"""Laws whose sixth moment makes a simulated second moment of the wait useless: it would take some 10^12 requests."""


def seconds(value: float) -> str:
    """Writes seconds as a scenario does, to the nanosecond."""
    return f"{round(value * 1e9)}ns"


def constant(value_s: float) -> dict[str, Any]:
    """Returns a constant as a scenario writes it."""
    return {"distribution": "constant", "value": seconds(value_s)}


def exponential(mean_s: float) -> dict[str, Any]:
    """Returns an exponential as a scenario writes it."""
    return {"distribution": "exponential", "mean": seconds(mean_s)}


def squared_variation(case_params: Mapping[str, Any]) -> float:
    """Returns the squared coefficient of variation of a named law."""
    name, law = case_params["service"], case_params["service_params"]
    if "m2" in case_params:
        return float(case_params["m2"] / case_params["m1"] ** 2 - 1.0)
    known = {"deterministic": 0.0, "exponential": 1.0, "uniform": 1.0 / 3.0}
    if "scv" in law:
        return float(law["scv"])
    if "k" in law:
        return 1.0 / float(law["k"])
    if "shape" in law:
        return 1.0 / float(law["shape"])
    return next((value for start, value in known.items() if name.startswith(start)), 10.0)


def system(case_params: Mapping[str, Any], relaxation_s: float, **more: Any) -> System:
    """Returns a single server with the service law that a case names.

    Args:
        case_params: Parameters of a case with `lam`, `service` and `service_params`.
        relaxation_s: See `System`.
        more: Further fields of the system.

    Raises:
        LookupError: If the law is not known.
    """
    rate, work = case_params["lam"], _written(case_params["service"], case_params["service_params"])
    if work is not None:
        return System(Poisson(rate), work, relaxation_s, **more)
    drawn = _drawn(case_params["service"], case_params["service_params"])
    if drawn is None:
        raise LookupError(f"the service law `{case_params['service']}` is not known")
    return System(Drawn(rate, drawn), None, relaxation_s, **{"requests_max": 3e8, **more})


def _written(name: str, law: Mapping[str, Any]) -> dict[str, Any] | None:
    write = next((write for start, write in _WRITTEN.items() if name.startswith(start)), None)
    return None if write is None else write(law)


def _hyperexponential(law: Mapping[str, Any]) -> dict[str, Any]:
    means = [seconds(law["mean1"]), seconds(law["mean2"])]
    return {"distribution": "hyperexponential", "means": means, "weights": [law["p1"], 1.0 - law["p1"]]}


def _drawn(name: str, law: Mapping[str, Any]) -> Any:
    if name.startswith("gamma"):
        return lambda random, count: random.gamma(law["shape"], law["scale"], count)
    if name.startswith("bounded_pareto"):
        return lambda random, count: _bounded_pareto(random, count, law)
    return None


_WRITTEN: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "deterministic": lambda law: constant(law["mean"]),
    "exponential": lambda law: exponential(law["mean"]),
    "erlang": lambda law: {"distribution": "erlang", "mean": seconds(law["mean"]), "stages": law["k"]},
    "hyperexp2": _hyperexponential,
    "lognormal": lambda law: {"distribution": "lognormal", "mean": seconds(law["mean"]), "cv": law["scv"] ** 0.5},
    "uniform": lambda law: {"distribution": "uniform", "low": seconds(law["a"]), "high": seconds(law["b"])},
}
"""Laws that a scenario writes, by the beginning of their name."""


def _bounded_pareto(random: np.random.Generator, count: int, law: Mapping[str, Any]) -> NDArray[np.float64]:
    """Draws by inversion: P(S > x) = (x^-alpha - upper^-alpha) / (lower^-alpha - upper^-alpha)."""
    alpha, lower, upper = law["alpha"], law["lower"], law["upper"]
    least, most = upper**-alpha, lower**-alpha
    drawn: NDArray[np.float64] = (least + random.random(count) * (most - least)) ** (-1.0 / alpha)
    return drawn
