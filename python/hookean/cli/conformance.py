"""`hookean conformance`: vector files against the controllers."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hookean.cli.failures import GATE_FAILED


def conformance(
    paths: Annotated[list[Path], typer.Argument(help="Vector files, or folders of them.", metavar="PATH...")],
) -> None:
    """Check the controllers against conformance vectors.

    Runs every case through the controller's decision function. Prints a line per file, every failed case with what was
    expected and what came out, and the sum. Exit code 1 when a case failed or no controller claims a file.
    """
    from hookean.conformance import check_file, vector_files  # noqa: PLC0415 (keeps --help quick)

    passed = failed = 0
    for path in vector_files(paths):
        report = check_file(path)
        passed += report.passed
        failed += report.failed
        kind = report.kind or "claimed by no controller"
        verdict = "ok  " if report.failed == 0 else "FAIL"
        sys.stdout.write(f"{verdict} {path} ({kind}): {report.passed} passed, {report.failed} failed\n")
        for failure in report.failures:
            sys.stdout.write(f"     case {failure.case}\n")
            sys.stdout.write(f"       expected {failure.expected}\n       got      {failure.got}\n")
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    if failed:
        raise typer.Exit(GATE_FAILED)
