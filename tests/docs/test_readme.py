"""The README's examples run as they stand, and what they show is true."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import hookean
from hookean.cli.app import app
from hookean.policies import check_policy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the README's scenario, as the current one."""
    [scenario] = blocks("yaml")
    (tmp_path / "checkout.yaml").write_text(scenario, encoding="utf-8")
    (tmp_path / "other.yaml").write_text(scenario.replace("utilization: 60", "utilization: 80"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands():
    lines = "\n".join(blocks("sh")).splitlines()
    return [line.split("#")[0].strip() for line in lines if line.startswith("hookean ")]


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(folder, command):
    words = [str(ROOT / word) if word == "tests/conformance/hpa" else word for word in shlex.split(command)[1:]]
    outcome = CliRunner().invoke(app, words)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout
    if "--report" in words:
        assert (folder / "checkout.html").stat().st_size > 1_000_000


@pytest.mark.usefixtures("folder")
def test_the_python_example_runs_and_tighter_targets_buy_better_latency(capsys):
    example, *_ = blocks("python")
    scope = {}
    exec(compile(example, "README.md", "exec"), scope)  # noqa: S102 - the README is ours
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["target 40 %", "target 60 %", "target 80 %"]
    good = [float(re.search(r": ([\d.]+) good", line)[1]) for line in lines[:3]]
    replicas = [float(re.search(r", ([\d.]+) replicas", line)[1]) for line in lines[:3]]
    assert good == sorted(good, reverse=True)
    assert replicas == sorted(replicas, reverse=True)
    assert "cpu" in lines[3]


def own_policy(folder, number):
    """A result of the README's scenario with the policy of its `number`-th example in Python, and its class."""
    source = blocks("python")[number]
    controller = re.findall(r"`({kind: python, (?:service|pool): [^`]*})`", README)[number - 1]
    module, name = re.search(r'policy: "(\w+):(\w+)"', controller).groups()
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    scenario, _, given = (folder / "checkout.yaml").read_text(encoding="utf-8").partition("controllers:\n")
    others = given if "pool" in controller else ""
    (folder / "own.yaml").write_text(f"{scenario}controllers:\n  - {controller}\n{others}", encoding="utf-8")
    scope = {}
    exec(compile(source, "README.md", "exec"), scope)  # noqa: S102 - the README is ours
    return hookean.simulate(folder / "own.yaml"), scope[name]


def test_the_policy_of_the_readme_runs_as_it_says(folder):
    result, half_full = own_policy(folder, 1)
    assert re.fullmatch(r"CPU at \d+%", result.decisions["reason"][-1])
    assert result.decisions["desired"].max() == 28
    assert check_policy(half_full) == []


def test_the_policy_for_nodes_of_the_readme_runs_as_it_says(folder):
    result, head_room = own_policy(folder, 2)
    rows = result.decisions.filter(pool="general")
    assert re.fullmatch(r"\d+ wait for room", rows["reason"][0])
    assert rows["desired"].n_unique() > 1
    assert check_policy(head_room) == []


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:`|^)make ([a-z]+)", README, flags=re.MULTILINE))
    assert targets >= {"demo", "test", "exactness"}
    for target in targets:
        assert f"\n{target}:" in makefile, target


def test_links_of_the_readme_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
