"""From what pydantic found to errors a person can mend: what, where, and how, with the nearest valid name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from hookean.errors import ScenarioError

from .fields import FieldError, FieldsError
from .source import Path, dotted
from .units import UnitError, as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class ScenarioProblemsError(ScenarioError):
    """Several things are wrong with a scenario; `errors` has them one by one."""

    def __init__(self, errors: tuple[ScenarioError, ...]) -> None:
        super().__init__(f"{len(errors)} problems in the scenario")
        self.errors = errors

    def __str__(self) -> str:
        return "\n\n".join([f"{self.message}:", *(str(error) for error in self.errors)])


@dataclass(frozen=True)
class _Problem:
    path: Path
    message: str
    hint: str


def raise_together(errors: list[ScenarioError]) -> None:
    """Raises one error as it is, several as one, and nothing when there is none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ScenarioProblemsError(tuple(errors))


def scenario_error(
    model: type, error: ValidationError, data: Any, where: Callable[[Path], str] = dotted
) -> ScenarioError:
    """Returns the error to raise for a failed validation.

    Args:
        model: The model that was validated.
        error: What pydantic found.
        data: What was validated, to tell fields from the tags that pydantic puts into its paths.
        where: Turns a path into the place it was written at.
    """
    all_details = error.errors()
    found = [
        problem
        for details in all_details
        if not _follows_from_another(details, all_details)
        for problem in _problems(model, details, data)
    ]
    errors = tuple(ScenarioError(each.message, where=where(each.path), hint=each.hint) for each in found)
    return errors[0] if len(errors) == 1 else ScenarioProblemsError(errors)


def _follows_from_another(details: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Tells whether a list is too short only because its entries have errors of their own."""
    loc = details["loc"]
    return details["type"] == "too_short" and any(other["loc"][: len(loc)] == loc != other["loc"] for other in others)


def _problems(model: type, details: ErrorDetails, data: Any) -> Iterator[_Problem]:
    path = _without_tags(details["loc"], data)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, FieldsError):
        yield from (_Problem((*path, *each.at), each.message, each.hint) for each in cause.problems)
    elif isinstance(cause, FieldError):
        yield _Problem((*path, *cause.at), cause.message, cause.hint)
    elif isinstance(cause, ScenarioProblemsError):
        yield from (_Problem((*path, *_below_path(each)), each.message, each.hint) for each in cause.errors)
    elif isinstance(cause, ScenarioError):
        yield _Problem((*path, *_below_path(cause)), cause.message, cause.hint)
    elif isinstance(cause, UnitError):
        yield _Problem(path, cause.message, cause.hint)
    else:
        if details["type"] == "union_tag_invalid":
            path = (*path, str(details["ctx"]["discriminator"]).strip("'"))
        yield _Problem(path, *_worded(model, details, path))


def _below_path(error: ScenarioError) -> Path:
    """Path of an error that a nested model raised when a validator built it in Python."""
    return tuple(error.where.split(".")) if error.where else ()


def _without_tags(loc: tuple[int | str, ...], data: Any) -> Path:
    """Leaves out of a path what names a member of a union instead of a field."""
    path: list[str | int] = []
    node = data
    for position, part in enumerate(loc):
        is_last = position == len(loc) - 1
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, (list, tuple)) and isinstance(part, int):
            node = node[part] if part < len(node) else None
        elif not is_last or _is_tag(part, node):
            continue
        path.append(part)
    return tuple(path)


def _is_tag(part: str | int, node: Any) -> bool:
    if part == "[key]" or not isinstance(node, dict) or " " in str(part):
        return True
    return part in node.values()


def _worded(model: type, details: ErrorDetails, path: Path) -> tuple[str, str]:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_field(model, path)
    if kind == "missing":
        return f"`{path[-1]}` is missing", _description(model, path)
    if kind == "union_tag_not_found":
        tag = str(context["discriminator"]).strip("'")
        return f"`{tag}` is missing", f"one of {_ticked(_choices(model, path))}"
    if kind in {"union_tag_invalid", "literal_error"}:
        given = context.get("tag", details["input"])
        return _unknown_choice(str(given), [word.strip("'") for word in _expected(context)], path)
    wanted = _WORDS.get(kind, details["msg"].lower()).format(**{name: _bound(each) for name, each in context.items()})
    return f"{wanted}, got {as_written(details['input'])}", _description(model, path)


def _bound(value: object) -> object:
    """Writes whole bounds in full: `4,294,967,296` instead of `4.29497e+09`."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else value


_WORDS = {
    "int_type": "expected a whole number",
    "bool_type": "expected `true` or `false`",
    "string_type": "expected text",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "dict_type": "expected a section with named fields",
    "model_type": "expected a section with named fields",
    "model_attributes_type": "expected a section with named fields",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "too_short": "expected at least {min_length} entry",
    "greater_than": "expected a number above {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected a number below {lt}",
    "less_than_equal": "expected at most {le}",
}


def _expected(context: dict[str, Any]) -> list[str]:
    text = str(context.get("expected_tags", context.get("expected", "")))
    return [word.strip() for part in text.split(" or ") for word in part.split(",")]


def _unknown_choice(given: str, allowed: list[str], path: Path) -> tuple[str, str]:
    near = difflib.get_close_matches(given, allowed, n=1)
    meant = f"did you mean `{near[0]}`? " if near else ""
    return f"unknown {_choice_name(path)} `{given}`", f"{meant}allowed: {_ticked(allowed)}"


def _choice_name(path: Path) -> str:
    """Names what was chosen: `controller` for `controllers.0.kind`, else the field itself."""
    words = [part for part in path if isinstance(part, str)]
    if words[-1:] == ["kind"] and len(words) > 1 and words[-2] in {"controllers", "faults", "pipeline"}:
        return words[-2].removesuffix("s")
    return words[-1] if words else "value"


def _unknown_field(model: type, path: Path) -> tuple[str, str]:
    fields = [field.alias or name for owner in _owners(model, path[:-1]) for name, field in owner.model_fields.items()]
    fields = [field for field in fields if field != path[-1]]  # another kind may have the one that is refused
    near = difflib.get_close_matches(str(path[-1]), fields, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"the fields here are {_ticked(fields)}"
    return f"unknown field `{path[-1]}`", hint


def _description(model: type, path: Path) -> str:
    for owner in _owners(model, path[:-1]):
        for name, field in owner.model_fields.items():
            if path[-1] in {name, field.alias} and field.description:
                return field.description[0].lower() + field.description[1:].rstrip(".")
    return ""


def _choices(model: type, path: Path) -> list[str]:
    return [
        str(get_args(owner.model_fields[name].annotation)[0])
        for owner in _owners(model, path)
        for name in ("kind", "distribution")
        if name in owner.model_fields
    ]


def _ticked(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names))


def _owners(model: Any, path: Path) -> list[type[BaseModel]]:
    """Returns the models that a path may lead to."""
    types: list[Any] = [model]
    for part in path:
        if isinstance(part, str):  # a list of one entry may be written as the entry
            types = types + [each for container in types for each in _items(container, (tuple, list))]
        types = [each for owner in _models(types) for each in _below(owner, part)] + [
            each for container in types for each in _items(container)
        ]
    return _models(types) or _models([each for container in types for each in _items(container)])


def _below(owner: type[BaseModel], part: str | int) -> list[Any]:
    return [field.annotation for name, field in owner.model_fields.items() if part in (name, field.alias)]


def _items(annotation: Any, containers: tuple[type, ...] = (tuple, list, dict)) -> list[Any]:
    """Element types of a list or mapping anywhere in an annotation."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (tuple, list, dict):
        return [arguments[1 if origin is dict else 0]] if origin in containers else []
    return [item for argument in arguments for item in _items(argument, containers)]


def _models(annotations: list[Any]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        elif get_origin(annotation) not in (tuple, list, dict):
            found += _models(list(get_args(annotation)))
    return found
