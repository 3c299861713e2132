"""Conformance: vector files against the controllers' decision functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hookean import _core

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Failure:
    """A case that did not come out as expected.

    Attributes:
        case: Id of the case in its file, or the name of the file when it could not be run at all.
        expected: What the file wants.
        got: What came out.
    """

    case: str
    expected: str
    got: str


@dataclass(frozen=True)
class FileReport:
    """What became of one vector file.

    Attributes:
        path: The file.
        kind: Schema that a controller claims, or None when no controller does.
        passed: Cases that came out as expected.
        failed: Cases that did not.
        failures: What differed in the latter.
    """

    path: Path
    kind: str | None
    passed: int
    failed: int
    failures: tuple[Failure, ...]


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


def check_file(path: Path) -> FileReport:
    """Runs every case of a vector file.

    Args:
        path: The file.

    Returns:
        What passed and what failed. A file that no controller claims, or that is no text, counts as one failure.

    Raises:
        OSError: If the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return _unreadable(path, Failure(path.name, "a text in UTF-8", f"byte {error.start} is not"))
    report = json.loads(_core.conformance(path.name, text))
    if report["kind"] is None and report["failed"] == 0:
        return _unreadable(path, Failure(path.name, "a schema that a controller claims", "none claims it"))
    failures = tuple(
        Failure(each["case"], _shown(each["expected"]), _shown(each["got"])) for each in report["failures"]
    )
    return FileReport(path, report["kind"], report["passed"], report["failed"], failures)


def _unreadable(path: Path, failure: Failure) -> FileReport:
    return FileReport(path, None, 0, 1, (failure,))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
