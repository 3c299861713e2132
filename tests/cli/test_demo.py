"""`hookean demo`: three platforms, one report, scenarios to change."""

from hookean.result import RunResult
from hookean.scenario import load_scenario

NAMES = ("vm-fleet", "kubernetes-on-metal", "kubernetes-on-vms")


def test_the_demo_compares_three_platforms_and_can_be_repeated(call, tmp_path):
    for _time in range(2):
        outcome = call("demo")
        assert outcome.code == 0
    assert max(map(len, outcome.stdout.splitlines())) <= 80
    for name in NAMES:
        result = RunResult.load(tmp_path / "hookean-demo" / name)
        assert not result.partial
        assert result.manifest["horizon_ns"] == 86_400_000_000_000
        assert result.summary["arrivals"].sum() > 5_000_000
        assert load_scenario(tmp_path / "hookean-demo" / f"{name}.yaml").name == name
    assert (tmp_path / "hookean-demo" / "report.html").stat().st_size > 1_000_000
    assert "report: hookean-demo/report.html" in outcome.stderr


def test_the_contenders_get_the_same_traffic(call, tmp_path):
    call("demo")
    arrivals = {RunResult.load(tmp_path / "hookean-demo" / name).summary["arrivals"].sum() for name in NAMES}
    assert len(arrivals) == 1
