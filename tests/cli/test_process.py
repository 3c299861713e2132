"""The program as a process: Ctrl-C, terminals, colours, pipes, full disks, two runs at once."""

import os
import pty
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest

import hookean._core
from hookean.cli.app import run_program
from hookean.result import RunResult

from .conftest import LONG, start


@pytest.fixture
def long_scenario(tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(LONG)
    return path


def wait_for(condition, *, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def ended_children():
    """Returns the processor seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def processor_seconds(process):
    """Returns what a running process has used, from its line in /proc."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def interrupt_when_running(process, folder):
    """Sends Ctrl-C a while after the run has claimed its folder.

    Returns:
        Processor seconds from then to the end (what else the machine does is no matter), stdout, stderr.
    """
    wait_for((folder / ".hookean-partial").exists)
    time.sleep(1.0)
    before = ended_children() + processor_seconds(process)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    return ended_children() - before, stdout, stderr


def test_ctrl_c_stops_within_a_second_and_keeps_what_was_simulated(long_scenario, tmp_path):
    process = start("run", long_scenario, "--out", tmp_path / "r", "--report", tmp_path / "r.html")
    seconds, stdout, stderr = interrupt_when_running(process, tmp_path / "r")
    assert process.returncode == 130
    result = RunResult.load(tmp_path / "r")
    assert result.partial
    assert 0 < result.manifest["simulated_ns"] < result.manifest["horizon_ns"]
    assert result.summary["arrivals"].sum() > 0
    assert "(partial)" in stdout
    assert "stopped by Ctrl-C at " in stderr
    assert "Traceback" not in stderr
    assert (tmp_path / "r.html").exists()
    assert seconds < 3.0  # a second to stop; the rest is saving and drawing


def test_ctrl_c_ends_a_comparison_and_keeps_the_finished_part(long_scenario, scenario, tmp_path):
    process = start("compare", scenario, long_scenario, "--out", tmp_path / "both")
    wait_for((tmp_path / "both" / "small" / "manifest.json").exists)
    _seconds, stdout, _stderr = interrupt_when_running(process, tmp_path / "both" / "long")
    assert process.returncode == 130
    assert not RunResult.load(tmp_path / "both" / "small").partial
    assert RunResult.load(tmp_path / "both" / "long").partial
    assert stdout.splitlines()[0].split() == ["small", "long", "(partial)"]


def test_ctrl_c_keeps_the_rows_that_were_written_and_those_that_were_not(long_scenario, tmp_path):
    process = start("run", long_scenario, "--out", tmp_path / "r", "--set", "record.requests=full")
    wait_for((tmp_path / "r" / ".hookean-partial" / "requests.parquet" / "part-00002.parquet").exists)
    interrupt_when_running(process, tmp_path / "r")
    assert process.returncode == 130
    result = RunResult.load(tmp_path / "r")
    assert result.partial
    assert len(list((tmp_path / "r" / "requests.parquet").iterdir())) > 3
    rows = result.scan("requests").select(pl.len(), pl.col("request").n_unique().alias("unique")).collect().row(0)
    assert rows == (result.summary["arrivals"].sum(),) * 2


def limit_files():
    """Lets files grow to 256 KiB: what a full disk is to a run, without one."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, 1 << 18))


def test_a_disk_that_fills_up_ends_the_run_with_a_hint_and_leaves_nothing(long_scenario, tmp_path):
    process = start(
        "run", long_scenario, "--out", tmp_path / "r", "--set", "record.requests=full", preexec_fn=limit_files
    )
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (2, "")
    assert stderr.splitlines()[-3:] == [
        f"error: cannot write a result to `{tmp_path / 'r'}`: file too large",
        "",
        "hint: choose a folder that can be written and has room",
    ]
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("requests", ["off", "full"])
def test_a_killed_run_leaves_no_folder_that_looks_complete(long_scenario, tmp_path, requests):
    process = start("run", long_scenario, "--out", tmp_path / "r", "--set", f"record.requests={requests}")
    work = tmp_path / "r" / ".hookean-partial"
    wait_for((work / "requests.parquet" / "part-00000.parquet" if requests == "full" else work).exists)
    process.kill()
    process.communicate()
    assert not (tmp_path / "r" / "manifest.json").exists()


def test_two_runs_cannot_write_one_folder(long_scenario, scenario, tmp_path):
    first = start("run", long_scenario, "--out", tmp_path / "r")
    wait_for((tmp_path / "r" / ".hookean-partial").exists)
    second = start("run", scenario, "--out", tmp_path / "r", "--force")
    stdout, stderr = second.communicate(timeout=30)
    assert (second.returncode, stdout) == (2, "")
    assert stderr.startswith("error: another run is writing its result in `")
    interrupt_when_running(first, tmp_path / "r")
    assert RunResult.load(tmp_path / "r").name == "long"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_ends_quietly(unbuffered):
    process = start("list", "columns", env={"PYTHONUNBUFFERED": unbuffered})
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 141


def limit_output():
    """Lets files grow to 4 KiB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, 1 << 12))


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_does_not_fit_on_a_disk_is_told(tmp_path, unbuffered):
    with (tmp_path / "schema.json").open("w") as file:
        process = start("schema", stdout=file, env={"PYTHONUNBUFFERED": unbuffered}, preexec_fn=limit_output)
        _stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert stderr.startswith("error: file too large\n\nhint: check the permissions")


def close_stdout():
    os.close(1)


def close_stderr():
    os.close(2)


def test_a_closed_stdout_is_told_before_anything_runs(scenario, tmp_path):
    process = start("run", scenario, "--out", tmp_path / "r", preexec_fn=close_stdout)
    _stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr.splitlines()[0]) == (2, "error: stdout is closed")
    assert not (tmp_path / "r").exists()


def test_a_closed_stderr_changes_nothing(scenario, tmp_path):
    process = start("run", scenario, "--out", tmp_path / "r", preexec_fn=close_stderr)
    stdout, _stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert stdout.splitlines()[0].strip() == "small"
    assert RunResult.load(tmp_path / "r").name == "small"


def test_characters_that_an_encoding_lacks_are_written_as_numbers(tmp_path):
    file = tmp_path / "Größe.json"
    file.write_bytes(next(Path("tests/conformance/hpa").glob("*.json")).read_bytes())
    process = start("conformance", file, env={"PYTHONIOENCODING": "ascii"})
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    assert "Gr\\xf6\\xdfe.json" in stdout


def on_terminal(*arguments, **environment):
    """Runs the program with a terminal as stderr and returns its exit code and what the terminal got."""
    master, slave = pty.openpty()
    process = start(*arguments, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    process.stdout.read()
    os.close(master)
    return process.wait(timeout=30), shown.decode()


def test_a_terminal_gets_a_bar_with_simulated_time_rate_and_time_left(tmp_path):
    path = tmp_path / "day.yaml"
    path.write_text(LONG.replace("900d", "1h"))
    code, shown = on_terminal("run", path, TERM="xterm-256color")
    assert code == 0
    assert re.search(r"of 60 min", shown)
    assert "left" in shown


def test_errors_are_coloured_on_a_terminal_only_without_no_color(tmp_path):
    missing = tmp_path / "nowhere.yaml"
    _code, coloured = on_terminal("run", missing, TERM="xterm-256color", NO_COLOR="")
    code, plain = on_terminal("run", missing, TERM="xterm-256color", NO_COLOR="1")
    assert coloured.startswith("\x1b[1;31merror:\x1b[0m scenario file")
    assert code == 2
    assert "\x1b" not in plain


def test_no_color_keeps_colours_out_of_the_bar(tmp_path):
    path = tmp_path / "day.yaml"
    path.write_text(LONG.replace("900d", "1h"))
    _code, shown = on_terminal("run", path, TERM="xterm-256color", NO_COLOR="1")
    assert not re.search("\x1b\\[[0-9;]*3[0-9]", shown)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


def test_a_full_disk_is_told_and_leaves_nothing(scenario, small_disk):
    process = start("run", scenario, "--out", small_disk / "r", "--set", "record.requests=full")
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (2, "")
    assert "no space left on device" in stderr
    assert "\n\nhint: " in stderr
    assert "Traceback" not in stderr
    assert list(small_disk.iterdir()) == []


def test_an_error_of_ours_says_how_to_report_it(scenario, monkeypatch, capsys):
    def fail(*_arguments):
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr(hookean._core, "simulate", fail)
    assert run_program(["run", str(scenario)], debug=False) == 3
    told = capsys.readouterr().err
    assert told.startswith("error: internal error: RuntimeError: a wheel came off\n\nhint: ")
    assert "--debug" in told
    assert "Traceback" not in told
    assert run_program(["run", str(scenario)], debug=True) == 3
    assert "Traceback" in capsys.readouterr().err
