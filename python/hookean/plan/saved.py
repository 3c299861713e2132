"""Plans in folders, to reproduce a mistake of the engine: `plan.json` and the arrays beside it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hookean.plan.plan import Descriptions, Plan
from hookean.plan.tree import Parameters

if TYPE_CHECKING:
    from os import PathLike

_DOCUMENT = "plan.json"


def save_plan(plan: Plan, folder: str | PathLike[str] | None = None) -> Path:
    """Saves what the engine is told. Policies written in Python are named in it, not saved.

    Args:
        plan: The plan.
        folder: Where to; by default a new folder among the temporary files.

    Returns:
        The folder.

    Raises:
        OSError: If it cannot be written.
    """
    place = Path(tempfile.mkdtemp(prefix="hookean-plan-") if folder is None else folder)
    place.mkdir(parents=True, exist_ok=True)
    (place / _DOCUMENT).write_bytes(plan.json())
    for kind, arrays in (("f64", plan.f64_arrays), ("u64", plan.u64_arrays)):
        for index, array in enumerate(arrays):
            np.save(place / f"{kind}-{index}.npy", array, allow_pickle=False)
    return place


def load_plan(folder: str | PathLike[str]) -> Plan:
    """Loads a saved plan: same document, arrays and digest, without provenance and descriptions.

    Args:
        folder: Where `save_plan` has saved it.

    Raises:
        FileNotFoundError: If there is no plan in the folder.
    """
    place = Path(folder)
    document = json.loads((place / _DOCUMENT).read_bytes())
    arrays = {kind: [np.load(place / f"{kind}-{i}.npy") for i in range(_count(place, kind))] for kind in ("f64", "u64")}
    nameless = Descriptions(
        platform="",
        controllers=["" for _ in document["controllers"]],
        node_controllers=["" for _ in document["node_controllers"]],
        workloads=["" for _ in document["workloads"]],
    )
    return Plan(
        document=document,
        f64_arrays=arrays["f64"],
        u64_arrays=arrays["u64"],
        parameters=Parameters({}),
        warnings=[],
        descriptions=nameless,
    )


def _count(place: Path, kind: str) -> int:
    return len(list(place.glob(f"{kind}-*.npy")))
