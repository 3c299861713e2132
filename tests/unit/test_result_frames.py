"""Result frames: every difference from the documented columns is named."""

import polars as pl
import pytest

from hookean.result import TABLES
from hookean.result.frames import DTYPES, empty_frame, mismatch


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_frame_has_the_documented_columns(table):
    assert mismatch(table, empty_frame(table)) is None
    assert empty_frame(table).columns == [column.name for column in TABLES[table]]


@pytest.mark.parametrize("table", TABLES)
def test_columns_have_known_types_and_a_meaning(table):
    for column in TABLES[table]:
        assert column.dtype in DTYPES
        assert column.meaning.endswith(".")
        assert ("null" in column.meaning.lower()) <= column.nullable, column


def test_a_lacking_and_an_unknown_column_are_both_named():
    frame = empty_frame("nodes").rename({"pool": "pond"})
    assert mismatch("nodes", frame) == "table `nodes` lacks `pool` and has unknown `pond`"


def test_a_wrong_type_is_named():
    frame = empty_frame("nodes").with_columns(pl.col("billed").cast(pl.Duration("us")))
    assert "nodes.billed" in mismatch("nodes", frame)


def test_another_order_is_named():
    frame = empty_frame("nodes")
    assert "order" in mismatch("nodes", frame.select(reversed(frame.columns)))


def test_a_null_is_allowed_only_where_documented():
    frame = pl.DataFrame([[None] * len(TABLES["nodes"])], schema=empty_frame("nodes").schema, orient="row")
    assert mismatch("nodes", frame) == "column `nodes.node` has 1 nulls and may have none"
