"""Text files as tables of strings that remember their line numbers.

Accepts LF and CRLF, a byte-order mark, blank lines, a missing final newline, extra empty fields at the end of a line,
and gzip, bzip2 or xz compression (told by the first bytes, never by the file's name). Nothing is inferred: every column
is text until a format says what it is.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hookean.errors import TraceError
from hookean.memory import require_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

_DECOMPRESSORS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\x00", lzma.decompress),
)
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
    (b"PAR1", "Parquet"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_BYTES_PER_TEXT_BYTE = 10
"""Memory per byte of text while it is parsed: bytes, lines, fields and numbers (8.6 measured with polars 2.1)."""

_NUMBER = r"^\s*\"?[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\"?\s*$"


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """The fields of a text file, all of them strings.

    Attributes:
        path: The file, for messages.
        columns: One String column per field; named by the header, or `column_1`, `column_2` … without one.
        has_header: Whether the first line was a header.
        lines: int64, shape (rows,), line number of each row, from 1.
        blank_lines: How many blank lines were passed over.
    """

    path: Path
    columns: pl.DataFrame
    has_header: bool
    lines: npt.NDArray[np.int64]
    blank_lines: int

    def where(self, row: int) -> str:
        """Returns the place of a row for an error message."""
        return f"`{self.path}` line {self.lines[row]}"


def read_text_table(path: Path, *, memory_limit_bytes: int | None = None) -> TextTable:
    """Reads a comma-separated file without interpreting it.

    Args:
        path: The file.
        memory_limit_bytes: Refuse a file that needs more; the memory available on this machine when `None`.

    Raises:
        FileNotFoundError: If there is no such file.
        TraceError: If it is empty, compressed in a way that is not supported, not UTF-8 text, ragged, or too large.
    """
    require_memory(path.stat().st_size * _BYTES_PER_TEXT_BYTE, path=path, limit_bytes=memory_limit_bytes)
    data = _decompressed(path)
    require_memory(len(data) * _BYTES_PER_TEXT_BYTE, path=path, limit_bytes=memory_limit_bytes)
    lines = _lines(data, path=path)
    blank = (lines.str.strip_chars(" \t,") == "").to_numpy()
    line_numbers = np.flatnonzero(~blank) + 1
    kept = lines.filter(pl.Series(~blank))
    if kept.len() == 0:
        raise TraceError("file holds no data", where=f"`{path}`", hint="a trace needs a header line and rows of data")
    header = _fields_of(str(kept[0]))
    has_header = not all(pl.Series(header, dtype=pl.String).str.contains(_NUMBER))
    names = header if has_header else [f"column_{i + 1}" for i in range(len(header))]
    _check_names(names, where=f"`{path}` line {line_numbers[0]}")
    body = kept[1:] if has_header else kept
    numbers = line_numbers[1:] if has_header else line_numbers
    if body.len() == 0:
        raise TraceError("file has a header but no rows", where=f"`{path}`", hint="a trace needs at least one row")
    columns = _split(body, names=names, numbers=numbers, path=path)
    return TextTable(
        path=path, columns=columns, has_header=has_header, lines=numbers, blank_lines=int(np.count_nonzero(blank))
    )


def _decompressed(path: Path) -> bytes:
    data = path.read_bytes()
    for magic, name in _REFUSED:
        if data.startswith(magic):
            raise TraceError(
                f"file is {name}, where text was expected", where=f"`{path}`", hint="unpack or convert it to UTF-8 CSV"
            )
    for magic, decompress in _DECOMPRESSORS:
        if data.startswith(magic):
            try:
                return decompress(data)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise TraceError(
                    f"compressed file is damaged ({error})", where=f"`{path}`", hint="fetch or compress it again"
                ) from error
    return data


def _lines(data: bytes, *, path: Path) -> pl.Series:
    """Returns every line without its end, blank ones included."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise TraceError("file is empty", where=f"`{path}`", hint="a trace needs a header line and rows of data")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TraceError(
            "file is not UTF-8 text", where=f"`{path}` line {line}", hint="convert it to UTF-8, for example with iconv"
        ) from error
    return pl.read_lines(io.BytesIO(data))["line"].str.strip_chars_end("\r")


def _fields_of(line: str) -> list[str]:
    fields = [field.strip().strip('"').strip() for field in line.split(",")]
    while len(fields) > 1 and not fields[-1]:
        fields.pop()
    return fields


def _check_names(names: list[str], *, where: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise TraceError(f"column `{repeated[0]}` occurs twice", where=where, hint="give every column its own name")
    if "" in names:
        raise TraceError(f"column {names.index('') + 1} has no name", where=where, hint="name it in the header")


def _split(body: pl.Series, *, names: list[str], numbers: npt.NDArray[np.int64], path: Path) -> pl.DataFrame:
    """Cuts the lines into named String columns, of the same height."""
    commas = len(names) - 1
    trimmed = pl.select(
        pl.when(body.str.count_matches(",", literal=True) > commas)
        .then(body.str.strip_chars_end(", \t"))
        .otherwise(body)
    ).to_series()
    # A trailing empty field that belongs to a named column was cut off with the superfluous ones: give it back.
    missing = commas - trimmed.str.count_matches(",", literal=True).cast(pl.Int64)
    found = np.asarray(missing.to_numpy())
    if not trimmed.str.contains('"', literal=True).any():
        cut = np.flatnonzero((found != 0) & ~((found > 0) & (trimmed != body).to_numpy()))
        if cut.size:
            row = int(cut[0])
            fields = commas + 1 - int(found[row])
            raise TraceError(
                f"{fields} fields, where the header has {commas + 1}",
                where=f"`{path}` line {numbers[row]}",
                hint=f"the columns are {', '.join(f'`{name}`' for name in names)}",
            )
    if commas == 0:
        return pl.DataFrame({names[0]: trimmed.str.strip_chars(' \t"')})
    return _parsed(trimmed, names=names, path=path)


def _parsed(lines: pl.Series, *, names: list[str], path: Path) -> pl.DataFrame:
    text = lines.str.join("\n")[0].encode()
    hint = "every row needs the fields of the header; a field may not hold a line break"
    try:
        frame = pl.read_csv(text, has_header=False, schema=dict.fromkeys(names, pl.String))
    except pl.exceptions.PolarsError as error:
        raise TraceError(f"rows cannot be cut into fields ({error})", where=f"`{path}`", hint=hint) from error
    if frame.height != lines.len():
        raise TraceError(f"{lines.len()} lines gave {frame.height} rows", where=f"`{path}`", hint=hint)
    return frame.with_columns(pl.all().str.strip_chars())
