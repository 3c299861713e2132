"""Writing result folders: Parquet tables and a manifest, complete or visibly not.

A folder is complete when it has a `manifest.json`. Tables are written and synced in a work folder inside it, then moved
into place, and the manifest comes last. A run that is killed leaves no manifest, and a full disk leaves the older
result untouched. One run at a time may hold a folder; the claim ends with the process, however that ends.

A table is a file `<table>.parquet`. One that was written while its run went on, and has more rows than one part, is a
folder of that name with files `part-00000.parquet` and so on.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import polars as pl

from hookean.errors import ResultError
from hookean.result.columns import TABLES
from hookean.result.frames import engine_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from hookean._core import ArrowTable

RESULT_SCHEMA = 4
"""Version of the tables and of the manifest."""

MANIFEST = "manifest.json"
MANIFEST_KEYS = (
    "hookean_version",
    "git_revision",
    "result_schema",
    "name",
    "seed",
    "plan_digest",
    "result_digest",
    "horizon_ns",
    "simulated_ns",
    "platform",
    "platform_text",
    "controllers",
    "services",
    "partial",
    "warnings",
    "provenance",
    "checks",
)
"""What every manifest has."""

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_PART = re.compile(r"part-\d{5,}\.parquet")
_WORK = ".hookean-partial"
_LOCK = ".hookean-lock"
_FILES = {f"{table}.parquet" for table in TABLES}


class ResultFolder:
    """A claim on a folder for one result: made before a simulation, so that a bad path costs no simulation.

    Use it as a context manager. Whatever it created is removed again when nothing was published.

    Args:
        folder: Where the result goes; created with its parents.
        overwrite: Whether an existing result there may be replaced. Other files are never touched.
    """

    def __init__(self, folder: str | Path, *, overwrite: bool = False) -> None:
        self.path = Path(folder)
        self._overwrite = overwrite
        self._created: list[Path] = []
        self._lock: IO[bytes] | None = None
        self._parts: dict[str, dict[int, dict[str, Any]]] = {}
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        """Claims the folder.

        Returns:
            The claim.

        Raises:
            ResultError: If the folder cannot be written, is in use by another run, holds a result that may not be
                replaced, or holds something else.
        """
        try:
            self._lock = self._acquire()
            self._refuse_other_content()
            shutil.rmtree(self._work, ignore_errors=True)
            self._work.mkdir()
        except OSError as error:
            self._release()
            raise _cannot_write(self.path, error) from error
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._release()

    def write_part(self, table: str, number: int, rows: ArrowTable) -> None:
        """Writes rows of a table while its run goes on. Writing a part again replaces it.

        Args:
            table: Name of the table.
            number: Number of the part, from 0.
            rows: Its rows.

        Raises:
            ResultError: If they cannot be written; nothing can be published then.
            SimulationError: If they have not the columns of the table; nothing can be published then.
        """
        try:
            frame = engine_frame(table, rows)
            folder = self._work / f"{table}.parquet"
            folder.mkdir(exist_ok=True)
            self._parts.setdefault(table, {})[number] = _write_table(folder / part_file(number), frame)
        except (OSError, pl.exceptions.PolarsError) as error:
            self._failure = _cannot_write(self.path, self._system_error(error) or error)
            raise self._failure from error
        except Exception as error:
            self._failure = error
            raise

    def publish(self, tables: Mapping[str, pl.DataFrame], manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Writes the manifest and the tables that have not been written in parts, replacing an older result.

        Args:
            tables: Frames by table name, as documented in `columns.py`.
            manifest: The manifest without its `tables` entry.

        Returns:
            That entry: rows and checksums of the tables.

        Raises:
            ResultError: If something cannot be written, or a part could not; an older result is still there then.
            Exception: What writing a part has raised.
        """
        if self._failure is not None:
            raise self._failure
        try:
            entries = {name: _write_table(self._work / f"{name}.parquet", frame) for name, frame in tables.items()}
            entries |= {name: self._finish_parts(name) for name in self._parts}
            entries = {name: entries[name] for name in TABLES if name in entries}
            text = json.dumps({**manifest, "tables": entries}, indent=2, ensure_ascii=False, allow_nan=False)
            _write_synced(self._work / MANIFEST, text.encode())
            self._move_into_place(list(entries))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _cannot_write(self.path, self._system_error(error) or error) from error
        return entries

    def _finish_parts(self, table: str) -> dict[str, Any]:
        """Makes a table that was written in parts ready to be moved, and returns its entry in the manifest."""
        parts = [entry for _, entry in sorted(self._parts[table].items())]
        folder = self._work / f"{table}.parquet"
        if len(parts) > 1:
            _sync_folder(folder)
            return {"rows": sum(part["rows"] for part in parts), "parts": parts}
        alone = self._work / part_file(0)
        (folder / part_file(0)).replace(alone)
        folder.rmdir()
        alone.replace(folder)
        return parts[0]

    def _system_error(self, error: Exception) -> OSError | None:
        """Returns what the system says to a small write, when polars does not say why its own failed."""
        if isinstance(error, OSError) or _OS_ERROR.search(str(error)):
            return None
        try:
            _write_synced(self._work / "probe", bytes(1 << 16))
        except OSError as reason:
            return reason
        return None

    @property
    def _work(self) -> Path:
        return self.path / _WORK

    def _move_into_place(self, tables: list[str]) -> None:
        (self.path / MANIFEST).unlink(missing_ok=True)
        _sync_folder(self.path)
        for file in _FILES:
            _remove(self.path / file)
        for name in tables:
            (self._work / f"{name}.parquet").replace(self.path / f"{name}.parquet")
        _sync_folder(self.path)
        (self._work / MANIFEST).replace(self.path / MANIFEST)
        _sync_folder(self.path)
        self._created.clear()

    def _acquire(self) -> IO[bytes]:
        for _attempt in range(100):
            self._make_folders()
            try:
                lock = (self.path / _LOCK).open("wb")
            except FileNotFoundError:
                continue  # the run that held it removed its folder
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                break
            if _is_at(lock, self.path / _LOCK):
                return lock
            lock.close()  # the run that held it is done and removed it
        raise ResultError(
            "another run is writing its result", where=f"`{self.path}`", hint="wait for it, or choose another folder"
        )

    def _make_folders(self) -> None:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._created.append(folder)

    def _refuse_other_content(self) -> None:
        names = {entry.name for entry in self.path.iterdir()} - {_WORK, _LOCK}
        if not names:
            return
        if not _holds_result(self.path, names):
            raise ResultError(
                f"`{self.path}` is not empty and holds no result",
                hint="nothing was changed; choose a new folder",
            )
        if not self._overwrite:
            raise ResultError(
                f"`{self.path}` already holds a result",
                hint="choose another folder, or replace it: `--force` on the command line, `overwrite=True` in Python",
            )

    def _release(self) -> None:
        if self._lock is not None:
            shutil.rmtree(self._work, ignore_errors=True)
            (self.path / _LOCK).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
        for folder in reversed(self._created):
            try:
                folder.rmdir()
            except OSError:
                break  # somebody else put something there
        self._created.clear()


def _write_table(path: Path, frame: pl.DataFrame) -> dict[str, Any]:
    with path.open("wb") as file:
        frame.write_parquet(file)
        file.flush()
        os.fsync(file.fileno())
    return {"rows": frame.height, "sha256": digest_of(path)}


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> str:
    """Returns the checksum of a file.

    Args:
        path: The file.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def part_file(number: int) -> str:
    """Returns the name of a part's file; in order of names, parts are in order up to a hundred thousand.

    Args:
        number: Its number, from 0.
    """
    return f"part-{number:05}.parquet"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _holds_result(folder: Path, names: set[str]) -> bool:
    folders = [folder / name for name in names & _FILES if (folder / name).is_dir()]
    if not all(_PART.fullmatch(entry.name) for each in folders for entry in each.iterdir()):
        return False
    if MANIFEST not in names:
        return names <= _FILES  # what a run that was killed while moving its tables leaves
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(manifest, dict) and "result_schema" in manifest


def _cannot_write(folder: Path, error: Exception) -> ResultError:
    code = error.errno if isinstance(error, OSError) else None
    if found := _OS_ERROR.search(str(error)):
        code = int(found[1])  # polars wraps what the system said
    reason = str(error) if code is None else os.strerror(code)
    return ResultError(
        f"cannot write a result to `{folder}`: {reason[0].lower()}{reason[1:]}",
        hint="choose a folder that can be written and has room",
    )
