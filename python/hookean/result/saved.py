"""Reading result folders: checked as a whole at once, read table by table when they are asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean.errors import ResultError
from hookean.result.columns import OPTIONAL, TABLES
from hookean.result.frames import LazyFrames, mismatch
from hookean.result.store import MANIFEST, MANIFEST_KEYS, RESULT_SCHEMA, digest_of, part_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_HINT = "run the scenario again"


@dataclass(frozen=True)
class SavedTable:
    """A table of a result folder, on disk until it is asked for.

    Attributes:
        name: Its name.
        path: Its file, or the folder of its parts.
        rows: How many rows it has.
        digests: Checksum of each of its files, by file.
        stamps: What tells a file that was changed from the one that was saved.
    """

    name: str
    path: Path
    rows: int
    digests: Mapping[Path, str]
    stamps: Mapping[Path, tuple[int, ...]]

    @classmethod
    def of(cls, folder: Path, name: str, entry: Mapping[str, Any]) -> SavedTable:
        """Returns a table without reading it.

        Args:
            folder: The result folder.
            name: Name of the table.
            entry: Its entry in the manifest.

        Raises:
            ResultError: If a file is missing or the entry is none.
        """
        path = folder / f"{name}.parquet"
        try:
            parts = entry.get("parts")
            digests = (
                {path: entry["sha256"]}
                if parts is None
                else {path / part_file(number): part["sha256"] for number, part in enumerate(parts)}
            )
            return cls(name, path, entry["rows"], digests, {file: _stamp(file) for file in digests})
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ResultError(f"table `{name}` is missing", where=f"`{folder}`", hint=_HINT) from error
        except (OSError, KeyError, TypeError, AttributeError) as error:
            raise ResultError(f"the table cannot be read ({error})", where=f"`{path}`", hint=_HINT) from error

    def check(self) -> None:
        """Checks checksums, columns and number of rows; takes no memory to speak of.

        Raises:
            ResultError: If something is not as the manifest says.
        """
        try:
            for file, digest in self.digests.items():
                if digest_of(file) != digest:
                    raise self._problem("the table is damaged: its checksum is not the manifest's", file)
            frame = self._frame()
            found, rows = frame.collect_schema(), frame.select(pl.len()).collect().item()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._problem(f"the table cannot be read ({error})") from error
        problem = mismatch(self.name, pl.DataFrame(schema=found))
        if problem is None and rows != self.rows:
            problem = f"table `{self.name}` has {rows} rows, the manifest says {self.rows}"
        if problem is not None:
            raise self._problem(problem)

    def scan(self) -> pl.LazyFrame:
        """Returns the table to be filtered or aggregated without being read as a whole.

        Raises:
            ResultError: If its files are no longer those that were saved.
        """
        try:
            if any(_stamp(file) != stamp for file, stamp in self.stamps.items()):
                raise self._problem("the table has been replaced since the result was made or loaded")
        except OSError as error:
            raise self._problem(f"table `{self.name}` is there no longer ({error.strerror})") from error
        return self._frame()

    def read(self) -> pl.DataFrame:
        """Reads the whole table into memory.

        Raises:
            ResultError: If that fails.
        """
        try:
            frame = self.scan().collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._problem(f"the table cannot be read ({error})") from error
        problem = mismatch(self.name, frame)
        if problem is not None:
            raise self._problem(problem)
        return frame

    def _frame(self) -> pl.LazyFrame:
        return pl.scan_parquet(list(self.digests), glob=False, hive_partitioning=False)

    def _problem(self, what: str, file: Path | None = None) -> ResultError:
        return ResultError(what, where=f"`{file or self.path}`", hint=_HINT)


def saved_frames(folder: Path, entries: Mapping[str, Mapping[str, Any]], *, check: bool) -> LazyFrames:
    """Returns the tables of a result folder, each read when it is first asked for.

    Args:
        folder: The folder.
        entries: The entry `tables` of its manifest.
        check: Whether to check the files first; without need for those that this process has just written.

    Raises:
        ResultError: If something is missing, or is not as the manifest says.
    """
    tables = {name: SavedTable.of(folder, name, entry) for name, entry in entries.items()}
    if check:
        for table in tables.values():
            table.check()
    return LazyFrames(list(tables), lambda name: tables[name].read(), scan=lambda name: tables[name].scan())


def read_folder(folder: str | Path) -> tuple[dict[str, Any], LazyFrames]:
    """Reads a result folder and checks it against its manifest.

    Args:
        folder: A folder that `ResultFolder.publish` wrote.

    Returns:
        The manifest without its `tables` entry, and the frames by table name.

    Raises:
        FileNotFoundError: If there is no such folder.
        ResultError: If it is incomplete, damaged, or written by a version with another result schema.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"result folder `{folder}` does not exist")
    manifest = _read_manifest(folder)
    entries = manifest.pop("tables")
    unknown = sorted(set(entries) - set(TABLES))
    absent = sorted(set(TABLES) - set(entries) - OPTIONAL)
    if unknown or absent:
        what = f"unknown table `{unknown[0]}`" if unknown else f"no table `{absent[0]}`"
        raise ResultError(f"the manifest has {what}", where=f"`{folder / MANIFEST}`", hint="run the scenario again")
    return manifest, saved_frames(folder, entries, check=True)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise ResultError(
            f"`{folder}` is not a complete result: it has no `{MANIFEST}`",
            hint="the run that wrote it was stopped, or this is another folder; run the scenario again",
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ResultError(f"the manifest cannot be read ({error})", where=f"`{path}`") from error
    if not isinstance(manifest, dict) or "result_schema" not in manifest:
        raise ResultError("this is not the manifest of a result", where=f"`{path}`")
    if manifest["result_schema"] != RESULT_SCHEMA:
        raise ResultError(
            f"the result has schema {manifest['result_schema']}, this version of hookean reads {RESULT_SCHEMA}",
            where=f"`{path}`",
            hint=f"it was written by hookean {manifest.get('hookean_version', '(unknown)')}; "
            "run the scenario again or use that version",
        )
    missing = [key for key in (*MANIFEST_KEYS, "tables") if key not in manifest]
    if missing:
        raise ResultError(f"the manifest lacks `{missing[0]}`", where=f"`{path}`", hint="run the scenario again")
    return manifest


def _stamp(file: Path) -> tuple[int, ...]:
    found = file.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
