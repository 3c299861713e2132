"""The names of figures in vector files, and how each is read from a run of one system.

`T` and `W` speak of the sojourn time, `Wq` of the wait, `L` and `N` of requests in the system, `Lq` of waiting ones,
`E_` of servers, and so does `P_m`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .experiment import PROBABILITY_FLOOR, RAREST, RELATIVE_SECOND, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from .experiment import Column
    from .system import System

_NEAR = 0.05
"""How far the work of a request may be from the size that a conditional mean speaks of; means are linear in it."""


def figure(key: str, system: System, *, name: str = "main") -> Metric | None:
    """Returns how to read a figure from a system, or None when the name is not known.

    Args:
        key: Name of the figure.
        system: The system it belongs to.
        name: What the system is called in its experiment.
    """
    servers = system.replicas * system.cores
    return _named(key, servers=servers, name=name) or _numbered(key, name=name)


def figures(keys: Iterable[str], system: System, *, name: str = "main") -> dict[str, Metric]:
    """Returns how to read those of the figures whose names are known."""
    found = {key: figure(key, system, name=name) for key in keys}
    return {key: metric for key, metric in found.items() if metric is not None}


def mean(column: Column, *, name: str = "main") -> Metric:
    """Makes the figure that is the mean of a column."""
    return Metric(((name, column),))


def probability(column: Column, *, name: str = "main") -> Metric:
    """Makes the figure that is the mean of a column and a probability."""
    return Metric(((name, column),), floor=PROBABILITY_FLOOR, rarest=RAREST)


def ratio(above: Column, below: Column, *, names: tuple[str, str] = ("main", "main")) -> Metric:
    """Makes the figure that is a ratio of two means."""
    return Metric(((names[0], above), (names[1], below)), combine=_quotient)


def variance(first: Column, second: Column, *, name: str = "main") -> Metric:
    """Makes the variance of a figure from the means of itself and of its square."""
    return Metric(((name, first), (name, second)), combine=_spread, relative=RELATIVE_SECOND)


def _quotient(means: NDArray[np.float64]) -> float:
    return float(means[0] / means[1])


def _spread(means: NDArray[np.float64]) -> float:
    return float(means[1] - means[0] ** 2)


def _named(key: str, *, servers: int, name: str) -> Metric | None:
    """Figures with names of their own."""
    for table in (_over_requests, _over_time, _of_counts, _of_servers):
        found = table(servers, name).get(key)
        if found is not None:
            return found
    return None


def _over_requests(_servers: int, name: str) -> Mapping[str, Metric]:
    waits = probability(lambda run: run.share(run.wait > 0), name=name)
    return {
        "W": mean(lambda run: run.of_requests(run.sojourn), name=name),
        "Wq": mean(lambda run: run.of_requests(run.wait), name=name),
        "Wq_second_moment": Metric(((name, lambda run: run.of_requests(run.wait**2)),), relative=RELATIVE_SECOND),
        "W_second_moment": Metric(((name, lambda run: run.of_requests(run.sojourn**2)),), relative=RELATIVE_SECOND),
        "Wq_var": variance(lambda run: run.of_requests(run.wait), lambda run: run.of_requests(run.wait**2), name=name),
        "W_var": variance(
            lambda run: run.of_requests(run.sojourn), lambda run: run.of_requests(run.sojourn**2), name=name
        ),
        "slowdown": ratio(
            lambda run: run.of_requests(run.sojourn), lambda run: run.of_requests(run.work), names=(name, name)
        ),
        "erlang_c": waits,
        "P_wait_accepted": waits,
    }


def _over_time(servers: int, name: str) -> Mapping[str, Metric]:
    empty = probability(lambda run: run.over_time("in_system", lambda n: n == 0), name=name)
    return {
        "L": mean(lambda run: run.over_time("in_system"), name=name),
        "Lq": mean(lambda run: run.over_time("waiting"), name=name),
        "var_L": variance(
            lambda run: run.over_time("in_system"),
            lambda run: run.over_time("in_system", lambda n: n**2),
            name=name,
        ),
        "p0": empty,
        "P_empty": empty,
        "P_all_busy": probability(lambda run: run.over_time("in_system", lambda n: n >= servers), name=name),
    }


def _of_counts(servers: int, name: str) -> Mapping[str, Metric]:
    blocked = Metric(
        ((name, lambda run: run.count("rejected")), (name, lambda run: run.count("arrivals"))),
        combine=_quotient,
        floor=PROBABILITY_FLOOR,
        rarest=RAREST,
    )
    used = mean(lambda run: run.over_time("cpu_cores") / servers, name=name)
    return {
        "P_block": blocked,
        "erlang_b": blocked,
        "throughput": mean(lambda run: run.count("completed") / run.batch_s, name=name),
        "rho": used,
        "utilisation": used,
        # busy time / busy periods: an arrival at a single server begins one exactly when it does not wait
        "busy_period_mean": Metric(
            (
                (name, lambda run: run.over_time("cpu_cores") * run.batch_s),
                (name, lambda run: run.count("arrivals") * run.share(run.wait == 0)),
            ),
            combine=_quotient,
        ),
    }


def _of_servers(servers: int, name: str) -> Mapping[str, Metric]:
    """Figures of servers that come and go: replicas that are `starting` are in setup, `ready` ones are on."""
    on = mean(lambda run: run.over_time("ready"), name=name)
    switched_on = mean(lambda run: run.replicas("created") / run.batch_s, name=name)
    return {
        "E_on": on,
        "E_servers": on,
        "E_active": on,
        "E_busy": mean(lambda run: run.over_time("cpu_cores"), name=name),
        "E_setup": mean(lambda run: run.over_time("starting"), name=name),
        "E_powered": mean(lambda run: run.over_time("ready") + run.over_time("starting"), name=name),
        "E_target": mean(lambda run: run.over_time("desired"), name=name),
        "P_off": probability(lambda run: run.over_time("desired", lambda n: n == 0), name=name),
        "P_setup": probability(lambda run: run.over_time("starting", lambda n: n > 0), name=name),
        "P_no_setup": probability(lambda run: run.over_time("starting", lambda n: n == 0), name=name),
        "P_at_cmax": probability(lambda run: run.over_time("ready", lambda n: n == servers), name=name),
        "setup_rate": switched_on,
        "switch_up_rate": switched_on,
        # an idle period ends when the server goes, or when a request comes and does not wait
        "P_idle_ends_off": Metric(
            (
                (name, lambda run: run.replicas("drained")),
                (name, lambda run: run.count("arrivals") * run.share(run.wait == 0)),
            ),
            combine=lambda means: float(means[0] / means.sum()),
            floor=PROBABILITY_FLOOR,
            rarest=RAREST,
        ),
    }


_QUANTILE = re.compile(r"(T|Wq)_p(\d+)")
_AT_MOST = re.compile(r"P_Wq_le_([\d.]+)")
_AT_LEAST = re.compile(r"P_N_ge_(\d+)")
_SERVERS = re.compile(r"P_m(\d+)")
_GIVEN = re.compile(r"W_given_x_([\d_]+)")


def _numbered(key: str, *, name: str) -> Metric | None:
    """Figures whose name holds a number."""
    if found := _QUANTILE.fullmatch(key):
        share, sojourn = int(found[2]) / 10 ** len(found[2]), found[1] == "T"
        return mean(lambda run: run.quantile(run.sojourn if sojourn else run.wait, share), name=name)
    if found := _AT_MOST.fullmatch(key):
        most = float(found[1])
        return probability(lambda run: run.share(run.wait <= most), name=name)
    if found := _AT_LEAST.fullmatch(key):
        least = int(found[1])
        return probability(lambda run: run.over_time("in_system", lambda n: n >= least), name=name)
    if found := _SERVERS.fullmatch(key):
        number = int(found[1])
        return probability(lambda run: run.over_time("ready", lambda n: n == number), name=name)
    if found := _GIVEN.fullmatch(key):
        size = float(found[1].replace("_", "."))
        return mean(lambda run: run.near(size, _NEAR), name=name)
    return None
