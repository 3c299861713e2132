"""Help and lists: pinned texts that fit 80 columns."""

import csv
import io
import json
import time

import pytest

from .conftest import start

COMMANDS = ("run", "compare", "list", "conformance", "demo", "schema")
LISTS = ("controllers", "platforms", "traces", "metrics", "columns", "instances")


def widest(text):
    return max(len(line) for line in text.splitlines())


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_is_pinned_and_fits_80_columns(call, snapshot, command):
    outcome = call(*command, "--help")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert widest(outcome.stdout) <= 80
    snapshot("-".join(["help", *command]), outcome.stdout)


def test_help_is_quick():
    best = 60.0
    for _attempt in range(3):
        began = time.monotonic()
        start("--help").communicate()
        best = min(best, time.monotonic() - began)
    assert best < 0.5


def test_no_command_points_to_the_help(call):
    outcome = call()
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == "error: missing command\n\nhint: `hookean --help` shows how to use it\n"


def test_the_version_has_the_revision(call):
    outcome = call("--version")
    assert outcome.code == 0
    assert outcome.stdout.startswith("hookean 0.")
    assert "(git " in outcome.stdout


@pytest.mark.parametrize("what", ["controllers", "platforms", "traces"])
def test_lists_are_pinned(call, snapshot, what):
    outcome = call("list", what)
    assert (outcome.code, outcome.stderr) == (0, "")
    snapshot(f"list-{what}", outcome.stdout)


@pytest.mark.parametrize("what", LISTS)
def test_every_list_fits_80_columns_and_is_the_same_in_every_format(call, what):
    table, as_json, as_csv = (call("list", what, "--format", layout) for layout in ("table", "json", "csv"))
    rows = json.loads(as_json.stdout)
    assert rows
    assert widest(table.stdout) <= 80
    assert [row["name"] for row in csv.DictReader(io.StringIO(as_csv.stdout))] == [row["name"] for row in rows]
    for row in rows:
        assert row["name"] in table.stdout


def test_an_unknown_list_says_which_there_are(call):
    outcome = call("list", "policies")
    assert outcome.code == 2
    assert outcome.stderr.startswith("error: invalid value")
    assert "controllers" in outcome.stderr
    assert "\n\nhint: `hookean list --help` shows how to use it\n" in outcome.stderr


def test_the_schema_is_one(call):
    schema = json.loads(call("schema").stdout)
    assert {"services", "platform", "controllers"} <= schema["properties"].keys()
