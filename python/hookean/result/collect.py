"""From what the engine hands over to a result."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hookean import _core
from hookean.result.columns import STREAMED, TABLES
from hookean.result.frames import LazyFrames, engine_frame
from hookean.result.manifest import build_manifest, with_provenance
from hookean.result.run_result import RunResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hookean._core import RawResult
    from hookean.plan import Plan


def collect(plan: Plan, raw: RawResult, info: Mapping[str, Any], *, streamed: bool) -> RunResult:
    """Returns the result of a run, whose tables are made when they are asked for.

    Args:
        plan: What was simulated.
        raw: What the engine hands over.
        info: What it says about the run.
        streamed: Whether rows were written to a folder while the run went on.
    """
    manifest = build_manifest(plan, info, version=_core.__version__, revision=_core.git_revision())
    absent = {*_absent(plan.document), *(STREAMED if streamed else ())}
    return RunResult(
        frames=LazyFrames(
            [name for name in TABLES if name not in absent], lambda name: engine_frame(name, raw.take_table(name))
        ),
        make_manifest=partial(with_provenance, manifest, plan.parameters),
    )


def _absent(document: Mapping[str, Any]) -> Iterator[str]:
    """Tables for which a plan leaves nothing."""
    record = document["record"]
    if record["requests"]["keep"] == "off":
        yield "requests"
    if not record["latencies"]:
        yield "latencies"
    if not any(service["classes"] for service in document["services"]):
        yield "classes"
    if not document["resizes"]:
        yield "resizes"
    if not document["calls"]:
        yield from ("end_to_end", "critical_path")
