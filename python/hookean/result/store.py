"""Result folders: Parquet tables and a manifest, complete or visibly not.

A folder is complete when it has a `manifest.json`. Tables are written and synced in a work folder inside it, then moved
into place, and the manifest comes last. A run that is killed leaves no manifest, and a full disk leaves the older
result untouched. One run at a time may hold a folder; the claim ends with the process, however that ends.
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
from hookean.result.columns import OPTIONAL, TABLES
from hookean.result.frames import mismatch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

RESULT_SCHEMA = 1
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

    def publish(self, tables: Mapping[str, pl.DataFrame], manifest: Mapping[str, Any]) -> None:
        """Writes the tables and the manifest, replacing an older result.

        Args:
            tables: Frames by table name, as documented in `columns.py`.
            manifest: The manifest without its `tables` entry.

        Raises:
            ResultError: If something cannot be written; an older result is still there then.
        """
        try:
            entries = {name: _write_table(self._work / f"{name}.parquet", frame) for name, frame in tables.items()}
            text = json.dumps({**manifest, "tables": entries}, indent=2, ensure_ascii=False, allow_nan=False)
            _write_synced(self._work / MANIFEST, text.encode())
            self._move_into_place(list(tables))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _cannot_write(self.path, self._system_error(error) or error) from error

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
        for file in _FILES - {f"{name}.parquet" for name in tables}:
            (self.path / file).unlink(missing_ok=True)
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


def read_folder(folder: str | Path) -> tuple[dict[str, Any], dict[str, pl.DataFrame]]:
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
    return manifest, {name: _read_table(folder, name, entry) for name, entry in entries.items()}


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


def _read_table(folder: Path, name: str, entry: Mapping[str, Any]) -> pl.DataFrame:
    path = folder / f"{name}.parquet"
    hint = "run the scenario again"
    try:
        if _digest_of(path) != entry["sha256"]:
            raise ResultError("the table is damaged: its checksum is not the manifest's", where=f"`{path}`", hint=hint)
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except FileNotFoundError as error:
        raise ResultError(f"table `{name}` is missing", where=f"`{folder}`", hint=hint) from error
    except (OSError, KeyError, pl.exceptions.PolarsError) as error:
        raise ResultError(f"the table cannot be read ({error})", where=f"`{path}`", hint=hint) from error
    problem = mismatch(name, frame)
    if problem is None and frame.height != entry.get("rows"):
        problem = f"table `{name}` has {frame.height} rows, the manifest says {entry.get('rows')}"
    if problem is not None:
        raise ResultError(problem, where=f"`{path}`", hint=hint)
    return frame


def _write_table(path: Path, frame: pl.DataFrame) -> dict[str, Any]:
    with path.open("wb") as file:
        frame.write_parquet(file)
        file.flush()
        os.fsync(file.fileno())
    return {"rows": frame.height, "sha256": _digest_of(path)}


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


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _holds_result(folder: Path, names: set[str]) -> bool:
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
