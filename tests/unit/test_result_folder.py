"""Result folders: what is saved comes back, and nothing incomplete looks complete."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from hookean.errors import ResultError
from hookean.result import RESULT_SCHEMA, TABLES, ResultFolder, RunResult
from hookean.result.frames import empty_frame, schema_of
from hookean.result.store import MANIFEST_KEYS


def frame(table, rows):
    columns = {}
    for column in TABLES[table]:
        values = {
            "duration": [timedelta(milliseconds=250 * i) for i in range(rows)],
            "u32": list(range(rows)),
            "u64": [2**60 + i for i in range(rows)],
            "f64": [i / 3 for i in range(rows)],
            "bool": [i % 2 == 0 for i in range(rows)],
            "str": [f"wëb-{i}" for i in range(rows)],
        }[column.dtype]
        columns[column.name] = [None, *values[1:]] if column.nullable and rows else values
    return pl.DataFrame(columns, schema=schema_of(table))


def result(rows=3, *, requests=True, name="saved"):
    manifest = {
        **dict.fromkeys(MANIFEST_KEYS, ""),
        "result_schema": RESULT_SCHEMA,
        "name": name,
        "seed": 7,
        "simulated_ns": 3_600_000_000_000,
        "partial": False,
        "warnings": ["ümläut"],
    }
    frames = {table: frame(table, rows) for table in TABLES if requests or table != "requests"}
    return RunResult(frames=frames, make_manifest=partial(dict, manifest))


def files(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("requests", [True, False])
def test_a_saved_result_comes_back_equal(tmp_path, requests):
    saved = result(requests=requests)
    saved.save(tmp_path / "a" / "b")
    loaded = RunResult.load(tmp_path / "a" / "b")
    assert loaded.manifest == saved.manifest
    assert loaded.frames.keys() == saved.frames.keys()
    for name, table in saved.frames.items():
        assert loaded.frames[name].equals(table, null_equal=True)
        assert loaded.frames[name].schema == table.schema
    assert (loaded.requests is None) is not requests


def test_a_result_without_rows_comes_back(tmp_path):
    saved = result(0)
    saved.save(tmp_path / "r")
    assert RunResult.load(tmp_path / "r").summary.equals(empty_frame("summary"))


def test_only_tables_and_manifest_are_left_in_the_folder(tmp_path):
    result().save(tmp_path / "r")
    assert files(tmp_path / "r") == sorted([f"{table}.parquet" for table in TABLES] + ["manifest.json"])
    assert files(tmp_path) == ["r"]


def test_an_existing_result_is_replaced_only_when_asked(tmp_path):
    result(name="old").save(tmp_path / "r")
    with pytest.raises(ResultError, match="already holds a result"):
        result(name="new").save(tmp_path / "r")
    assert RunResult.load(tmp_path / "r").name == "old"
    result(name="new", requests=False).save(tmp_path / "r", overwrite=True)
    assert RunResult.load(tmp_path / "r").name == "new"
    assert not (tmp_path / "r" / "requests.parquet").exists()


def test_files_beside_a_result_survive_its_replacement(tmp_path):
    result().save(tmp_path / "r")
    (tmp_path / "r" / "report.html").write_text("mine")
    result(name="new").save(tmp_path / "r", overwrite=True)
    assert (tmp_path / "r" / "report.html").read_text() == "mine"


@pytest.mark.parametrize("content", ["notes.txt", "manifest.json"])
def test_a_folder_with_something_else_is_refused_even_with_overwrite(tmp_path, content):
    (tmp_path / content).write_text('{"name": "a web app"}')
    with pytest.raises(ResultError, match="holds no result"):
        result().save(tmp_path, overwrite=True)
    assert files(tmp_path) == [content]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "r").write_text("x")
    with pytest.raises(ResultError, match="cannot write a result"):
        result().save(tmp_path / "r")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ResultError, match="permission denied"):
        result().save(tmp_path / "locked" / "r")


def test_a_folder_on_a_read_only_file_system_is_refused():
    with pytest.raises(ResultError, match=r"cannot write a result to `/proc/hookean`.*\n\nhint: "):
        result().save("/proc/hookean")


def test_a_failing_write_leaves_nothing_in_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail_at_third_table())
    with pytest.raises(ResultError, match="no space left on device"):
        result().save(tmp_path / "parent" / "r")
    assert files(tmp_path) == []


def test_a_failing_write_leaves_the_older_result_untouched(tmp_path, monkeypatch):
    result(name="old").save(tmp_path / "r")
    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail_at_third_table())
    with pytest.raises(ResultError, match="no space left on device"):
        result(name="new").save(tmp_path / "r", overwrite=True)
    assert RunResult.load(tmp_path / "r").name == "old"


def fail_at_third_table():
    original, calls = pl.DataFrame.write_parquet, []

    def write(self, file):
        calls.append(1)
        if len(calls) == 3:
            file.write(b"PAR1")
            raise OSError(28, "No space left on device")
        original(self, file)

    return write


@pytest.mark.parametrize("step", ["_write_table", "_sync_folder"])
def test_a_killed_save_leaves_a_folder_that_does_not_load_and_can_be_used_again(tmp_path, step):
    killed = subprocess.run([sys.executable, "-c", SAVE_AND_DIE, Path(__file__), step, tmp_path / "r"], check=False)  # noqa: S603
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "r").exists()
    with pytest.raises(ResultError, match="not a complete result"):
        RunResult.load(tmp_path / "r")
    result().save(tmp_path / "r", overwrite=True)
    assert RunResult.load(tmp_path / "r").name == "saved"
    assert ".hookean-partial" not in files(tmp_path / "r")


SAVE_AND_DIE = """
import os, runpy, signal, sys
from hookean.result import store

result = runpy.run_path(sys.argv[1])["result"]
original, calls = getattr(store, sys.argv[2]), []

def step(*arguments):
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

setattr(store, sys.argv[2], step)
result().save(sys.argv[3])
"""


def test_two_runs_cannot_hold_one_folder(tmp_path):
    with ResultFolder(tmp_path / "r") as first:
        with pytest.raises(ResultError, match="another run is writing"):
            result(name="second").save(tmp_path / "r", overwrite=True)
        result(name="first").publish(first)
    assert RunResult.load(tmp_path / "r").name == "first"


def test_an_unused_claim_removes_what_it_created(tmp_path):
    with ResultFolder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert files(tmp_path) == []


def test_a_missing_folder_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        RunResult.load(tmp_path / "nowhere")


def test_a_folder_without_manifest_is_incomplete(tmp_path):
    result().save(tmp_path / "r")
    (tmp_path / "r" / "manifest.json").unlink()
    with pytest.raises(ResultError, match="not a complete result"):
        RunResult.load(tmp_path / "r")


@pytest.mark.parametrize("table", TABLES)
def test_a_flipped_byte_is_found(tmp_path, table):
    result().save(tmp_path / "r")
    path = tmp_path / "r" / f"{table}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ResultError, match=f"damaged.*{table}.parquet"):
        RunResult.load(tmp_path / "r")


def test_a_missing_table_is_found(tmp_path):
    result().save(tmp_path / "r")
    (tmp_path / "r" / "nodes.parquet").unlink()
    with pytest.raises(ResultError, match="table `nodes` is missing"):
        RunResult.load(tmp_path / "r")


def edit_manifest(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_another_result_schema_is_refused_with_both_versions(tmp_path):
    result().save(tmp_path / "r")
    edit_manifest(tmp_path / "r", lambda manifest: manifest.update(result_schema=2, hookean_version="9.9.9"))
    with pytest.raises(ResultError, match=r"schema 2, this version of hookean reads 4(.|\n)*9\.9\.9"):
        RunResult.load(tmp_path / "r")


@pytest.mark.parametrize("key", [*MANIFEST_KEYS, "tables"])
def test_every_manifest_key_is_needed(tmp_path, key):
    result(1).save(tmp_path / "r")
    edit_manifest(tmp_path / "r", lambda manifest: manifest.pop(key))
    with pytest.raises(ResultError):
        RunResult.load(tmp_path / "r")


def test_a_row_count_that_differs_is_found(tmp_path):
    result().save(tmp_path / "r")
    edit_manifest(tmp_path / "r", lambda manifest: manifest["tables"]["series"].update(rows=4))
    with pytest.raises(ResultError, match="3 rows, the manifest says 4"):
        RunResult.load(tmp_path / "r")


def test_a_manifest_that_is_no_json_is_refused(tmp_path):
    result().save(tmp_path / "r")
    (tmp_path / "r" / "manifest.json").write_text("{")
    with pytest.raises(ResultError, match="cannot be read"):
        RunResult.load(tmp_path / "r")


@pytest.mark.parametrize("change", [lambda m: m["tables"].pop("nodes"), lambda m: m["tables"].update(x={})])
def test_the_manifest_lists_exactly_the_known_tables(tmp_path, change):
    result().save(tmp_path / "r")
    edit_manifest(tmp_path / "r", change)
    with pytest.raises(ResultError, match="the manifest has"):
        RunResult.load(tmp_path / "r")


def test_the_representation_is_short_and_says_partial():
    shown = result()
    assert repr(shown).startswith("RunResult('saved': 3 services, ")
    assert "partial" not in repr(shown)
    stopped = replace(shown, make_manifest=partial(dict, shown.manifest, partial=True))
    assert repr(stopped).endswith("partial)")
