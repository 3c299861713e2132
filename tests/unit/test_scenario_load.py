import re

import pytest
from scenario_examples import FULL, SMALL, load, write

from hookean.errors import ScenarioError
from hookean.scenario import Scenario, load_scenario
from hookean.scenario.problems import ScenarioProblemsError

TOML = """\
name = "small"
seed = 7
platform = {preset = "kubernetes-on-vms"}

[[workload]]
service = "web"
rate = "8/s"
duration = "1h"

[services.web]
work = "40ms"
replica = {cpu = 1, memory = "512Mi"}

[[controllers]]
kind = "hpa"
service = "web"
min = 2
max = 20
metrics = [{resource = "cpu", utilization = 60}]
"""


def failure(folder, text, name="scenario.yaml", overrides=()):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(write(folder, text, name), overrides)
    return caught.value


def changed(old, new):
    assert old in SMALL
    return SMALL.replace(old, new)


def test_yaml_and_toml_give_the_same_scenario(tmp_path):
    assert load_scenario(write(tmp_path, TOML, "scenario.toml")) == load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message", "place", "hint"),
    [
        ("    work:", "    limitt: 3\n    work:", "unknown field `limitt`", "line 7 column 5 (services.web.limitt)", "the fields"),
        ("duration: 1h", "durations: 1h", "unknown field `durations`", "line 4 column 31 (workload.0.durations)", "`duration`"),
        ("name: small", "nmae: small", "unknown field `nmae`", "line 1 column 1 (nmae)", "did you mean `name`?"),
        ("seed: 7\n", "", "`seed` is missing", "(seed)", "root of all random streams"),
        ("seed: 7", "seed: soon", "expected a whole number, got the text `soon`", "line 2 column 1 (seed)", ""),
        ("seed: 7", "seed: -1", "expected at least 0, got `-1`", "line 2 column 1 (seed)", ""),
        ("512Mi", "512", "needs a unit, got the bare number `512`", "line 8 column 23 (services.web.replica.memory)", "`512Mi`"),
        ("512Mi", "512ms", "`ms` in `512ms` is not a unit", "line 8 column 23 (services.web.replica.memory)", "`Gi`"),
        ("work: 40ms", "work: 40", "needs a unit", "line 7 column 5 (services.web.work)", "`40s`|`15s`"),
        ("work: 40ms", "work: -40ms", "must not be negative", "line 7 column 5 (services.web.work)", ""),
        ("min: 2, max: 20", "min: 20, max: 2", "`min` (20) is above `max` (2)", "(controllers.0.min)", "raise `max`"),
        ("kind: hpa", "kind: hpaa", "unknown controller `hpaa`", "line 11 column 6 (controllers.0.kind)", "did you mean `hpa`?"),
        (
            "kind: hpa",
            "kind: cluster-autoscaler",
            "unknown controller `cluster-autoscaler`",
            "line 11 column 6 (controllers.0.kind)",
            "`hpa`, `ec2-target-tracking`, `on-demand`, `static`",
        ),
        ("kind: hpa, ", "", "`kind` is missing", "line 11 column 5 (controllers.0)", "`static`"),
        ("kind: hpa, service: web", "kind: hpa, service: wbe", "unknown service `wbe`", "(controllers.0.service)", "`web`"),
        ("{service: web, rate", "{service: wbe, rate", "unknown service `wbe`", "(workload.0.service)", "did you mean `web`?"),
        ("kubernetes-on-vms", "kubernetes-on-vm", "unknown preset `kubernetes-on-vm`", "(platform.preset)", "`kubernetes-on-vms`"),
        ("utilization: 60", "utilization: 60 %", "expected a whole number", "(controllers.0.metrics.0.utilization)", ""),
        ("cpu: 1,", "cpu: .nan,", "`.nan` is not a finite number", "line 8 column 20", ""),
        ("rate: 8/s, duration: 1h", "rate: 8/s", "a workload given by `rate` needs `duration`", "(workload.0)", "`duration: 60s`"),
        ("rate: 8/s, duration: 1h", "duration: 1h", "exactly one source, got none", "(workload.0)", "`trace`, `rate`"),
        ("rate: 8/s,", "rate: 8/s, trace: a.csv,", "exactly one source, got `trace` and `rate`", "(workload.0)", ""),
        ("rate: 8/s,", "rate: 8/s, cycle: true,", "`cycle` has no meaning", "(workload.0.cycle)", "options of `rate`"),
        ("duration: 1h}", "duration: 0s}", "`duration` must be longer than 0", "(workload.0.duration)", ""),
        ("seed: 7", "seed: 7\nduration: 0s", "`duration` must be longer than 0", "line 3 column 1 (duration)", ""),
        ("platform: {preset: kubernetes-on-vms}", "platform: {}", "needs a `preset`, or a `kind`", "(platform)", "`vm-fleet`"),
        ("name: small", "name: a/b", "`a/b` is not a name", "(name)", "letters, digits"),
        ("{preset: kubernetes-on-vms}", "vm-fleet", "`hpa` has no meaning on a fleet", "(controllers.0.kind)", "`ec2-target-tracking`"),
    ],
)  # fmt: skip
def test_mistake_is_named_with_its_place_and_a_hint(tmp_path, old, new, message, place, hint):  # noqa: PLR0917 (columns)
    error = failure(tmp_path, changed(old, new))
    assert message in error.message
    assert f"`{tmp_path / 'scenario.yaml'}`" in error.where
    assert error.where.endswith(place)
    assert re.search(hint.replace("?", r"\?"), error.hint)


@pytest.mark.parametrize(
    ("old", "new", "message", "place"),
    [
        ('"8/s"', '"8/s"\nratee = 3', "unknown field `ratee`", "line 8 column 1 (workload.0.ratee)"),
        ('"512Mi"', '"512"', "needs a unit", "line 12 column 21 (services.web.replica.memory)"),
        ("utilization = 60", 'utilization = "60 %"', "expected a whole number", "line 19 column 31 (controllers.0.metrics.0.utilization)"),
        ("seed = 7\n", "seed = nan\n", "`nan` is not a finite number", "line 2 column 1 (seed)"),
        ("seed = 7\n", "seed = 7\nseed = 8\n", "cannot overwrite a value", "line 3 column 9"),
        ("seed = 7\n", "seed = = 7\n", "invalid value", "line 2 column 8"),
    ],
)  # fmt: skip
def test_toml_mistake_has_its_place(tmp_path, old, new, message, place):
    assert old in TOML
    error = failure(tmp_path, TOML.replace(old, new), "scenario.toml")
    assert message in error.message
    assert error.where.endswith(place)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "the scenario is empty", "scenario.yaml`"),
        ("# nothing\n", "the scenario is empty", "scenario.yaml`"),
        ("- 1\n- 2\n", "a section with named fields", "scenario.yaml`"),
        ("name: a\nseed: [1\n", "not YAML", "line 3 column 1"),
        ("name: a\n\tseed: 1\n", "not YAML", "line 2 column 1"),
        ("name: a\nseed: 1\nname: b\n", "`name` is given twice", "line 3 column 1"),
        ("name: !!python/object a\n", "has no meaning here", "line 1 column 7"),
        ("services: &a\n  web: *a\n", "an alias contains itself", "line 1 column 11"),
        ("base: &b {a: 1}\nservices: {<<: *b}\n", "a key must be a plain name", "line 2 column 12"),
    ],
)
def test_text_that_is_no_scenario_is_refused(tmp_path, text, message, place):
    error = failure(tmp_path, text)
    assert message in error.message
    assert error.where.endswith(place)


def test_several_mistakes_are_reported_together(tmp_path):
    text = changed("512Mi", "512").replace("duration: 1h", "durations: 1h").replace("kind: hpa", "kind: hpaa")
    error = failure(tmp_path, text)
    assert isinstance(error, ScenarioProblemsError)
    assert [each.where.split(" ", 1)[1] for each in error.errors] == [
        "line 4 column 31 (workload.0.durations)",
        "line 8 column 23 (services.web.replica.memory)",
        "line 11 column 6 (controllers.0.kind)",
    ]
    assert all(each.message in str(error) and each.hint in str(error) for each in error.errors)


def test_missing_file_names_a_near_one(tmp_path):
    write(tmp_path, SMALL)
    with pytest.raises(FileNotFoundError, match=r"`.*scenaro.yaml` not found\n\nhint: did you mean `.*scenario.yaml`"):
        load_scenario(tmp_path / "scenaro.yaml")


def test_missing_folder_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="not found"):
        load_scenario(tmp_path / "nowhere" / "scenario.yaml")


def test_other_kinds_of_files_are_refused(tmp_path):
    assert "neither YAML nor TOML" in failure(tmp_path, "{}", "scenario.json").message
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ScenarioError, match="is a folder"):
        load_scenario(tmp_path / "folder.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\n")
    with pytest.raises(ScenarioError, match="byte 6 is not UTF-8"):
        load_scenario(tmp_path / "latin.yaml")


def test_override_changes_one_field(tmp_path):
    overrides = (
        "services.web.replica.cpu=2",
        "controllers.0.max=50",
        "services.web.slo.latency=250ms",
        "services.web.slo.target=0.9",
    )
    scenario = load(tmp_path, overrides=overrides)
    assert scenario.services["web"].replica.cpu.millicores == 2000
    assert scenario.controllers[0].max == 50
    assert scenario.services["web"].slo.latency.nanos == 250_000_000


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("services.web.queue.limitt=5", "unknown field `limitt`", "did you mean `limit`?"),
        ("services.wbe.replica.cpu=5", "unknown service `wbe`", "did you mean `web`?"),
        ("sed=5", "unknown field `sed`", "did you mean `seed`?"),
        ("controllers.3.max=5", "`controllers` has no entry `3`", "its only entry is 0"),
        ("controllers.hpa.max=5", "`controllers` has no entry `hpa`", "its only entry is 0"),
        ("services.web.work.mean=5ms", "`services.web.work` is no section", "its value is `40ms`"),
        ("services.web.replica.cpu", "an override has the form `a.b=c`", ""),
        ("=5", "an override has the form `a.b=c`", ""),
        ("seed=[1", "not YAML", ""),
        ("services.web.work=5", "needs a unit", "`15s`"),
    ],
)
def test_bad_override_names_itself(tmp_path, override, message, hint):
    error = failure(tmp_path, SMALL, overrides=[override])
    assert message in error.message
    assert f"override `{override}`" in error.where
    assert hint in error.hint


def test_place_of_a_field_set_by_a_section_of_an_override(tmp_path):
    error = failure(tmp_path, SMALL, overrides=["services.web.slo={latency: 250, target: 0.9}"])
    assert error.where == "override `services.web.slo={latency: 250, target: 0.9}` (services.web.slo.latency)"


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"retry": {"attempts": 3, "backoff": {"inital": "10ms"}}}, "did you mean `initial`?"),
        ({"clients": {"numbr": 1, "count": 2, "think": "1s"}}, "the fields here are `count`, "),
        ({"clients": {"think": "1s"}}, "clients.count\n\nhint: how many"),
    ],
)
def test_a_single_workload_gets_the_hints_of_a_list(changes, said, listed):
    workload = {"service": "web", "rate": "5/s", **changes}
    services = {"web": {"work": "40ms", "replica": {"cpu": 1, "memory": "64Mi"}}}
    with pytest.raises(ScenarioError) as caught:
        Scenario(seed=1, workload=[workload] if listed else workload, services=services, platform="vm-fleet")
    assert said in str(caught.value)


def test_full_example_reads(tmp_path):
    scenario = load(tmp_path, FULL)
    assert list(scenario.services) == ["api", "batch", "fluid", "steady", "web", "worker"]
    assert scenario.base_dir == tmp_path


def test_a_field_of_another_kind_is_not_suggested_once_more(tmp_path):
    problem = failure(tmp_path, changed("work: 40ms", "work: {distribution: exponential, mean: 40ms, cv: 1}"))
    assert "unknown field `cv`" in str(problem)
    assert "did you mean `cv`" not in str(problem)
