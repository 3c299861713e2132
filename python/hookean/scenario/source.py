"""Scenario files as data with places: every field knows its file, line and column, or the override that set it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from hookean.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterable

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root of a scenario to one field."""


def dotted(path: Iterable[str | int]) -> str:
    """Writes a path as in overrides: `services.web.queue.limit`."""
    return ".".join(str(part) for part in path)


@dataclass
class Places:
    """Where each field of a scenario was written.

    Attributes:
        file: Name of the file as the user gave it, or the text of an override.
        lines: Line and column (from 1) of each path.
        overrides: Text of the override that set a path.
        is_override: Whether the text that is read is an override instead of a file.
    """

    file: str
    lines: dict[Path, tuple[int, int]] = field(default_factory=dict)
    overrides: dict[Path, str] = field(default_factory=dict)
    is_override: bool = False

    def named(self) -> str:
        """Returns the file, or the override."""
        return f"override `{self.file}`" if self.is_override else f"`{self.file}`"

    def at(self, line: int, column: int) -> str:
        """Returns a place in the file; of an override, which is short, only the override."""
        return self.named() if self.is_override else f"`{self.file}` line {line} column {column}"

    def where(self, path: Path) -> str:
        """Returns the place of a field; that of the section around it when the field itself was not written."""
        path = self._as_written(path)
        for length in range(len(path), -1, -1):
            prefix = path[:length]
            if prefix in self.overrides:
                return f"override `{self.overrides[prefix]}`" + (f" ({dotted(path)})" if path else "")
            if prefix in self.lines:
                if length < len(path) and (below := self._override_below(path)):
                    return f"override `{below}` ({dotted(path)})"
                return self.at(*self.lines[prefix]) + (f" ({dotted(path)})" if path else "")
        return self.named() + (f" ({dotted(path)})" if path else "")

    def _as_written(self, path: Path) -> Path:
        """Leaves out the index of an only entry that is written as a section instead of a list."""
        for length in range(1, len(path)):
            entry = path[: length + 1]
            written = [key for key in (*self.lines, *self.overrides) if key[:length] == path[:length] != key]
            if path[length] == 0 and written and all(key[: length + 1] != entry for key in written):
                return self._as_written((*path[:length], *path[length + 1 :]))
        return path

    def _override_below(self, path: Path) -> str | None:
        """Returns the override that made a section which the file does not have."""
        return next((text for key, text in self.overrides.items() if key[: len(path)] == path), None)


def toml_data(text: str, places: Places) -> dict[str, Any]:
    """Parses TOML and fills in the places.

    Raises:
        ScenarioError: The text is no TOML; the message says where.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
        where = places.at(int(match[2]), int(match[3])) if match else places.named()
        message = match[1] if match else str(error).removesuffix(" (at end of document)")
        hint = "texts stand in quotes, one `name = value` on a line; <https://toml.io> has the rest"
        raise ScenarioError(f"not TOML: {message[0].lower()}{message[1:]}", where=where, hint=hint) from None
    _TomlPlaces(text, places).find()
    return data


_HEADER = re.compile(r"^\s*(\[\[?)([^\]]+)\]\]?")
_KEY = re.compile(r"""((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


class _TomlPlaces:
    """Finds the lines of keys and tables; keys inside inline tables are found in the order they are written."""

    def __init__(self, text: str, places: Places) -> None:
        self.text = text
        self.places = places
        self.counts: dict[Path, int] = {}

    def find(self) -> None:
        table: Path = ()
        owner: Path = ()
        for number, line in enumerate(self.text.splitlines(), start=1):
            code = line.split(" #", maxsplit=1)[0]
            if header := _HEADER.match(code):
                table = owner = self._table(_parts(header[2]), is_array=header[1] == "[[")
                self.places.lines[table] = (number, header.start(2) + 1)
                continue
            for index, match in enumerate(_KEY.finditer(code)):
                is_first = index == 0 and not code[: match.start()].strip()
                if is_first:
                    owner = table + _parts(match[1])
                    self.places.lines[owner] = (number, match.start(1) + 1)
                else:
                    self._inline(owner, _parts(match[1]), (number, match.start(1) + 1))

    def _table(self, parts: Path, *, is_array: bool) -> Path:
        path: Path = ()
        for part in parts:
            path = (*path, part)
            if path in self.counts and path != parts:
                path = (*path, self.counts[path])
        if is_array:
            self.counts[path] = self.counts.get(path, -1) + 1
            path = (*path, self.counts[path])
        return path

    def _inline(self, owner: Path, parts: Path, spot: tuple[int, int]) -> None:
        self.places.lines.setdefault((*owner, *parts), spot)
        for index in range(1000):
            if (*owner, index, *parts) not in self.places.lines:
                self.places.lines[(*owner, index, *parts)] = spot
                break


def _parts(text: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(text))
