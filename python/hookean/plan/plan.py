"""The plan, and the list of what it rests on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from hookean.scenario.provenance import Known

from .canonical import around, canonical

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hookean.policies.runner import Seat
    from hookean.scenario.fields import Status

    from .tree import Parameters


class Provenance(NamedTuple):
    """Where one parameter of a plan comes from.

    Attributes:
        path: Dotted path, with names in place of indices: `services.web.queue.timeout`.
        value: The value with its unit, as shown to people.
        status: `user`, `measured`, `documented`, `fitted`, `recalled` or `assumed`.
        source: Where it was read, or why it was chosen.
    """

    path: str
    value: str
    status: Status
    source: str


class Descriptions(TypedDict):
    """Short texts for reports.

    Attributes:
        platform: The platform.
        controllers: One text for each controller, in the order of the plan.
        node_controllers: One text for each controller of nodes, in the order of the plan.
        workloads: One text for each workload, in the order of the plan.
    """

    platform: str
    controllers: list[str]
    node_controllers: list[str]
    workloads: list[str]


@dataclass(frozen=True)
class Plan:
    """Everything the engine is told.

    Attributes:
        document: The plan as plain data; indices in it refer to the two lists of arrays.
        f64_arrays: Counts per bin, float64, each of shape (bins,).
        u64_arrays: Times and work of request tables in nanoseconds, uint64, each of shape (requests,).
        parameters: Every parameter with its path, in the order of the document.
        warnings: Sentences about what was written and has no effect, or an effect that may surprise.
        descriptions: Short texts for reports.
        policies: Policies written in Python and whom they decide for; the document names them, with digests of their
            sources.
        kept_bytes: Estimate of what the run keeps at most.
    """

    document: dict[str, Any]
    f64_arrays: list[NDArray[np.float64]]
    u64_arrays: list[NDArray[np.uint64]]
    parameters: Parameters
    warnings: list[str]
    descriptions: Descriptions
    policies: tuple[Seat, ...] = ()
    kept_bytes: int = 0

    def with_seed(self, seed: int) -> Plan:
        """Returns the plan of the same scenario with another seed.

        Args:
            seed: The seed.
        """
        known = Known(seed, seed, "user", "scenario")
        plan = replace(self, document={**self.document, "seed": seed}, parameters=self.parameters.with_leaf(seed=known))
        plan.__dict__["_around_seed"] = self._around_seed
        return plan

    @cached_property
    def _around_seed(self) -> tuple[bytes, bytes]:
        """The canonical JSON before and after the seed, of which replications make theirs."""
        return around(self.document, "seed")

    def json(self) -> bytes:
        """Returns the document as canonical JSON: sorted keys, no spaces, no NaN. It is written anew each time."""
        if "_around_seed" in self.__dict__:
            before, after = self._around_seed
            document = b"%b%d%b" % (before, self.document["seed"], after)
        else:
            document = canonical(self.document)
        # the digest asks for the sum alone, and the text of very many services is large
        self.__dict__.setdefault("_document_sum", hashlib.sha256(document))
        return document

    @cached_property
    def _document_sum(self) -> hashlib._Hash:
        return hashlib.sha256(self.json())

    @property
    def provenance(self) -> list[Provenance]:
        """Where every parameter comes from, in the order of the document."""
        return [Provenance(path, each.text, each.status, each.source) for path, each in self.parameters]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the document and all arrays, in hexadecimal."""
        total = self._document_sum.copy()
        for array in [*self.f64_arrays, *self.u64_arrays]:
            total.update(array.size.to_bytes(8, "little"))
            total.update(array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).data)
        return total.hexdigest()
