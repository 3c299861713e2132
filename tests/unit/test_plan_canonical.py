import json

import pytest

from hookean.plan.canonical import canonical

SHARED = {"b": [1, 2.5], "a": None}
MANY = range(20)


def plain(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([{"z": 1, "name": f"web-{n:03}", "work": SHARED} for n in MANY], id="group"),
        pytest.param([{"work": SHARED, "service": 1000 + n // 2, "kind": "hpa"} for n in MANY], id="numbers"),
        pytest.param([{"name": f'hütte-"{n}"\n', "work": SHARED} for n in MANY], id="letters"),
        pytest.param([{"service": n % 2 == 0, "work": SHARED} for n in MANY], id="truth"),
        pytest.param([{"service": n * 1.0, "work": SHARED} for n in MANY], id="floats"),
        pytest.param([{"service": (1, True, 1.0, None, "1")[n % 5], "work": SHARED} for n in MANY], id="equal"),
        pytest.param([{"a": n, "b": SHARED} if n % 2 else {"b": SHARED, "a": n} for n in MANY], id="order"),
        pytest.param([{"ab"[n % 2]: None, "work": SHARED} for n in MANY], id="keys"),
        pytest.param([{"a": n // 3, "b": n % 3 + 300, "work": SHARED} for n in MANY], id="two-differ"),
        pytest.param([{"work": [n], "name": "same"} for n in MANY], id="lists-differ"),
        pytest.param([{"only": f"{n}"} for n in MANY], id="nothing-else"),
        pytest.param([n if n % 3 else {"a": n} for n in MANY], id="no-entries"),
        pytest.param([{} for _ in MANY], id="empty"),
    ],
)
def test_long_lists_are_written_as_json_would(entries):
    document = {"services": entries, "ä": 1, "few": entries[:2], "a": {"services": entries}}
    assert canonical(document) == plain(document).encode()


def test_what_is_no_number_is_refused():
    for value in (float("nan"), float("inf")):
        for count in (1, 40):
            with pytest.raises(ValueError, match="not JSON compliant"):
                canonical({"services": [{"name": n, "work": {"mean": value}} for n in range(count)]})
