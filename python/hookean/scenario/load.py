"""Reading scenario files: YAML or TOML, then overrides, then validation."""

from __future__ import annotations

import difflib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hookean.errors import ScenarioError

from .model import Scenario, ScenarioFile
from .problems import scenario_error
from .source import Places, dotted, toml_data

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

_SUFFIXES = (".yaml", ".yml", ".toml")


def load_scenario(path: str | PathLike[str], overrides: Iterable[str] = ()) -> Scenario:
    """Reads a scenario file.

    Args:
        path: A `.yaml`, `.yml` or `.toml` file. Relative paths in it start from its folder.
        overrides: Changes as `a.b=c`, with the value written as in YAML: `services.web.replica.cpu=2`,
            `controllers.0.max=50`.

    Raises:
        FileNotFoundError: There is no such file.
        ScenarioError: The file or an override is not as it should be; the message says where and how to mend it.
    """
    file = Path(path)
    places = Places(str(path))
    data = _parsed(file, _text(file), places)
    for override in overrides:
        _apply(data, override, places)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise scenario_error(Scenario, error, data, places.where) from None
    scenario._file = ScenarioFile(places, file.parent)  # noqa: SLF001 (set once, by the only reader of files)
    return scenario


def _text(file: Path) -> str:
    if file.is_dir():
        raise ScenarioError(f"`{file}` is a folder", hint="give a scenario file")
    if file.exists() and file.suffix.lower() not in _SUFFIXES:
        raise ScenarioError(f"`{file}` is neither YAML nor TOML", hint=f"its name must end in {_one_of(_SUFFIXES)}")
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        near = difflib.get_close_matches(file.name, _scenario_names(file.parent), n=1)
        hint = f"did you mean `{file.parent / near[0]}`?" if near else f"`{file.parent.resolve()}` has no such file"
        raise FileNotFoundError(f"scenario file `{file}` not found\n\nhint: {hint}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "a scenario is a YAML or TOML text; convert it to UTF-8 if it is one"
        raise ScenarioError(f"byte {error.start} is not UTF-8", where=f"`{file}` line {line}", hint=hint) from None


def _one_of(names: Iterable[str]) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} or {last}"


def _scenario_names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.suffix.lower() in _SUFFIXES] if folder.is_dir() else []


def _parsed(file: Path, text: str, places: Places) -> dict[str, Any]:
    data = toml_data(text, places) if file.suffix.lower() == ".toml" else _yaml_data(text, places)
    if not data:
        raise ScenarioError(
            "the scenario is empty", where=f"`{file}`", hint="it needs at least `seed`, `services` and `platform`"
        )
    if not isinstance(data, dict):
        raise ScenarioError("a scenario is a section with named fields", where=f"`{file}`", hint="begin with `name: …`")
    _refuse_nan(data, (), places)
    return data


def _yaml_data(text: str, places: Places) -> Any:
    from .yaml_source import yaml_data  # noqa: PLC0415 (the parser takes 3 MiB, and a scenario made in Python needs none)

    return yaml_data(text, places)


def _refuse_nan(node: Any, path: tuple[str | int, ...], places: Places) -> None:
    if isinstance(node, float) and not math.isfinite(node):
        raise ScenarioError(f"`{node}` is not a finite number", where=places.where(path), hint="give a number")
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        _refuse_nan(value, (*path, key), places)


def _apply(data: dict[str, Any], override: str, places: Places) -> None:
    """Sets one field of the data as an override says."""
    where = f"override `{override}`"
    name, separator, value_text = override.partition("=")
    if not separator or not all(name.split(".")):
        hint = "a dotted path, `=` and the value: `services.web.replicas=3`, `controllers.0.max=50`"
        raise ScenarioError("an override has the form `a.b=c`", where=where, hint=hint)
    path = tuple(int(part) if part.isdecimal() else part for part in name.strip().split("."))
    value = _yaml_data(value_text, Places(override, is_override=True))
    node: Any = data
    for depth, part in enumerate(path[:-1]):
        node = _descend(node, part, path[:depth], where)
        _check_list(node, path, depth + 1, where)
    _set(node, path, value, where)
    for old in [each for each in places.lines if each[: len(path)] == path]:
        del places.lines[old]
    places.overrides[path] = override


def _descend(node: Any, part: str | int, before: tuple[str | int, ...], where: str) -> Any:
    if isinstance(node, list):
        _check_index(node, part, before, where)
        return node[int(part)]
    key = _key(node, part, before, where)
    return node.setdefault(key, {})


def _check_list(node: Any, path: tuple[str | int, ...], depth: int, where: str) -> None:
    """Refuses a number in a path where the file has no list (services may have numbers for names)."""
    if not isinstance(path[depth], int) or not isinstance(node, dict) or path[:depth] == ("services",):
        return
    name = dotted(path[:depth])
    hint = f"it is one section: leave out `{path[depth]}.`" if node else f"set the whole list: `{name}=[{{…}}]`"
    raise ScenarioError(f"`{name}` is no list in the file", where=where, hint=hint)


def _set(node: Any, path: tuple[str | int, ...], value: Any, where: str) -> None:
    if isinstance(node, list):
        _check_index(node, path[-1], path[:-1], where)
        node[int(path[-1])] = value
    else:
        node[_key(node, path[-1], path[:-1], where)] = value


def _check_index(node: list[Any], part: str | int, before: tuple[str | int, ...], where: str) -> None:
    if not isinstance(part, int) or part >= len(node):
        last = (
            f"its entries are 0 to {len(node) - 1}"
            if len(node) > 1
            else "its only entry is 0"
            if node
            else "it is empty"
        )
        raise ScenarioError(f"`{dotted(before)}` has no entry `{part}`", where=where, hint=last)


def _key(node: Any, part: str | int, before: tuple[str | int, ...], where: str) -> str:
    """Returns the key for a part of a path; names that the file chose (services) must exist."""
    if not isinstance(node, dict):
        raise ScenarioError(f"`{dotted(before)}` is no section", where=where, hint=f"its value is `{node}`")
    key = str(part)
    if before == ("services",) and key not in node:
        near = difflib.get_close_matches(key, node, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "the services are " + ", ".join(f"`{name}`" for name in node)
        raise ScenarioError(f"unknown service `{key}`", where=where, hint=hint)
    return key
