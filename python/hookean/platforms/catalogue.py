"""The catalogue of instance types (`data/instances.csv`): size and price, by `provider/type`."""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from hookean.scenario.fields import FieldError
from hookean.scenario.units import Cpu, Memory, Price


@dataclass(frozen=True)
class Instance:
    """One instance type.

    Attributes:
        provider: `aws`, `gcp` or `azure`.
        type: The provider's name of the type.
        cpu: Virtual CPUs (hardware threads on bare metal).
        memory: Memory.
        price: On-demand price in the region named by `source`.
        source: Where size and price were read, and when.
    """

    provider: str
    type: str
    cpu: Cpu
    memory: Memory
    price: Price
    source: str

    @property
    def name(self) -> str:
        """The name in scenarios: `provider/type`."""
        return f"{self.provider}/{self.type}"

    @property
    def is_metal(self) -> bool:
        """Whether it is a whole machine without hypervisor."""
        return "metal" in self.type

    @property
    def is_arm(self) -> bool:
        """Whether its processor is an ARM one (AWS Graviton families end in `g`)."""
        return self.provider == "aws" and self.type.split(".", maxsplit=1)[0].endswith("g")


@cache
def instances() -> dict[str, Instance]:
    """Returns the catalogue, by `provider/type`, in the order of the file."""
    text = files("hookean.platforms").joinpath("data/instances.csv").read_text(encoding="utf-8")
    rows = (_instance(row) for row in csv.DictReader(text.splitlines()))
    return {instance.name: instance for instance in rows}


def _instance(row: dict[str, str]) -> Instance:
    memory = Decimal(row["memory_gib"]) * 2**30
    return Instance(
        provider=row["provider"],
        type=row["type"],
        cpu=Cpu.parse(row["vcpu"]),
        memory=Memory(int(memory)),
        price=Price.parse(f"{row['on_demand_usd_h']} USD/h"),
        source=f"{row['source']} (as of {row['as_of']})",
    )


def instance(name: str) -> Instance:
    """Returns an instance type.

    Raises:
        FieldError: There is none of this name; the hint has the nearest ones.
    """
    catalogue = instances()
    if name in catalogue:
        return catalogue[name]
    near = difflib.get_close_matches(name, catalogue, n=3, cutoff=0.5) or list(catalogue)[:3]
    suggestion = ", ".join(f"`{each}`" for each in near)
    raise FieldError(
        f"unknown instance `{name}`",
        hint=f"nearest are {suggestion}; an own machine has `cpu`, `memory` and `price` in place of `instance`",
    )
