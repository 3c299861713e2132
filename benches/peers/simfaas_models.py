"""S10 in SimFaaS: its own example, with another length. It keeps no waits; it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from outcome import Outcome
from simfaas.ServerlessSimulator import ServerlessSimulator

if TYPE_CHECKING:
    from jobs import Function


def function(job: Function, seed: int) -> Outcome:
    """Simulates S10."""
    np.random.seed(seed)  # noqa: NPY002 (the generator that SimFaaS draws from)
    simulation = ServerlessSimulator(
        arrival_rate=job.rate,
        warm_service_rate=1 / job.warm_s,
        cold_service_rate=1 / job.cold_s,
        expiration_threshold=job.kept_s,
        max_time=job.length_s,
    )
    simulation.generate_trace(debug_print=False, progress=False)
    figures = {
        "cold_ratio": float(simulation.get_cold_start_prob()),
        "instances": float(simulation.get_average_server_count()),
        "running": float(simulation.get_average_server_running_count()),
    }
    return Outcome(figures=figures, completed=simulation.total_req_count)
