"""Writes a report: renders the page, then puts it in place in one step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hookean.errors import ResultError
from hookean.report.page import render_page

if TYPE_CHECKING:
    from hookean.analysis import ResultLike


def render_report(results: Mapping[str, ResultLike] | ResultLike) -> str:
    """Returns the report of results as one HTML document that needs no network; equal results give equal text.

    Args:
        results: Results by contender name, or a single result, which is called by its scenario's name.

    Raises:
        ResultError: If there is no result.
    """
    named = results if isinstance(results, Mapping) else {str(results.manifest["name"]): results}
    if not named:
        raise ResultError("there is no result to report", hint="give at least one result")
    return render_page(named)


def write_report(results: Mapping[str, ResultLike] | ResultLike, path: str | Path) -> Path:
    """Writes the report of results as one self-contained HTML file.

    The file appears complete or not at all; a report that was there before is replaced.

    Args:
        results: Results by contender name, or a single result, which is called by its scenario's name.
        path: The file; its folder must exist.

    Returns:
        The path of the file.

    Raises:
        ResultError: If there is no result or the file cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise ResultError(f"cannot write the report: `{target}` is a folder", hint="name a file, such as `report.html`")
    page = render_report(results)
    work = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with work.open("w", encoding="utf-8", newline="\n") as file:
            file.write(page)
        work.replace(target)
    except OSError as error:
        raise ResultError(
            f"cannot write the report to `{target}`: {error.strerror or error}",
            hint=f"check that the folder `{target.parent}` exists, is writable and has room",
        ) from error
    finally:
        _remove(work)
    return target


def _remove(work: Path) -> None:
    """Removes what a failed attempt left; nothing is there after a successful one or where nothing could be made."""
    try:
        work.unlink(missing_ok=True)
    except OSError:
        return
