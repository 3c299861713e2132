"""Bad input: what is wrong, where, and how to mend it; exit code 2; nothing half-written.

Each row changes the small scenario in one place, or gives it a file; the command must then fail as the row says, before
anything is simulated.
"""

import os
import shutil
import subprocess

import polars as pl
import pytest

from hookean.result import RunResult

from .conftest import PROGRAM, SMALL, start

WORKLOAD = "rate: 20/s, duration: 10min"


def requests(file):
    return (WORKLOAD, f"requests: {file}")


def trace(file):
    return (WORKLOAD, f"trace: {file}")


FILES = {
    "empty.csv": b"",
    "header.csv": b"time,work\n",
    "unsorted.csv": b"time,work\n2,1\n1,1\n",
    "negative.csv": b"time,work\n-2,1\n1,1\n",
    "negative-work.csv": b"time,work\n1,-1\n",
    "nan.csv": b"time,work\n1,NaN\n",
    "semicolons.csv": b"time;work\n1;1\n",
    "picture.csv": b"\x89PNG\r\n\x1a\n",
    "counts.csv": b"time,count\n0,5\n60,-7\n",
    "ages.csv": b"time,work\n1,1\n6300000000,1\n",
    "broken.parquet": b"PAR1xxxx",
}

MISTAKES = {
    "unknown key": (("replicas: 2", "replicsa: 2"), "unknown field `replicsa`", "line 9 column 5 (services.web.replicsa)", "did you mean `replica`?"),
    "unknown key of a single workload": (("duration: 10min", "duration: 10min, scael: 2"), "unknown field `scael`", "line 3 column 55 (workload.scael)", "did you mean `scale`?"),
    "wrong unit": (("mean: 50ms", "mean: 50MB"), "`MB` in `50MB` is not a unit of a duration", "line 6 column 39 (services.web.work.mean)", "`ms`"),
    "bare number": (("mean: 50ms", "mean: 50"), "a duration needs a unit, got the bare number `50`", "(services.web.work.mean)", "`250ms`"),
    "min above max": (("min: 2, max: 10", "min: 11, max: 10"), "`min` (11) is above `max` (10)", "line 13 column 31 (controllers.0.min)", "raise `max`"),
    "number in quotes": (("seed: 7", "seed: '7'"), "expected a whole number, got the text `7`", "line 2 column 1 (seed)", "random streams"),
    "yes for a number": (("replicas: 2", "replicas: true"), "expected a whole number, got `true`", "(services.web.replicas)", "replicas at creation"),
    "percent for a share": (("target: 0.95", "target: 95"), "expected at most 1, got `95`", "(services.web.slo.target)", "0 to 1"),
    "nan": (("target: 0.95", "target: .nan"), "`.nan` is not a finite number", "line 8", "give a number"),
    "too large a count": (("replicas: 2", "replicas: 3000000000"), "expected at most 2,147,483,647", "(services.web.replicas)", "replicas"),
    "more replicas than memory": (("replicas: 2", "replicas: 2000000000"), "longer than memory: 2,000,000,000 replicas", "line 5 column 3 (services.web)", "fewer replicas"),
    "more nodes than memory": (("preset: kubernetes-on-metal", "preset: kubernetes-on-metal\n  pools: [{name: p, instance: aws/m5.metal, nodes: 2000000000}]"), "2,000,000,000 nodes", "line 12 column 3 (platform.pools)", "fewer `nodes`"),
    "more rows than memory": (("seed: 7", "seed: 7\nrecord: {series: 1ns}"), "600,000,000,000 rows of `series`", "line 3 column 10 (record.series)", "longer `series`"),
    "a run of centuries": (requests("ages.csv"), "longer than 73 years", "(duration)", "shorten the run"),
    "a trace repeated past memory": ((WORKLOAD, "trace: worldcup98, repeat: 1000000000"), "longer than memory", "(workload.repeat)", "fewer repetitions"),
    "endless duration": (("duration: 10min", "duration: 1e30s"), "`1e30s` is too large", "(workload.duration)", "the largest is"),
    "negative CPU": (("cpu: 1,", "cpu: -1,"), "must not be negative", "(services.web.replica.cpu)", "0 or more"),
    "no CPU": (("cpu: 1,", "cpu: 0,"), "a replica needs CPU", "(services.web.replica.cpu)", "500m"),
    "no rate": (("rate: 20/s", "rate: 0/s"), "the workload has no request", "line 3 column 1 (workload)", "a `rate` above 0"),
    "a word among rates": ((WORKLOAD, "rates: {step: 1min, values: [1, a]}"), "expected a number, got the text `a`", "(workload.rates.values.1)", "plain numbers"),
    "no node": (("preset: kubernetes-on-metal", "preset: kubernetes-on-metal\n  pools: [{name: p, instance: aws/m5.metal, nodes: 0}]"), "no pool has a node", "(platform.pools.0.nodes)", "nodes: 1"),
    "replica larger than any node": (("memory: 512Mi", "memory: 5120Gi"), "fits no node: `aws/m5.metal` offers", "line 7 column 5 (services.web.replica)", "larger `instance`"),
    "name with HTML": (("name: small", "name: <b>x</b>"), "is not a name", "line 1 column 1 (name)", "letters"),
    "a tab": (("  web:\n", "\tweb:\n"), "not YAML: found character '\\t'", "line 5 column 1", "spaces instead of tabs"),
    "an open bracket": (("services:", "services: ["), "not YAML", "line ", "close every bracket"),
    "a key given twice": (("seed: 7", "seed: 7\nseed: 8"), "`seed` is given twice", "line 3 column 1", "keep one"),
    "a tag on a list": (("seed: 7", "seed: !!python/object/apply:os.system [id]"), "the tag", "line 2 column 7", "leave it out"),
    "two documents": (("seed: 7", "seed: 7\n---\nseed: 8"), "another document", "line 3 column 1", "one scenario in a file"),
    "a zero byte": (("small", "sm\0all"), "the character U+0000 is not allowed", "line 1 column 9", "a text file"),
    "missing request table": (requests("unsorte.csv"), "no such request table `unsorte.csv`", "line 3 column 26 (workload.requests)", "did you mean `unsorted.csv`?"),
    "missing trace": (trace("nowhere/trace.csv"), "no such trace file `nowhere/trace.csv`", "line 3 column 26 (workload.trace)", "relative paths start from"),
    "unknown trace": (trace("worldcup97"), "unknown trace `worldcup97`", "line 3 column 26 (workload.trace)", "did you mean `worldcup98`?"),
    "empty file": (requests("empty.csv"), "file is empty", "`empty.csv`, given in `small.yaml` line 3", "rows of data"),
    "empty trace": (requests("header.csv"), "a header but no rows", "`header.csv`", "at least one row"),
    "unsorted times": (requests("unsorted.csv"), "time `1` is earlier than `2`", "`unsorted.csv` line 3, given in `small.yaml` line 3", "sort the table"),
    "negative times": (requests("negative.csv"), "time `-2` is negative", "`negative.csv` line 2", "start of the trace"),
    "negative work": (requests("negative-work.csv"), "work `-1` is negative", "`negative-work.csv` line 2", "at least 0"),
    "NaN work": (requests("nan.csv"), "`NaN` in column `work` is not a finite number", "`nan.csv` line 2", "12.5"),
    "semicolons": (requests("semicolons.csv"), "no column `time`", "`semicolons.csv`", "by commas"),
    "a picture as trace": (trace("picture.csv"), "not UTF-8", "`picture.csv` line 1", "UTF-8"),
    "no Parquet": (requests("broken.parquet"), "not Parquet", "`broken.parquet`", "write it again"),
    "a folder as trace": (requests("."), "request table is a folder", "(workload.requests)", "name one file"),
    "negative counts": (trace("counts.csv"), "-7", "`counts.csv` line 3", ""),
    "a window outside": ((WORKLOAD, "trace: worldcup98, from: 2020-01-01T00:00:00Z, duration: 1h"), "window from 2020-01-01 00:00:00 UTC", "`worldcup98`, given in", "1998-04-30"),
}  # fmt: skip


def given_files(folder):
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return sorted(path.name for path in folder.iterdir())


def refused(outcome, message, place, hint):
    """Checks that a call failed with these words and without a trace of Python."""
    assert (outcome.code, outcome.stdout) == (2, ""), outcome.stderr
    said, _blank, advice = outcome.stderr.partition("\n\nhint: ")
    assert said.startswith("error: ")
    assert message in said
    assert place in said
    assert advice.strip()
    assert hint in advice
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(("change", "message", "place", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_place_and_hint_and_leaves_nothing(call, scenario, change, message, place, hint):  # noqa: PLR0917 (columns)
    old, new = change
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    scenario.write_bytes(text.encode())
    before = given_files(scenario.parent)
    outcome = call("run", "small.yaml", "--out", "result", "--report", "r.html")
    refused(outcome, message, place, hint)
    assert sorted(path.name for path in scenario.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("seed", "the form `a.b=c`", "`services.web.replicas=3`"),
        ("a..b=1", "the form `a.b=c`", "`services.web.replicas=3`"),
        ("seed=", "expected a whole number, got nothing", "random streams"),
        ("services.wib.replicas=3", "unknown service `wib`", "did you mean `web`?"),
        ("new.key=1", "unknown field `new` in override `new.key=1`", "the fields here"),
        ("controllers.1.min=2", "`controllers` has no entry `1`", "its only entry is 0"),
        ("workload.0.rate=5/s", "`workload` is no list in the file", "leave out `0.`"),
        ("platform.pools.0.nodes=2", "`platform.pools` is no list in the file", "`platform.pools=[{…}]`"),
        ("services.web.queue={limit: 5", "not YAML", "close every bracket"),
        ("record.series=1ns", "600,000,000,000 rows of `series`", "longer `series`"),
    ],
)
def test_a_wrong_override_names_itself_and_says_what_would_be_right(call, scenario, override, message, hint):
    refused(call("run", scenario, "--set", override), message, f"override `{override}`", hint)


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("empty.yaml", b"", "the scenario is empty", "`seed`"),
        ("list.yaml", b"- 1\n", "a section with named fields", "name"),
        ("picture.yaml", b"\x89PNG\r\n\x1a\n", "byte 0 is not UTF-8 in `picture.yaml` line 1", "YAML or TOML text"),
        ("picture.png", b"\x89PNG\r\n\x1a\n", "`picture.png` is neither YAML nor TOML", "`.yaml`, `.yml` or `.toml`"),
        ("table.csv", b"time,work\n1,1\n", "`table.csv` is neither YAML nor TOML", "`.yaml`"),
        ("bad.toml", b"seed = = 7\n", "not TOML: invalid value in `bad.toml` line 1 column 8", "quotes"),
        ("folder", None, "`folder` is a folder", "give a scenario file"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused(call, tmp_path, name, content, message, hint):  # noqa: PLR0917
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    refused(call("run", name), message, name, hint)


@pytest.mark.parametrize(
    "encode", [lambda text: text.replace("\n", "\r\n").encode(), lambda text: text.encode("utf-8-sig")]
)
def test_line_ends_and_marks_of_other_systems_make_no_difference(call, scenario, encode):
    plain = call("run", scenario).stdout
    scenario.write_bytes(encode(SMALL))
    scenario.rename(scenario.with_suffix(".YAML"))
    assert call("run", scenario.with_suffix(".YAML")).stdout == plain


def test_more_requests_than_memory_holds_are_refused_unless_they_are_sampled(call, scenario):
    scenario.write_text(SMALL.replace(WORKLOAD, "rate: 1000000/s, duration: 1000d"))
    outcome = call("run", scenario, "--set", "record.requests=full")
    refused(outcome, "86,400,000,000,000 single requests", "override `record.requests=full`", "{sampled: 1000}")


def test_a_table_longer_than_memory_is_refused_before_it_is_read(call, scenario, monkeypatch):
    scenario.write_text(SMALL.replace(*requests("long.csv")))
    (scenario.parent / "long.csv").write_text("time,work\n" + "1,1\n" * 1000)
    monkeypatch.setattr("hookean.memory.available_memory_bytes", lambda: 10_000)
    refused(call("run", scenario), "trace is longer than memory", "`long.csv`".strip("`"), "cut it into parts")


needs_capabilities = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may do anything, and `setpriv` is missing"
)


def as_nobody_special(*arguments, **options):
    """Runs the program without root's right to pass over permissions."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    command = [*(drop if os.geteuid() == 0 else []), *PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)  # noqa: S603


@needs_capabilities
@pytest.mark.parametrize("option", [("--out", "locked/r"), ("--report", "locked/r.html")])
def test_an_unwritable_folder_is_told_before_anything_is_simulated(scenario, tmp_path, option):
    (tmp_path / "locked").mkdir(mode=0o555)
    process = as_nobody_special("run", scenario, *option, cwd=tmp_path)
    assert (process.returncode, process.stdout) == (2, "")
    assert "`locked/r" in process.stderr
    assert "permission denied" in process.stderr
    assert "\n\nhint: " in process.stderr
    assert list((tmp_path / "locked").iterdir()) == []


@needs_capabilities
def test_an_unreadable_trace_is_told_with_the_place_that_names_it(scenario, tmp_path):
    scenario.write_text(SMALL.replace(*requests("secret.csv")))
    (tmp_path / "secret.csv").write_text("time,work\n1,1\n")
    (tmp_path / "secret.csv").chmod(0)
    process = as_nobody_special("run", scenario)
    assert process.returncode == 2
    assert "cannot be read: permission denied" in process.stderr
    assert "(workload.requests)" in process.stderr


def test_an_unsorted_parquet_table_names_its_row(call, scenario):
    pl.DataFrame({"time": [1.0, 3.0, 2.0]}).write_parquet(scenario.parent / "r.parquet")
    scenario.write_text(SMALL.replace(*requests("r.parquet")))
    refused(call("run", scenario), "time `2.0` is earlier than `3.0`", "r.parquet` row 3", "sort the table")


def test_a_service_that_never_gets_a_replica_is_not_passed_over(call, scenario):
    outcome = call("run", scenario, "--set", "services.web.replicas=0")
    assert outcome.code == 0
    told = " ".join(outcome.stderr.split())
    assert "warning: service `web` begins with no replica" in told
    assert "waiting or in service, which count as neither good nor bad" in told


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("seed: 7", "seed: 8", "The contenders have different seeds"),
        ("rate: 20/s", "rate: 21/s", "The contenders did not get the same traffic"),
        ("web", "shop", "The contenders do not have the same services"),
        ("seed: 7", "seed: 7\nduration: 20min", "The contenders were simulated for different lengths of time"),
    ],
)
def test_contenders_that_did_not_get_the_same_are_told_apart(call, scenario, old, new, sentence):
    other = scenario.with_name("other.yaml")
    other.write_text(SMALL.replace("name: small", "name: other").replace(old, new))
    same = scenario.with_name("same.yaml")
    same.write_text(SMALL.replace("name: small", "name: same"))
    assert sentence in " ".join(call("compare", scenario, other).stderr.split())
    assert "The contenders" not in " ".join(call("compare", scenario, same).stderr.split())


def test_a_lost_stdout_is_bad_input_and_no_mistake_of_ours(scenario):
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        process = subprocess.run(  # noqa: S603
            [*PROGRAM, "run", str(scenario)], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert process.returncode == 2
    assert process.stderr.startswith("error: no space left on device\n\nhint: ")


def test_a_result_survives_a_run_that_is_killed_over_it(call, scenario, tmp_path):
    call("run", scenario, "--out", "r")
    process = start("run", scenario, "--out", tmp_path / "r", "--force", "--set", "workload.duration=90d")
    while process.poll() is None and not (tmp_path / "r" / ".hookean-partial").exists():
        pass
    process.kill()
    process.communicate()
    assert RunResult.load(tmp_path / "r").manifest["horizon_ns"] == 600 * 10**9
    assert call("run", scenario, "--out", "r", "--force").code == 0
    assert not (tmp_path / "r" / ".hookean-partial").exists()
