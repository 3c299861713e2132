"""A fluid backlog that drains: replayed as many small requests, evenly spaced, of constant work."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hookean.conformance.queueing.experiment import Experiment, NotExpressible
from hookean.conformance.queueing.laws import constant, seconds
from hookean.conformance.queueing.traffic import write_table
from hookean.scenario import Scenario
from hookean.simulation import simulate

if TYPE_CHECKING:
    from hookean import RunResult
    from hookean.conformance.queueing.experiment import Case

_PARTS = 20
"""Requests that stand for one unit of fluid."""


def drain(case: Case) -> Experiment | NotExpressible:
    """Time to drain, area under the backlog and longest wait of a queue that begins with a backlog.

    A request in service is no backlog: `c` of `_PARTS x backlog` requests. That and the spacing of arrivals bound the
    relative error by `(2 c + 2) / (_PARTS x backlog)`.
    """
    params = case.params
    if params["lam"] >= params["c"] * params["mu"]:
        return NotExpressible("the backlog never drains")
    log = _replay(case).requests
    if log is None:
        raise LookupError("the run kept no requests")
    arrival = log["arrival"].to_physical().to_numpy() * 1e-9
    wait = (log["start"].to_physical() - log["arrival"].to_physical()).to_numpy() * 1e-9
    at_once = np.flatnonzero(wait == 0.0)[int(params["c"]) :]
    drained = int(at_once[0]) if at_once.size else wait.size  # nobody may come after the backlog
    values = {
        "drain_time": float(arrival[drained] if at_once.size else (arrival + wait).max()),
        "area_of_backlog": float(wait[:drained].sum()) / _PARTS,
        "max_fluid_wait": float(wait.max()),
    }
    error = (2.0 * params["c"] + 2.0) / (_PARTS * params["backlog"])
    return Experiment(replayed={key: (value, error * abs(value)) for key, value in values.items()})


def _replay(case: Case) -> RunResult:
    params = case.params
    servers, rate = int(params["c"]), _PARTS * params["lam"]
    horizon = 1.1 * params["backlog"] / (params["c"] * params["mu"] - params["lam"])
    late = np.rint((np.arange(int(rate * horizon)) + 1.0) / rate * 1e9).astype(np.int64)
    times = np.concatenate([np.zeros(round(_PARTS * params["backlog"]), dtype=np.int64), late])
    with tempfile.TemporaryDirectory() as folder:
        source = write_table(pl.DataFrame({"time": times}), Path(folder) / "fluid.parquet")
        pool = {"name": "ample", "cpu": servers + 1, "memory": "1Gi", "price": "0 USD/h", "nodes": 1}
        scenario = Scenario.model_validate(
            {
                "seed": 0,
                "duration": seconds(2.0 * horizon),
                "services": {
                    "station": {
                        "work": constant(1.0 / (_PARTS * params["mu"])),
                        "replica": {"cpu": servers, "memory": "1Mi"},
                        "replicas": 1,
                        "queue": {"discipline": "central_fifo"},
                    }
                },
                "workload": [{"service": "station", **source}],
                "platform": {
                    "kind": "cluster",
                    "pools": [pool],
                    "startup": "instant",
                    "pull": "none",
                    "reservation": "none",
                },
                "record": {"requests": "full"},
            }
        )
        return simulate(scenario)
