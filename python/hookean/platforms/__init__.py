"""Platforms: models, presets, the catalogue of instance types, reservation rules, and the figures they rest on."""

from .catalogue import Instance, instance, instances
from .model import Billing, Daemons, Platform, PlatformStartup, Pool, Pull
from .presets import PRESETS, Preset, preset

__all__ = [
    "PRESETS",
    "Billing",
    "Daemons",
    "Instance",
    "Platform",
    "PlatformStartup",
    "Pool",
    "Preset",
    "Pull",
    "instance",
    "instances",
    "preset",
]
