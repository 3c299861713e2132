"""First come, first served from one queue: M/M/1, M/M/c, M/D/c, M/M/c/K and the tables of Erlang's formulas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hookean.analysis import closed_forms
from hookean.conformance.queueing.experiment import RAREST, Experiment, Metric
from hookean.conformance.queueing.figures import figures, probability, ratio
from hookean.conformance.queueing.laws import constant, exponential
from hookean.conformance.queueing.system import BATCH_RELAXATIONS, System, relaxation_s
from hookean.conformance.queueing.traffic import Poisson

if TYPE_CHECKING:
    import numpy as np

    from hookean.conformance.queueing.experiment import Case

RARE_WAITS = 0.01
"""Where fewer requests wait, what is said of waits is computed, or not covered: the request log has some ten thousand
rows a batch, and so few of them would have to show how long waits are."""


def markovian(case: Case) -> Experiment:
    """M/M/1 and M/M/c; the blocking probability of the same servers without a queue comes from a second system."""
    rate, service_rate, servers = _rates(case.params)
    delay = _delay(rate, service_rate, servers)
    loss = _loss(rate, service_rate, servers)
    metrics = figures([key for key in case.expected if key != "erlang_b"], delay)
    metrics |= figures({"erlang_b"} & case.expected.keys(), loss, name="loss")
    computed = {"a": rate / service_rate, **_rare(servers, rate / service_rate)}
    long = 1.0 / service_rate
    if "P_wait_gt_1_over_mu" in case.expected:
        metrics["P_wait_gt_1_over_mu"] = probability(lambda run: run.share(run.wait > long))
    if closed_forms.erlang_c(servers, rate / service_rate) < RARE_WAITS:
        computed |= _rare_waits(rate, service_rate, servers)
    simulated = {key: metric for key, metric in metrics.items() if key not in computed}
    return Experiment({"main": delay, "loss": loss}, simulated, computed)


def _rare_waits(rate: float, service_rate: float, servers: int) -> dict[str, float]:
    """What is said of waits in M/M/c where fewer than one in a hundred wait."""
    wait = closed_forms.mmc_wait(servers, rate, service_rate)
    waits = closed_forms.erlang_c(servers, rate / service_rate)
    longer = waits * math.exp(rate / service_rate - servers)
    return {"Wq": wait, "Lq": rate * wait, "P_wait_gt_1_over_mu": longer, "Wq_p95": 0.0, "Wq_p99": 0.0}


def deterministic(case: Case) -> Experiment:
    """M/D/1 and M/D/c."""
    rate, servers, service_s = case.params["lam"], case.params.get("c", 1), case.params["D"]
    service_rate = 1.0 / service_s
    relaxation = relaxation_s(rate=rate, servers=servers, service_rate=service_rate, scv=0.0)
    system = System(Poisson(rate), constant(service_s), relaxation, replicas=servers)
    metrics = figures(case.expected, system)
    if closed_forms.erlang_c(servers, rate * service_s) < RARE_WAITS:
        reason = f"fewer than 1 in {1 / RARE_WAITS:g} wait: not seen often enough in runs of this length"
        rare = {key: reason for key in case.expected if key in {"Wq", "Lq", "ratio_to_mmc"}}
        metrics = {key: metric for key, metric in metrics.items() if key not in rare}
        return Experiment({"main": system}, metrics, {"scv": 0.0}, uncovered=rare)
    if "ratio_to_mmc" in case.expected:
        markov = closed_forms.mmc_wait(servers, rate, service_rate)
        metrics["ratio_to_mmc"] = Metric((("main", lambda run: run.of_requests(run.wait) / markov),))
    return Experiment({"main": system}, metrics, {"scv": 0.0})


def finite(case: Case) -> Experiment:
    """M/M/c/K: K counts the requests in service too."""
    rate, service_rate, servers = _rates(case.params)
    room = case.params["K"] - servers
    relaxation = relaxation_s(rate=rate, servers=servers, service_rate=service_rate, room=room)
    # the last requests, behind a queue that may be full, have to be done when the run ends
    relaxation = max(relaxation, 2.0 * case.params["K"] / (servers * service_rate) / BATCH_RELAXATIONS)
    system = System(Poisson(rate), exponential(1.0 / service_rate), relaxation, replicas=servers, limit=room)
    return Experiment({"main": system}, figures(case.expected, system), {"a": rate / service_rate})


def erlang(case: Case) -> Experiment:
    """Erlang's formulas: blocking is simulated without a queue, waiting with one where that is stable."""
    servers, load = case.params["c"], case.params["a"]
    loss = _loss(load, 1.0, servers)
    metrics = figures(["erlang_b"], loss, name="loss")
    if load >= servers:
        uncovered = {"erlang_c": "the queue is not stable; 1 is what the table writes by convention"}
        return Experiment({"loss": loss}, metrics, uncovered=uncovered)
    delay = _delay(load, 1.0, servers)
    metrics |= figures(["erlang_c"], delay)
    computed = _rare(servers, load)
    simulated = {key: metric for key, metric in metrics.items() if key not in computed}
    return Experiment({"loss": loss, "main": delay}, simulated, computed)


def _rare(servers: int, load: float) -> dict[str, float]:
    """Erlang's probabilities where they are too small to be seen in runs: by his formulas."""
    known = {"erlang_b": closed_forms.erlang_b(servers, load), "erlang_c": closed_forms.erlang_c(servers, load)}
    return {key: value for key, value in known.items() if value < RAREST}


def splitting(case: Case) -> Experiment:
    """Separate queues behind random routing, beside one queue for the same servers."""
    rate, service_rate, servers = case.params["lam"], case.params["mu"], case.params["n"]
    relaxation = relaxation_s(rate=rate / servers, servers=1, service_rate=service_rate)
    work = exponential(1.0 / service_rate)
    split = System(Poisson(rate), work, relaxation, discipline="fifo", replicas=servers)
    pooled = _delay(rate, service_rate, servers)
    metrics = {
        "W_random_split": Metric((("split", lambda run: run.of_requests(run.sojourn)),)),
        "W_pooled": Metric((("pooled", lambda run: run.of_requests(run.sojourn)),)),
        "ratio": ratio(
            lambda run: run.of_requests(run.sojourn),
            lambda run: run.of_requests(run.sojourn),
            names=("split", "pooled"),
        ),
    }
    return Experiment({"split": split, "pooled": pooled}, metrics)


def dimensioning(case: Case) -> Experiment:
    """The least number of servers that keeps a percentile: simulated with it, and with one server less."""
    rate, service_rate, objective_s = case.params["lam"], case.params["mu"], case.params["slo"]
    least, load, bad = int(case.expected["min_c"]), rate / service_rate, 1.0 - case.params["p"]
    systems = {"enough": _delay(rate, service_rate, least)}
    enough = ("enough", lambda run: run.share(run.sojourn > objective_s))
    metrics = {"tail_at_min_c": Metric((enough,), floor=_decisive(case, "tail_at_min_c"))}
    computed = {"offered_load": load, "sqrt_staffing_beta": (least - load) / load**0.5}
    if load >= least - 1:
        metrics["min_c"] = Metric((enough,), combine=lambda tails: least if tails[0] <= bad else least + 1)
        uncovered = {"tail_at_min_c_minus_1": "one server less is not stable; 1 is the limit, written by convention"}
        return Experiment(systems, metrics, computed, uncovered=uncovered)
    systems["short"] = _delay(rate, service_rate, least - 1)
    short = ("short", lambda run: run.share(run.sojourn > objective_s))
    metrics["tail_at_min_c_minus_1"] = Metric((short,), floor=_decisive(case, "tail_at_min_c_minus_1"))
    metrics["min_c"] = Metric((enough, short), combine=lambda tails: _least(tails, least=least, bad=bad))
    return Experiment(systems, metrics, computed)


def _decisive(case: Case, key: str) -> float:
    """Returns half the distance of a tail from the objective: twice as narrow as telling its side needs."""
    bad = 1.0 - case.params["p"]
    return float(abs(case.expected.get(key, bad) - bad) / 2.0)


def _least(tails: np.ndarray[Any, np.dtype[np.float64]], *, least: int, bad: float) -> float:
    """Returns the least number of servers that the tails with `least` and `least - 1` servers speak for."""
    if tails[0] > bad:
        return least + 1
    return least if tails[1] > bad else least - 1


def _rates(params: Any) -> tuple[float, float, int]:
    return params["lam"], params["mu"], params.get("c", 1)


def _delay(rate: float, service_rate: float, servers: int) -> System:
    relaxation = relaxation_s(rate=rate, servers=servers, service_rate=service_rate)
    return System(Poisson(rate), exponential(1.0 / service_rate), relaxation, replicas=servers)


def _loss(rate: float, service_rate: float, servers: int) -> System:
    return System(Poisson(rate), exponential(1.0 / service_rate), 3.0 / service_rate, replicas=servers, limit=0)
