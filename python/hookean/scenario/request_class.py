"""Classes of the requests of a service."""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, StrictInt

from hookean.scenario.fields import FieldError, Model, Name, Origin, Share, WorkFactor

_MOST = 64
_ROUNDING = 1e-9


class RequestClass(Model):
    """A class of requests: which class a request is of is drawn by its number, the same under every policy."""

    share: Share
    """Its share of the service's requests, above 0 to 1; the shares of all classes make 1."""
    level: Annotated[
        StrictInt, Field(ge=0, lt=2**32), Origin("assumed", "requests of all classes are equally urgent")
    ] = 0
    """Urgency under `central_priority` and `priority`: level 0 is served first, then 1, and so on. Default: 0."""
    work_factor: Annotated[WorkFactor, Origin("assumed", "requests of all classes need the same work")] = 1.0
    """Its requests need this many times the work that was drawn for them, above 0 to 1e6. Default: 1."""


def _whole(classes: dict[str, RequestClass]) -> dict[str, RequestClass]:
    if len(classes) > _MOST:
        raise FieldError(f"expected at most {_MOST} classes, got {len(classes)}")
    shares = math.fsum(each.share for each in classes.values())
    if classes and abs(shares - 1.0) > _ROUNDING:
        raise FieldError(
            f"the shares of the classes make {shares:g}, not 1", hint="`share` is a part of all requests: 0.2 for 20 %"
        )
    return classes


RequestClasses: TypeAlias = Annotated[dict[Name, RequestClass], AfterValidator(_whole)]
"""Classes by name; none when all requests are alike."""
