"""`hookean conformance`: a line per file, every failure with case, expected and got, the sum at the end."""

import json
import re
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[1] / "conformance" / "hpa"


def test_the_shipped_vectors_pass(call):
    outcome = call("conformance", VECTORS)
    lines = outcome.stdout.splitlines()
    assert (outcome.code, outcome.stderr) == (0, "")
    assert re.fullmatch(r"[1-9]\d{2,} passed, 0 failed", lines[-1])
    files = sorted(VECTORS.rglob("*.json"))
    assert len(lines) == len(files) + 1
    for line, path in zip(lines[:-1], files, strict=True):
        assert line.startswith(f"ok   {path} (hpa.")


def broken_copy(tmp_path):
    text = (VECTORS / "normalize_legacy.json").read_text()
    document = json.loads(text)
    case = document["cases"][0]
    case["expect"]["replicas"] += 1
    (tmp_path / "broken.json").write_text(json.dumps(document))
    return case["id"], len(document["cases"])


def test_a_wrong_expectation_is_shown_with_case_expected_and_got(call, tmp_path):
    case, count = broken_copy(tmp_path)
    outcome = call("conformance", "broken.json")
    assert outcome.code == 1
    assert outcome.stdout.startswith(f"FAIL broken.json (hpa.convert_rules_legacy): {count - 1} passed, 1 failed\n")
    assert re.search(rf"\n     case .*{re.escape(case)}\n       expected \S.*\n       got      \S.*\n", outcome.stdout)
    assert outcome.stdout.endswith(f"\n{count - 1} passed, 1 failed\n")


@pytest.mark.parametrize("content", ['{"kind": "nobody.knows", "cases": [{"id": "a"}]}', "{", "[]", "\xff"])
def test_a_file_nobody_claims_is_a_failure_that_names_it(call, tmp_path, content):
    (tmp_path / "stranger.json").write_bytes(content.encode("latin-1"))
    outcome = call("conformance", "stranger.json")
    assert outcome.code == 1
    assert outcome.stdout.startswith("FAIL stranger.json (")
    assert outcome.stdout.count("stranger.json") >= 2 or "case" in outcome.stdout
    assert re.search(r"\n0 passed, [1-9]\d* failed\n$", outcome.stdout)


def test_folders_are_searched_at_any_depth_and_files_run_once(call, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    source = VECTORS / "normalize_legacy.json"
    (tmp_path / "a" / "b" / "x.json").write_bytes(source.read_bytes())
    (tmp_path / "a" / "README.md").write_text("no vectors")
    lines = call("conformance", "a", "a/b/x.json").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("ok   a/b/x.json (")


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_nothing_to_check_is_bad_input(call, tmp_path, path):
    (tmp_path / "empty").mkdir()
    outcome = call("conformance", path)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"`{path}`" in outcome.stderr
    assert "\n\nhint: " in outcome.stderr


def test_simulated_figures_go_to_a_table(call, tmp_path):
    source = VECTORS.parent / "queueing" / "fluid.json"
    (tmp_path / "fluid.json").write_bytes(source.read_bytes())
    outcome = call("conformance", "fluid.json", "--table", "page.md")
    assert (outcome.code, outcome.stdout) == (
        0,
        "ok   fluid.json (queueing-reference/1): 2 passed, 0 failed\n2 passed, 0 failed\n",
    )
    page = (tmp_path / "page.md").read_text()
    assert "**2 cases passed, 0 failed**" in page
    assert re.search(r"\| drain-6000-10 \| drain_time \| 150 \| 1(49|50)[.\d]* \| [\d.e-]+ \| replayed \|", page)


@pytest.mark.parametrize(("cases", "expected"), [("[]", "a list of `cases`"), ('[{"id": "x"}]', "lacks one")])
def test_a_broken_file_of_queueing_cases_fails(call, tmp_path, cases, expected):
    (tmp_path / "broken.json").write_text(f'{{"schema": "queueing-reference/1", "cases": {cases}}}')
    outcome = call("conformance", "broken.json")
    assert outcome.code == 1
    assert expected in outcome.stdout


def test_a_table_without_folder_is_bad_input_before_anything_runs(call):
    outcome = call("conformance", VECTORS, "--table", "nowhere/page.md")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "`nowhere` is no folder" in outcome.stderr
