"""Finding vector files, and handing each to who claims it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookean import _core
from hookean.conformance.report import Failure, FileReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    OnCase = Callable[[str], object]


def vector_files(paths: Iterable[str | Path]) -> list[Path]:
    """Finds vector files.

    Args:
        paths: Files, taken as they are, and folders, searched for `*.json` at any depth.

    Returns:
        Files in the order of `paths`, those of a folder sorted, each once.

    Raises:
        FileNotFoundError: If a path does not exist, or if a folder has no `*.json`.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"`{path}` does not exist\n\nhint: give vector files, or folders that hold some")
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(f"no vector files in `{path}`\n\nhint: vector files end in `.json`")
        found.update(dict.fromkeys(files))
    return list(found)


def check_file(path: Path, *, on_case: OnCase | None = None) -> FileReport:
    """Runs every case of a vector file.

    Args:
        path: The file.
        on_case: Called with the id of each case that takes time, before it runs.

    Returns:
        What passed and what failed. A file that nobody claims, or that is no text, counts as one failure.

    Raises:
        OSError: If the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return _unreadable(path, Failure(path.name, "a text in UTF-8", f"byte {error.start} is not"))
    if _schema(text) is not None:
        from hookean.conformance import queueing  # noqa: PLC0415 (imports the simulator)

        if _schema(text) == queueing.SCHEMA:
            return queueing.check_cases(path, json.loads(text), on_case=on_case)
    report = json.loads(_core.conformance(path.name, text))
    if report["kind"] is None and report["failed"] == 0:
        return _unreadable(path, Failure(path.name, "a schema that a controller claims", "none claims it"))
    failures = tuple(
        Failure(each["case"], _shown(each["expected"]), _shown(each["got"])) for each in report["failures"]
    )
    return FileReport(path, report["kind"], report["passed"], report["failed"], failures)


def _schema(text: str) -> str | None:
    """Returns what a document says its schema is; vectors of controllers say `kind` instead."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    schema = document.get("schema") if isinstance(document, dict) else None
    return schema if isinstance(schema, str) else None


def _unreadable(path: Path, failure: Failure) -> FileReport:
    return FileReport(path, None, 0, 1, (failure,))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
