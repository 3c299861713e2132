"""First come, first served from one queue: M/M/1, M/M/c, M/D/c, M/M/c/K and the tables of Erlang's formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.analysis import closed_forms
from hookean.conformance.queueing.experiment import Experiment, Metric
from hookean.conformance.queueing.figures import figures, probability, ratio
from hookean.conformance.queueing.laws import constant, exponential
from hookean.conformance.queueing.system import System, relaxation_s
from hookean.conformance.queueing.traffic import Poisson

if TYPE_CHECKING:
    import numpy as np

    from hookean.conformance.queueing.experiment import Case


def markovian(case: Case) -> Experiment:
    """M/M/1 and M/M/c; the blocking probability of the same servers without a queue comes from a second system."""
    rate, service_rate, servers = _rates(case.params)
    delay = _delay(rate, service_rate, servers)
    loss = _loss(rate, service_rate, servers)
    metrics = figures([key for key in case.expected if key != "erlang_b"], delay)
    metrics |= figures({"erlang_b"} & case.expected.keys(), loss, name="loss")
    long = 1.0 / service_rate
    if "P_wait_gt_1_over_mu" in case.expected:
        metrics["P_wait_gt_1_over_mu"] = probability(lambda run: run.share(run.wait > long))
    computed = {"a": rate / service_rate} if "a" in case.expected else {}
    systems = {"main": delay} | ({"loss": loss} if "erlang_b" in case.expected else {})
    return Experiment(systems, metrics, computed)


def deterministic(case: Case) -> Experiment:
    """M/D/1 and M/D/c."""
    rate, servers, service_s = case.params["lam"], case.params.get("c", 1), case.params["D"]
    service_rate = 1.0 / service_s
    relaxation = relaxation_s(rate=rate, servers=servers, service_rate=service_rate, scv=0.0)
    system = System(Poisson(rate), constant(service_s), relaxation, replicas=servers)
    metrics = figures(case.expected, system)
    if "ratio_to_mmc" in case.expected:
        markov = closed_forms.mmc_wait(servers, rate, service_rate)
        metrics["ratio_to_mmc"] = Metric((("main", lambda run: run.of_requests(run.wait) / markov),))
    computed = {"scv": 0.0} if "scv" in case.expected else {}
    return Experiment({"main": system}, metrics, computed)


def finite(case: Case) -> Experiment:
    """M/M/c/K: K counts the requests in service too."""
    rate, service_rate, servers = _rates(case.params)
    room = case.params["K"] - servers
    # a finite queue is filled or emptied at most in about K^2 / rate, however near to 1 its load is
    gap = (servers * service_rate) ** 0.5 - rate**0.5
    relaxation = min(1.0 / gap**2 if gap else float("inf"), case.params["K"] ** 2 / rate) + 1.0 / service_rate
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
    return Experiment({"loss": loss, "main": delay}, metrics | figures(["erlang_c"], delay))


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
    return float(abs(case.expected[key] - (1.0 - case.params["p"])) / 2.0)


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
