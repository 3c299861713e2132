"""Controllers as a scenario writes them: one pydantic model each, listed once in `CONTROLLERS`."""

from .base import Controller
from .check import Violation, check_policy
from .ec2_target_tracking import Ec2TargetTracking, TargetPolicy
from .hpa import Hpa, HpaGates, HpaMetric
from .hpa_behavior import HpaBehavior, HpaPolicy, HpaRules
from .observation import NodeObservation, Observation, Observations, ReplicaObservation, Sample, Setup
from .on_demand import OnDemand
from .pipeline import CloudwatchPipeline, IdealPipeline, KubernetesPipeline, Pipeline
from .python import PythonNodePolicy, PythonPolicy
from .registry import policy
from .static import Static
from .table import CONTROLLERS, AnyController, ControllerEntry
from .thresholds import Thresholds

__all__ = [
    "CONTROLLERS",
    "AnyController",
    "CloudwatchPipeline",
    "Controller",
    "ControllerEntry",
    "Ec2TargetTracking",
    "Hpa",
    "HpaBehavior",
    "HpaGates",
    "HpaMetric",
    "HpaPolicy",
    "HpaRules",
    "IdealPipeline",
    "KubernetesPipeline",
    "NodeObservation",
    "Observation",
    "Observations",
    "OnDemand",
    "Pipeline",
    "PythonNodePolicy",
    "PythonPolicy",
    "ReplicaObservation",
    "Sample",
    "Setup",
    "Static",
    "TargetPolicy",
    "Thresholds",
    "Violation",
    "check_policy",
    "policy",
]
