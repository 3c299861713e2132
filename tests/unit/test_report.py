"""The HTML report: self-contained, reproducible, escaped, complete."""

import re
from html.parser import HTMLParser

import polars as pl
import pytest
from fake_result import fake_result, world_cup_day

from hookean.errors import ResultError
from hookean.report import render_report, write_report
from hookean.report.figures_section import DECISIONS_SHOWN
from hookean.report.foundations import provenance

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Page(HTMLParser):
    """Collects tags, ids and text, and notes tags that do not match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.wrong, self.ids, self.links, self.texts, self.tags = [], [], [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in {"src", "href"}:
                self.links.append(value)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"script", "style"}:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


@pytest.fixture(scope="module")
def day():
    return render_report(world_cup_day())


def edited(result, **manifest):
    return type(result)(**{**vars(result), "manifest": {**result.manifest, **manifest}})


def test_page_is_well_formed_with_unique_ids(day):
    page = Page(day)
    assert page.wrong == []
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    for key in ("supply", "latency", "outcomes", "cost", "startup", "decisions"):
        assert f"{key}-0" in page.ids
        assert f"plot-{key}-0" in page.ids


def test_page_needs_no_network_and_embeds_plotly_once(day):
    page = Page(day)
    assert page.links == ["#foundations"]
    assert day.count("plotly.js v") == 1
    assert "default-src 'none'" in day
    assert len(day.encode()) < 8_000_000


def test_every_figure_is_followed_by_its_numbers(day):
    body = day[day.index("<main>") :]
    parts = re.findall(r"<figure id=.*?</figure>", body, flags=re.DOTALL)
    assert len(parts) == 6
    for part in parts:
        assert re.search(r'<details class="numbers">.*<table.*<td', part, flags=re.DOTALL)


def test_every_interval_of_a_day_is_in_the_supply_table(day):
    [part] = re.findall(r'<figure id="supply-0">.*?</figure>', day, flags=re.DOTALL)
    assert part.count("<tr>") == 1440 + 2
    assert "<td>1 d 00:00:00</td>" in part


def test_equal_results_give_equal_bytes(day):
    assert render_report(world_cup_day()) == day


def test_headline_cards_and_comparison_agree(day):
    text = Page(day).text
    assert "“Containers on metal, HPA” (99.69 %) and “Containers in VMs, HPA” (99.69 %) met the objective" in text
    assert text.count("✓ met: 99.69 % good") == 2
    assert "✗ missed: 98.41 % good" in text


def test_values_that_read_alike_are_equally_good(day):
    [row] = re.findall(r'<th scope="row">latency p95</th>(.*?)</tr>', day)
    assert row == '<td class="n">191 ms</td><td class="n best">127 ms</td><td class="n best">127 ms</td>'


def test_names_and_texts_of_users_are_escaped():
    nasty = '<script>alert("x")</script> & ${title} {braces}'
    result = fake_result(minutes=10, name=nasty, services=(nasty,))
    result = edited(
        result,
        warnings=[nasty],
        platform=nasty,
        platform_text=nasty,
        controllers=[{"kind": nasty, "service": nasty, "text": nasty}],
        provenance=[{"path": nasty, "value": nasty, "status": "assumed", "source": nasty}],
        checks=[{"check": nasty, "passed": False, "detail": nasty}],
    )
    noisy = result.decisions.with_columns(reason=pl.lit(nasty), metric=pl.lit(nasty), controller=pl.lit(nasty))
    html = render_report({nasty: type(result)(**{**vars(result), "decisions": noisy})})
    plain = render_report({"a": fake_result(minutes=10)})
    page = Page(html)
    assert page.wrong == []
    assert page.tags.count("script") == Page(plain).tags.count("script")
    assert nasty in page.text


def test_assumed_and_recalled_values_come_first_and_are_marked(day):
    rests = day[day.index("What this result rests on</h2>") :]
    titles = re.findall(r"<summary>(.*?)</summary>", rests)
    assert '<span class="mark">!</span> Assumed' in titles[0]
    assert '<span class="mark">!</span> Recalled' in titles[1]
    assert all("mark" not in title for title in titles[2:])
    assert "Rests on 1 assumed and 1 recalled values" in Page(day).text


def test_provenance_joins_what_contenders_share():
    table = provenance(world_cup_day(10))
    prices = table.filter(pl.col("path") == "platform.price")
    assert prices.height == 3
    assert "all" not in set(prices["contenders"])
    assert table.filter(pl.col("path") == "services.web.work.mean")["contenders"].to_list() == ["all"]
    assert table["status"][0] == "assumed"


def test_what_is_needed_to_repeat_the_run_is_there(day):
    text = Page(day).text
    for fact in ("ab" * 32, "cd" * 32, "0123456789abcdef", "seed 7", "hookean 0.1.0", "12 replicas waited for room"):
        assert fact in text


def test_partial_results_and_failed_checks_are_said_first():
    broken = {"check": "cost = sum of billed intervals", "passed": False, "detail": "difference 3 nano-USD"}
    result = edited(fake_result(minutes=10, partial=True), checks=[broken])
    html = render_report({"a": result})
    banners = re.findall(r'<p class="banner" role="alert">(.*?)</p>', html)
    assert banners[0] == (
        "A conservation check failed, so these figures cannot be trusted: a: cost = sum of billed intervals "
        "(difference 3 nano-USD). This is a bug in hookean."
    )
    assert banners[1].startswith("“a” was stopped before the end")
    assert "10 min (stopped early)" in html


def test_long_decision_tables_say_how_many_rows_there_are():
    result = fake_result(minutes=6000, decisions_per_minute=1)
    changes = result.decisions.filter(pl.col("current") != pl.col("desired")).height
    assert changes > DECISIONS_SHOWN
    html = render_report({"a": result})
    assert f"{DECISIONS_SHOWN} of {changes:,} rows" in html
    assert "decisions.parquet" in html


@pytest.mark.parametrize(
    "shape",
    [
        {"requests": False, "slo": False},
        {"requests": False},
        {"slo": False},
        {"decisions_per_minute": 0},
        {"stage_seconds": {}},
        {"services": ("api", "batch", "web")},
        {"partial": True},
    ],
    ids=str,
)
def test_odd_results_give_a_well_formed_page(shape):
    page = Page(render_report(fake_result(minutes=24, **shape)))
    assert page.wrong == []
    assert not re.search(r"\b(None|nan|null)\b", page.text)


def test_a_fluid_run_says_why_figures_are_missing():
    page = Page(render_report(fake_result(minutes=24, requests=False, slo=False)))
    assert page.text.count("There were no requests, so there is nothing to draw.") == 2
    assert "plot-latency-0" not in page.ids


def test_contenders_with_different_services_are_compared_where_they_can_be():
    page = Page(render_report({"a": fake_result(minutes=10, services=("api", "web")), "b": fake_result(minutes=10)}))
    assert page.wrong == []
    assert "Service api" in page.text


def test_many_services_are_drawn_up_to_a_limit_that_is_said():
    services = tuple(f"s{index}" for index in range(8))
    page = Page(render_report(fake_result(minutes=5, services=services)))
    assert "Figures are drawn for the 6 services with the most requests of 8" in page.text
    assert sum(identity.startswith("plot-supply-") for identity in page.ids) == 6


def test_report_is_written_in_one_step_and_replaces_an_older_one(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    assert write_report(fake_result(minutes=5), path) == path
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("place", ["missing/report.html", "file/report.html"])
def test_a_report_that_cannot_be_written_is_an_error_with_a_hint(tmp_path, place):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ResultError, match="cannot write the report") as caught:
        write_report(fake_result(minutes=5), tmp_path / place)
    assert "check that the folder" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(ResultError, match="No space left"):
        write_report(fake_result(minutes=5), path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_a_folder_or_nothing_is_an_error(tmp_path):
    with pytest.raises(ResultError, match="is a folder"):
        write_report(fake_result(minutes=5), tmp_path)
    with pytest.raises(ResultError, match="no result"):
        write_report({}, tmp_path / "report.html")
