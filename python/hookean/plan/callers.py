"""What callers do, as the plan writes it: retries and clients in a closed loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.scenario.provenance import Fixed, Known, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookean.scenario.callers import Backoff, Clients, Retry, RetryBudget
    from hookean.scenario.service import Service
    from hookean.scenario.workload import Workload


def callers_tree(workload: Workload) -> dict[str, Any]:
    """Returns the callers of a workload as the plan writes them, with provenance."""
    return {
        "deadline_ns": Fixed(None)
        if workload.deadline is None
        else known(workload, "deadline", value=workload.deadline.nanos),
        "retry": Fixed(None) if workload.retry is None else retry_tree(workload.retry),
        "clients": Fixed(None) if workload.clients is None else _clients(workload.clients),
    }


def retry_tree(retry: Retry) -> dict[str, Any]:
    """Returns rules for retries as the plan writes them, with provenance."""
    after = {
        f"after_{failure}": known(retry, "after", value=failure in retry.after, text=_yes_or_no(failure in retry.after))
        for failure in ("rejected", "timed_out", "lost", "unanswered")
    }
    return after | {
        "attempts_max": known(retry, "attempts", value=retry.attempts),
        "backoff": _backoff(retry.backoff),
        "budget": Fixed(None) if retry.budget is None else _budget(retry.budget),
    }


def _yes_or_no(value: object) -> str:
    return "yes" if value else "no"


def _backoff(backoff: Backoff) -> dict[str, Any]:
    return {
        "initial_ns": known(backoff, "initial", value=backoff.initial.nanos),
        "factor": known(backoff, "factor", value=backoff.factor),
        "maximum_ns": known(backoff, "maximum", value=backoff.maximum.nanos),
        "jitter": known(backoff, "jitter", value=backoff.jitter),
    }


def _budget(budget: RetryBudget) -> dict[str, Any]:
    return {
        "ratio": known(budget, "ratio", value=float(budget.ratio)),
        "per_second_min": known(budget, "per_second", value=float(budget.per_second)),
        "window_ns": known(budget, "window", value=budget.window.nanos),
    }


def _clients(clients: Clients) -> dict[str, Any]:
    return {
        "count": known(clients, "count", value=clients.count),
        "think": Known(clients.think.plan(), clients.think.describe(), "user", "scenario"),
        "duration_ns": Fixed(None)
        if clients.duration is None
        else known(clients, "duration", value=clients.duration.nanos),
    }


def callers_text(workload: Workload) -> Iterator[str]:
    """Gives what callers do, in a few words."""
    if workload.clients is not None:
        yield workload.clients.describe()
    if workload.retry is not None:
        budget = "" if workload.retry.budget is None else " within a budget"
        yield f"up to {workload.retry.attempts} attempts{budget}"


_CAUSES = {"rejected": ("limit",), "timed_out": ("timeout", "total_timeout")}
"""Fields of a queue that let requests fail in a way."""


def callers_warnings(workload: Workload, service: Service) -> Iterator[str]:
    """Tells which failures are named that cannot happen."""
    retry = workload.retry
    if retry is None or "after" not in retry.model_fields_set:
        return
    for failure in retry.after:
        if failure == "unanswered" and not any(call.hold for call in service.calls):
            yield f"retries of `{workload.service}` after `unanswered` never happen: it makes no synchronous calls"
        causes = _CAUSES.get(failure, ())
        if causes and all(getattr(service.queue, cause) is None for cause in causes):
            fields = " or ".join(f"`{cause}`" for cause in causes)
            yield f"retries of `{workload.service}` after `{failure}` never happen: its queue has no {fields}"


def callers_end_ns(workload: Workload, start_ns: int, end_ns: int | None) -> int | None:
    """Returns when a workload ends whose source ends at `end_ns`; `None` when it does not end by itself."""
    clients = workload.clients
    if clients is None or clients.duration is None:
        return end_ns
    return max(start_ns + clients.duration.nanos, end_ns or 0)
