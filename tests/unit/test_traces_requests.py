import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from hookean.errors import TraceError
from hookean.traces import load_requests


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path, **options):
    with pytest.raises(TraceError) as caught:
        load_requests(path, **options)
    return caught.value


def test_times_and_work_are_exact_nanoseconds(tmp_path):
    table = load_requests(write(tmp_path / "a.csv", "time,work\n0.000000001,0.1\n0.3,2\n9007199.254740993,1e-9\n"))
    assert table.times_ns.tolist() == [1, 300_000_000, 9_007_199_254_740_993]
    assert table.work_ns.tolist() == [100_000_000, 2_000_000_000, 1]
    assert table.times_ns.dtype == table.work_ns.dtype == np.uint64
    assert table.origin is None
    assert table.report.rows == 3


def test_work_may_be_left_out_and_gzip_is_read(tmp_path):
    table = load_requests(write(tmp_path / "a.csv.gz", gzip.compress(b"time\r\n1\r\n1\r\n2.5")))
    assert table.work_ns is None
    assert table.times_ns.tolist() == [1_000_000_000, 1_000_000_000, 2_500_000_000]
    assert table.report.peak_rps == 2.0


def test_more_than_nine_decimals_round_half_up_and_the_report_says_so(tmp_path):
    table = load_requests(write(tmp_path / "a.csv", "time\n0.0000000004\n0.0000000005\n0.0000000015\n1.5000000000\n"))
    assert table.times_ns.tolist() == [0, 1, 2, 1_500_000_000]
    assert "3 values" in table.report.warnings[0]


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("-1,1\n", 2, "time `-1` is negative"),
        ("0,1\n5,1\n4,1\n", 4, "time `4` is earlier than `5`"),
        ("0,1\n1,-0.5\n", 3, "work `-0.5` is negative"),
        ("0,1\n1,nan\n", 3, "`nan` in column `work` is not a finite number"),
        ("0,1\n1,inf\n", 3, "`inf` in column `work`"),
        ("0,1\nnan,1\n", 3, "`nan` in column `time`"),
        ("0,1\n1,\n", 3, "column `work` is empty"),
        ("0,1\n,1\n", 3, "column `time` is empty"),
        ("0,1\n1e12,1\n", 3, "`1e12` in column `time`"),
        ("0,1\n1 s,1\n", 3, "`1 s` in column `time`"),
        ("0,1\n1,2,3\n", 3, "3 fields, where the header has 2"),
    ],
)
def test_bad_rows_are_refused_with_their_line(tmp_path, rows, line, words):
    error = refusal(write(tmp_path / "a.csv", f"time,work\n{rows}"))
    assert words in error.message
    assert error.where == f"`{tmp_path / 'a.csv'}` line {line}"
    assert error.hint


def test_a_missing_time_column_lists_what_was_found_and_the_nearest(tmp_path):
    error = refusal(write(tmp_path / "a.csv", "times,work\n0,1\n"))
    assert "found `times`, `work`" in error.message
    assert "`times`" in error.hint
    pl.DataFrame({"at": [1.0]}).write_parquet(tmp_path / "a.parquet")
    assert "found `at`" in refusal(tmp_path / "a.parquet").message


@pytest.mark.parametrize("text", ["", "time,work\n", "\n\n"])
def test_an_empty_table_is_refused(tmp_path, text):
    assert refusal(write(tmp_path / "a.csv", text)).hint


def test_unknown_kinds_of_file_and_headless_files_are_refused(tmp_path):
    assert "`.xlsx`" in refusal(write(tmp_path / "a.xlsx", "x")).message
    assert "no header" in refusal(write(tmp_path / "a.csv", "0,1\n1,1\n")).message
    assert "not Parquet" in refusal(write(tmp_path / "a.parquet", "time\n")).message
    assert "empty" in refusal(write(tmp_path / "b.parquet", b"")).message
    with pytest.raises(FileNotFoundError):
        load_requests("absent.csv", base_dir=tmp_path)
    with pytest.raises(FileNotFoundError):
        load_requests("absent.parquet", base_dir=tmp_path)


@pytest.mark.parametrize(
    "times",
    [
        pl.Series([0.0, 0.1, 12.3]),
        pl.Series([timedelta(0), timedelta(milliseconds=100), timedelta(milliseconds=12_300)], dtype=pl.Duration("us")),
        pl.Series([0, 100, 12_300]).cast(pl.Duration("ms")),
        pl.Series(["0", "0.1", "12.3"]),
        pl.Series([Decimal("0.0"), Decimal("0.1"), Decimal("12.3")], dtype=pl.Decimal(10, 1)),
    ],
    ids=["float", "duration-us", "duration-ms", "text", "decimal"],
)
def test_parquet_times_of_every_type_are_the_same_nanoseconds(tmp_path, times):
    pl.DataFrame({"time": times, "work": [1, 2, 3]}).write_parquet(tmp_path / "a.parquet")
    table = load_requests(tmp_path / "a.parquet")
    assert table.times_ns.tolist() == [0, 100_000_000, 12_300_000_000]
    assert table.work_ns.tolist() == [1_000_000_000, 2_000_000_000, 3_000_000_000]


def test_datetimes_set_the_origin_to_the_second_of_the_first_request(tmp_path):
    stamps = pl.Series([1_700_000_000_250_000_001, 1_700_000_003_000_000_000]).cast(pl.Datetime("ns"))
    pl.DataFrame({"time": stamps}).write_parquet(tmp_path / "a.parquet")
    table = load_requests(tmp_path / "a.parquet")
    assert table.origin == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert table.times_ns.tolist() == [250_000_001, 3_000_000_000]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"time": [0.0, float("nan")]}, "`nan` in column `time`"),
        ({"time": [0.0, 1.0], "work": [1.0, float("inf")]}, "`inf` in column `work`"),
        ({"time": [0.0, None]}, "column `time` is empty"),
        ({"time": [0.0, 1.0], "work": [1.0, -1.0]}, "work `-1.0` is negative"),
        ({"time": [1.0, 0.5]}, "earlier than"),
        ({"time": [0, 10**10]}, "does not fit in 292 years"),
    ],
)
def test_bad_parquet_values_are_refused_with_their_row(tmp_path, frame, words):
    pl.DataFrame(frame).write_parquet(tmp_path / "a.parquet")
    error = refusal(tmp_path / "a.parquet")
    assert words in error.message
    assert error.where.endswith("row 2")


def test_parquet_columns_of_another_type_are_refused(tmp_path):
    pl.DataFrame({"time": [True, False]}).write_parquet(tmp_path / "a.parquet")
    assert "is Boolean, not seconds" in refusal(tmp_path / "a.parquet").message
    pl.DataFrame({"time": pl.Series([], dtype=pl.Float64)}).write_parquet(tmp_path / "b.parquet")
    assert "empty" in refusal(tmp_path / "b.parquet").message


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_table_longer_than_memory_is_refused_before_it_is_read(tmp_path, name):
    frame = pl.DataFrame({"time": np.arange(1_000.0)})
    if name.endswith("csv"):
        frame.write_csv(tmp_path / name)
    else:
        frame.write_parquet(tmp_path / name)
    error = refusal(tmp_path / name, memory_limit_bytes=10_000)
    assert "longer than memory" in error.message
    assert "9.8 KiB" in error.message
    assert load_requests(tmp_path / name, memory_limit_bytes=1 << 20).times_ns.size == 1_000
