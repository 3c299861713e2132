"""Groups of equal services: resolved once, then repeated in the plan."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from hookean.scenario.fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LONGEST_NAME = 63
_T = TypeVar("_T")


class Members:
    """The services of a plan, groups taken apart.

    Args:
        counts: How many members each service has, by name; None is a service of its own.

    Attributes:
        names: Names of all services, sorted.

    Raises:
        FieldError: A member's name is too long, or that of another service; the path is below the scenario.
    """

    def __init__(self, counts: Mapping[str, int | None]) -> None:
        self._of = {name: [name] if count is None else _numbered(name, count) for name, count in counts.items()}
        owners: dict[str, str] = {}
        for name, members in self._of.items():
            at = ["services", name, "count"]
            if len(members[-1]) > _LONGEST_NAME:
                hint = "choose a shorter name"
                raise FieldError(f"`{members[-1]}` is longer than {_LONGEST_NAME} letters", hint=hint, at=at)
            for member in members:
                if owners.setdefault(member, name) != name:
                    text = f"`{member}` belongs to `{owners[member]}` and to `{name}`"
                    raise FieldError(text, hint="rename one of the two", at=at)
        self.names = sorted(owners)
        self._place = {name: index for index, name in enumerate(self.names)}

    def of(self, name: str) -> list[str]:
        """Returns the names of the members of a service: its own, or numbered ones if it is a group.

        Args:
            name: The service.
        """
        return self._of[name]

    def services(self, documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns the services of all members, by name; what members have in common is not copied.

        Args:
            documents: The services of the plan.
        """
        found = [{**each, "name": member} for each in documents for member in self._of[each["name"]]]
        return sorted(found, key=lambda each: each["name"])

    def repeated(
        self, names: list[str], documents: Iterable[dict[str, Any]], texts: Iterable[_T]
    ) -> tuple[list[dict[str, Any]], list[_T]]:
        """Returns workloads or controllers for all members, with their texts, by service.

        Args:
            names: The services of the plan, in order; the documents refer to them by place.
            documents: Workloads or controllers.
            texts: One for each.
        """
        found = [
            ({**each, "service": self._place[member]}, text)
            for each, text in zip(documents, texts, strict=True)
            for member in self._of[names[each["service"]]]
        ]
        found.sort(key=lambda pair: pair[0]["service"])
        return [each for each, _ in found], [text for _, text in found]


@contextmanager
def nothing_to_collect() -> Iterator[None]:
    """Keeps the garbage collector from looking through very many new members, none of them garbage, again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _numbered(name: str, count: int) -> list[str]:
    width = len(str(count - 1))
    return [f"{name}-{number:0{width}}" for number in range(count)]
