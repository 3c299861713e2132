"""Finding policies written in Python: by `module:Class`, by the name of the decorator, or by an entry point."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

from hookean.errors import PolicyError
from hookean.scenario.fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

GROUP = "hookean.policies"
"""The group of entry points that installed packages list their policies in."""

Metric: TypeAlias = Literal["cpu", "memory", "requests"]
"""What a policy may read: the fields `cpu_ratio`, `memory_bytes` and `requests_rps` of its observation."""

_Class = TypeVar("_Class", bound=type)


@dataclass(frozen=True)
class Declaration:
    """What a policy says about itself.

    Attributes:
        name: The name it is registered under, if any.
        metrics: What it reads; nothing else is measured for it.
        sees_replicas: Whether `decide` wants the replicas one by one.
    """

    name: str | None = None
    metrics: tuple[Metric, ...] = ("cpu",)
    sees_replicas: bool = False


@dataclass(frozen=True)
class FoundPolicy:
    """A policy that is ready to be used.

    Attributes:
        name: Its qualified name, `module:Class`.
        cls: The class.
        declaration: What it says about itself.
        source_sha256: Digest of the file it stands in, or of the class where there is no file; `None` without source.
    """

    name: str
    cls: type
    declaration: Declaration
    source_sha256: str | None

    @property
    def batched(self) -> bool:
        """Whether it decides for all its services at once."""
        return hasattr(self.cls, "decide_all")

    @property
    def for_replicas(self) -> bool:
        """Whether it decides for services."""
        return hasattr(self.cls, "decide") or self.batched

    @property
    def for_nodes(self) -> bool:
        """Whether it decides for pools of nodes."""
        return hasattr(self.cls, "decide_nodes")


_METHODS = (
    "`decide(self, obs)` returns a number of replicas, `decide_all(self, obs)` an array of them, "
    "`decide_nodes(self, obs)` a number of nodes"
)
_DECLARATION = "_hookean_declaration"
_REGISTERED: dict[str, type] = {}
_LOADED: dict[str, ModuleType] = {}


def policy(
    name: str, *, metrics: tuple[Metric, ...] = ("cpu",), sees_replicas: bool = False
) -> Callable[[_Class], _Class]:
    """Declares a class as a policy and registers its name, so that a scenario may call it by that.

    A module that lies beside a scenario is that scenario's own: its policies are called by `module:Class` only.

    Args:
        name: The name for scenarios: `policy: name`.
        metrics: What it reads of its pipeline; the first one is shown as the value of its decisions.
        sees_replicas: Whether `decide` wants the replicas one by one, which takes longer.

    Raises:
        PolicyError: If another class has this name, or the class is no policy.
    """

    def register(cls: _Class) -> _Class:
        unknown = [metric for metric in metrics if metric not in get_args(Metric)]
        if unknown or len(set(metrics)) < len(metrics):
            listed = ", ".join(f"`{each}`" for each in get_args(Metric))
            raise PolicyError(
                f"policy `{name}` reads {', '.join(f'`{each}`' for each in unknown) or 'a metric twice'}",
                hint=f"the metrics are {listed}",
            )
        setattr(cls, _DECLARATION, Declaration(name, tuple(metrics), sees_replicas))
        found = describe(cls)
        if _is_private(cls):
            return cls
        other = _REGISTERED.get(name)
        if other is not None and _identity(other) != _identity(cls):
            raise PolicyError(
                f"two policies are called `{name}`: `{qualified_name(other)}` and `{found.name}`", hint="rename one"
            )
        _REGISTERED[name] = cls
        return cls

    return register


def registered() -> dict[str, type]:
    """Returns the policies that decorators have registered in this process, by name."""
    return dict(sorted(_REGISTERED.items()))


def installed() -> dict[str, str]:
    """Returns `module:Class` of the policies that installed packages list, by name; nothing is imported."""
    return {each.name: each.value for each in sorted(entry_points(group=GROUP), key=lambda each: each.name)}


def find(text: str | type, folder: Path) -> FoundPolicy:
    """Finds a policy.

    Args:
        text: `module:Class`, a registered name, or the class itself. A module is looked for in `folder` first.
        folder: The folder of the scenario.

    Raises:
        FieldError: There is none, or the class is no policy.
        PolicyError: Its module cannot be imported; the cause is the module's own error.
    """
    try:
        return describe(_class_of(text, folder) if isinstance(text, str) else text)
    except PolicyError as error:
        if error.__cause__ is not None:
            raise
        raise FieldError(error.message, hint=error.hint) from None


def describe(cls: type) -> FoundPolicy:
    """Returns a class as a policy.

    Args:
        cls: The class.

    Raises:
        PolicyError: It is none; the message says why.
    """
    name = qualified_name(cls)
    if not inspect.isclass(cls):
        raise PolicyError(f"`{cls!r}` is no class", hint=f"a policy is a class: {_METHODS}")
    methods = [each for each in ("decide", "decide_all") if callable(getattr(cls, each, None))]
    if len(methods) > 1 or not (methods or callable(getattr(cls, "decide_nodes", None))):
        what = "both `decide` and `decide_all`" if methods else "none of `decide`, `decide_all` and `decide_nodes`"
        hint = _METHODS
        raise PolicyError(f"policy `{name}` has {what}", hint=hint)
    declaration = getattr(cls, _DECLARATION, Declaration())
    if declaration.sees_replicas and methods == ["decide_all"]:
        raise PolicyError(
            f"policy `{name}` wants single replicas, which `decide_all` does not get", hint="use `decide`"
        )
    return FoundPolicy(name, cls, declaration, _source_digest(cls))


def qualified_name(cls: Any) -> str:
    """Returns `module:Class`; for a class of a scenario's folder, the module's name as the scenario writes it.

    Args:
        cls: The class.
    """
    module = str(getattr(cls, "__module__", "?"))
    return f"{module.partition('@')[0]}:{getattr(cls, '__qualname__', repr(cls))}"


def _is_private(cls: type) -> bool:
    return "@" in cls.__module__


def _identity(cls: type) -> tuple[str, str]:
    return qualified_name(cls), _source_file(cls)


def _class_of(text: str, folder: Path) -> type:
    module_name, colon, qualname = text.partition(":")
    if not colon:
        return _named(text)
    if not all(part.isidentifier() for part in (*module_name.split("."), *qualname.split("."))):
        raise FieldError(f"`{text}` names no policy", hint="write `module:Class`, as in `my_policies:MyPolicy`")
    return _attribute(_module(module_name, folder), qualname, text)


def _named(name: str) -> type:
    if name in _REGISTERED:
        return _REGISTERED[name]
    listed = installed()
    if name in listed:
        module_name, _, qualname = listed[name].partition(":")
        with _importing(module_name):
            return _attribute(importlib.import_module(module_name), qualname, listed[name])
    near = difflib.get_close_matches(name, [*_REGISTERED, *listed], n=1)
    hint = f"did you mean `{near[0]}`?" if near else "write `module:Class`; the module may lie beside the scenario"
    raise FieldError(f"unknown policy `{name}`", hint=hint)


def _attribute(module: ModuleType, qualname: str, text: str) -> type:
    found: Any = module
    for part in qualname.split("."):
        if not hasattr(found, part):
            names = [name for name, each in vars(module).items() if inspect.isclass(each)]
            near = difflib.get_close_matches(part, names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"it was read from `{getattr(module, '__file__', '?')}`"
            raise FieldError(f"`{text}`: the module has no `{part}`", hint=hint)
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]  # `describe` looks at what it is


def _module(name: str, folder: Path) -> ModuleType:
    """Imports a module: the file beside the scenario if there is one, else whatever Python finds."""
    file = folder.joinpath(*name.split(".")).with_suffix(".py")
    if file.is_file():
        return _from_file(name, file.resolve())
    with _importing(name):
        if importlib.util.find_spec(name.partition(".")[0]) is None:
            near = difflib.get_close_matches(name, [each.stem for each in folder.glob("*.py")], n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"neither is there `{file}`"
            raise FieldError(f"there is no module `{name}`", hint=hint)
        return importlib.import_module(name)


def _from_file(name: str, file: Path) -> ModuleType:
    """Imports a file under a name of its own: equal names in two folders are two modules, a changed file is new."""
    source = file.read_bytes()
    key = f"{name}@{hashlib.sha256(str(file).encode() + source).hexdigest()[:16]}"
    if key not in _LOADED:
        spec = importlib.util.spec_from_file_location(key, file)
        if spec is None or spec.loader is None:
            raise FieldError(f"`{file}` is no Python module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module  # dataclasses and pickle look modules up by name
        try:
            with _importing(name), _on_path(file.parents[name.count(".")]):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[key]
            raise
        _LOADED[key] = module
    return _LOADED[key]


@contextmanager
def _importing(name: str) -> Iterator[None]:
    try:
        yield
    except (FieldError, PolicyError):
        raise
    except Exception as error:
        hint = "its traceback is above, or in Python the error's `__cause__`"
        raise PolicyError(f"module `{name}` cannot be imported: {type(error).__name__}: {error}", hint=hint) from error


@contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _source_file(cls: type) -> str:
    return str(getattr(sys.modules.get(cls.__module__), "__file__", None) or "")


def _source_digest(cls: type) -> str | None:
    """Digest of the whole file, since a policy may use its helpers; of the class alone when that is all there is."""
    file = _source_file(cls)
    if file and cls.__module__ != "__main__" and Path(file).is_file():
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    try:
        return hashlib.sha256(inspect.getsource(cls).encode()).hexdigest()
    except (OSError, TypeError):
        return None
