import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from hookean.errors import TraceError
from hookean.traces import FORMATS, catalogue, load_trace

WORLD_CUP = Path(__file__).parents[2].parent / "shared/traces/worldcup98/invocation_count.csv"


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path, **options):
    with pytest.raises(TraceError) as caught:
        load_trace(path, **options)
    return caught.value


def test_counts_with_iso_times_have_step_origin_and_rates(tmp_path):
    path = write(tmp_path / "a.csv", "time,count\n2026-01-01 00:00:00,60\n2026-01-01 00:01:00,120\n")
    series = load_trace(path)
    assert series.kind == "recorded"
    assert series.step_ns == 60_000_000_000
    assert series.counts.tolist() == [60, 120]
    assert series.origin == datetime(2026, 1, 1, tzinfo=UTC)
    assert series.report.mean_rps == 1.5
    assert series.report.peak_rps == 2.0
    assert series.report.rows == 2
    assert series.report.last == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def test_relative_path_starts_from_the_base_folder(tmp_path):
    write(tmp_path / "a.csv", "time,count\n0,1\n1,2\n")
    assert load_trace("a.csv", base_dir=tmp_path).counts.tolist() == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        b"time,count\n0,1\n10,2\n20,3\n",
        b"time,count\r\n0,1\r\n10,2\r\n20,3\r\n",
        b"\xef\xbb\xbftime,count\n0,1\n10,2\n20,3",
        b"\n\ntime,count\n\n0,1\n10,2\n\n20,3\n\n",
        b"time,count,,\n0,1,,\n10,2,\n20,3,,,\n",
        b'"time","count"\n"0","1"\n"10","2"\n"20","3"\n',
        b" time , count \n0, 1\n10 ,2\n20,3\n",
        gzip.compress(b"time,count\n0,1\n10,2\n20,3\n"),
    ],
    ids=["plain", "crlf", "bom-no-final-newline", "blank-lines", "empty-fields", "quotes", "spaces", "gzip-by-magic"],
)
def test_harmless_variants_of_a_file_give_the_same_counts(tmp_path, data):
    series = load_trace(write(tmp_path / "a.csv", data))
    assert series.counts.tolist() == [1, 2, 3]
    assert series.step_ns == 10_000_000_000
    assert series.origin is None


def test_blank_lines_are_reported_and_do_not_shift_line_numbers(tmp_path):
    series = load_trace(write(tmp_path / "a.csv", "time,count\n\n0,1\n1,2\n"))
    assert series.report.skipped == (("blank line", 1),)
    error = refusal(write(tmp_path / "b.csv", "time,count\n\n0,1\n\n1,x\n"))
    assert error.where.endswith("line 5")
    assert "`x`" in error.message


def test_zones_and_fractions_are_understood(tmp_path):
    text = "time,count\n2026-01-01T02:00:00.5+02:00,1\n2026-01-01T00:00:01.500Z,2\n"
    series = load_trace(write(tmp_path / "a.csv", text))
    assert series.origin == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert series.step_ns == 1_000_000_000


def test_unix_times_have_an_origin(tmp_path):
    series = load_trace(write(tmp_path / "a.csv", "unix_time,count\n893971817,3\n893971818,4\n"))
    assert series.origin == datetime(1998, 4, 30, 21, 30, 17, tzinfo=UTC)


def test_unix_times_in_a_time_column_are_refused_with_the_right_name(tmp_path):
    error = refusal(write(tmp_path / "a.csv", "time,count\n893971817,3\n893971818,4\n"))
    assert "`unix_time`" in error.hint


@pytest.mark.parametrize("text", ["count\n1\n2\n", "1\n2\n"])
def test_counts_alone_need_a_step(tmp_path, text):
    path = write(tmp_path / "a.csv", text)
    assert load_trace(path, step=timedelta(seconds=30)).step_ns == 30_000_000_000
    assert "`step`" in refusal(path).hint
    assert "not positive" in refusal(path, step=timedelta(0)).message


def test_a_single_timed_row_needs_a_step(tmp_path):
    path = write(tmp_path / "a.csv", "time,count\n0,5\n")
    assert "`step`" in refusal(path).hint
    assert load_trace(path, step=timedelta(minutes=1)).counts.tolist() == [5]


def test_missing_bins_are_an_error_unless_the_caller_says_what_they_mean(tmp_path):
    path = write(tmp_path / "a.csv", "time,count\n0,1\n10,2\n20,3\n50,4\n60,5\n")
    error = refusal(path)
    assert error.where.endswith("line 4")
    assert error.message.startswith("2 bins")
    assert load_trace(path, gaps="zero").counts.tolist() == [1, 2, 3, 0, 0, 4, 5]
    held = load_trace(path, gaps="hold")
    assert held.counts.tolist() == [1, 2, 3, 3, 3, 4, 5]
    assert (held.report.gap_count, held.report.gap_length) == (2, timedelta(seconds=20))
    assert "2 bins" in held.report.warnings[0]


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("0,1\n10,-2\n", 3, "`-2` in column `count`"),
        ("0,1\n10,NaN\n", 3, "`NaN` in column `count`"),
        ("0,1\n10,inf\n", 3, "`inf` in column `count`"),
        ("0,1\n10,\n", 3, "an empty field in column `count`"),
        ("0,1\nten,2\n", 3, "`ten` in column `time`"),
        ("0,1\n10,2\n5,3\n", 4, "earlier than line 3"),
        ("0,1\n10,2\n10,3\n", 4, "repeats the time of line 3"),
        ("0,1\n10,2\n20,3\n25,4\n", 5, "not a multiple of the step of 10 s"),
        ("0,1\n10\n", 3, "1 fields, where the header has 2"),
        ("0,1\n10,2,3\n", 3, "3 fields, where the header has 2"),
    ],
)
def test_bad_rows_are_refused_with_their_line(tmp_path, rows, line, words):
    error = refusal(write(tmp_path / "a.csv", f"time,count\n{rows}"))
    assert words in error.message
    assert error.where == f"`{tmp_path / 'a.csv'}` line {line}"
    assert error.hint


def test_an_impossible_date_is_refused(tmp_path):
    error = refusal(write(tmp_path / "a.csv", "period,count\n1998-02-30 00:00:00,1\n"))
    assert "`1998-02-30 00:00:00`" in error.message


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf\n", b"time,count\n", b"time,count\n\n\n"])
def test_an_empty_trace_is_refused(tmp_path, data):
    assert refusal(write(tmp_path / "a.csv", data)).hint


def test_unknown_layouts_list_what_was_found(tmp_path):
    error = refusal(write(tmp_path / "a.csv", "when,hits\n0,1\n"))
    assert "`when`, `hits`" in error.message
    assert all(known.name in error.hint for known in FORMATS)
    assert "`time;count`" in refusal(write(tmp_path / "b.csv", "time;count\n0;1\n")).message
    assert "no header" in refusal(write(tmp_path / "c.csv", "0,1\n1,2\n")).message
    assert "`when`" in refusal(write(tmp_path / "d.csv", "when,count\n0,1\n")).message


def test_repeated_and_nameless_columns_are_refused(tmp_path):
    assert "`count` occurs twice" in refusal(write(tmp_path / "a.csv", "time,count,count\n0,1,2\n")).message
    assert "column 2 has no name" in refusal(write(tmp_path / "b.csv", "time,,count\n0,1,2\n")).message


def test_negative_times_are_refused_and_a_late_start_is_reported(tmp_path):
    assert "`-5` is negative" in refusal(write(tmp_path / "a.csv", "time,count\n-5,1\n0,2\n")).message
    series = load_trace(write(tmp_path / "b.csv", "time,count\n5,1\n10,2\n"))
    assert "5 s after time 0" in series.report.warnings[0]
    assert series.report.first == timedelta(seconds=5)


def test_other_separators_and_unknown_gap_rules_get_advice(tmp_path):
    assert "commas" in refusal(write(tmp_path / "a.csv", "time;count\n0;1\n")).hint
    path = write(tmp_path / "b.csv", "time,count\n0,1\n1,2\n3,4\n")
    assert "zero, error, hold" in refusal(path, gaps="zeros").hint


def test_a_step_that_would_need_more_bins_than_memory_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", "time,count\n0,1\n1,2\n9e9,3\n")
    assert "longer than memory" in refusal(path, gaps="zero", step=timedelta(microseconds=1)).message


def test_columns_that_are_not_read_are_named_in_the_report(tmp_path):
    series = load_trace(write(tmp_path / "a.csv", "time,count,site\n0,1,x\n1,2,y\n"))
    assert series.report.warnings == ("columns not read: site",)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"\x28\xb5\x2f\xfdrest", "zstd"),
        (b"\xff\xfet\x00i\x00", "UTF-16"),
        (b"time,count\n0,\xe9\n", "UTF-8"),
        (gzip.compress(b"time,count\n0,1\n1,2\n" * 50, mtime=0)[:-12], "damaged"),
    ],
    # The bytes themselves would be the names otherwise, and all workers must collect the same names.
    ids=["zip", "zstd", "utf-16", "latin-1", "truncated gzip"],
)
def test_bytes_that_are_not_text_are_refused(tmp_path, data, word):
    assert word in refusal(write(tmp_path / "a.csv", data)).message


def test_unknown_names_suggest_the_nearest_and_missing_files_stay_missing(tmp_path):
    assert "did you mean `worldcup98`?" in refusal("worldcup").hint
    assert (
        "did you mean `counts-csv`?" in refusal(write(tmp_path / "a.csv", "time,count\n0,1\n"), format="count-csv").hint
    )
    with pytest.raises(FileNotFoundError):
        load_trace("absent.csv", base_dir=tmp_path)
    assert "folder" in refusal(tmp_path).message


def test_a_named_format_must_fit_the_file(tmp_path):
    path = write(tmp_path / "a.csv", "time,count\n0,1\n1,2\n")
    assert "worldcup98-counts" in refusal(path, format="worldcup98-counts").message
    assert load_trace(path, format="counts-csv").counts.size == 2


def test_file_options_do_not_apply_to_a_profile():
    assert "`gaps` does not apply" in refusal("worldcup98", gaps="zero").message


def test_counts_are_read_only(tmp_path):
    series = load_trace(write(tmp_path / "a.csv", "time,count\n0,1\n1,2\n"))
    with pytest.raises(ValueError, match="read-only"):
        series.counts[0] = 5


def test_every_catalogue_entry_has_its_file_licence_and_notice():
    for entry in catalogue().values():
        assert entry.path.is_file()
        assert entry.licence
        assert entry.notice.strip()
        assert load_trace(entry.name).kind == entry.kind


@pytest.mark.skipif(not WORLD_CUP.exists(), reason="the recorded World Cup counts are not on this machine")
def test_the_recorded_world_cup_file_adds_up_and_its_gaps_are_reported():
    series = load_trace(WORLD_CUP)
    assert series.report.format == "worldcup98-counts"
    assert series.counts.size == 125_310
    assert series.report.rows == 125_300
    assert series.counts.sum() == 1_352_804_107
    assert (series.report.gap_count, series.report.gap_length) == (10, timedelta(minutes=10))
    assert series.origin == datetime(1998, 4, 30, 21, 30, tzinfo=UTC)
    assert any("1998-05-08 03:22:00 UTC" in warning for warning in series.report.warnings)
    assert any("22:00 UTC" in warning for warning in series.report.warnings)
    assert int(np.argmax(series.counts)) * timedelta(minutes=1) + series.origin == datetime(
        1998, 7, 7, 21, 41, tzinfo=UTC
    )
