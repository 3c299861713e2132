"""Platform presets: `*.toml` beside this module, one file each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A platform preset.

    Attributes:
        name: Its name in scenarios.
        summary: One sentence.
        kind: `fleet` or `cluster`.
        virtual: Whether its nodes are virtual machines.
        data: Everything else of its file: references into the table of substrate figures.
    """

    name: str
    summary: str
    kind: str
    virtual: bool
    data: dict[str, Any]


PRESETS = ("vm-fleet", "kubernetes-on-metal", "kubernetes-on-vms")
"""The presets: validation, `hookean list platforms` and the tests read this."""


@cache
def preset(name: str) -> Preset:
    """Returns a preset by its name, one of `PRESETS`."""
    data = tomllib.loads(files("hookean.platforms").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    return Preset(name, data["summary"], data["kind"], data["virtual"], data)
