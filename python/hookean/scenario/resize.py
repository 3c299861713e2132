"""Resizes: replicas that get another CPU while they serve."""

from __future__ import annotations

from pydantic import model_validator

from .fields import FieldError, Model, Name
from .units import Cpu, Duration


class Resize(Model):
    """From an instant on, replicas of a service have another CPU: those that are there, in place, and those to come.

    It follows the in-place resize of pods in Kubernetes: requests in service keep what they have done, the share of a
    node changes with the replica, and where a node has no room the resize of that replica waits until it has. Replicas
    on their way out keep what they have. Slots stay as many, and a request runs on one core at most.
    """

    service: Name
    """Whose replicas."""
    at: Duration
    """When, from the start of the scenario."""
    cpu: Cpu
    """CPU of each from then on. One with a `cpu_limit` keeps the ratio of limit and CPU, from the next period on."""

    @model_validator(mode="after")
    def _some_cpu(self) -> Resize:
        if self.cpu.base == 0:
            raise FieldError("a replica needs some CPU", hint="for example `500m`", at=["cpu"])
        return self
