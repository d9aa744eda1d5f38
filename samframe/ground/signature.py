"""Signatures that show every keyword, for ``help()``, the notebook's tooltips and type checkers."""

from __future__ import annotations

import difflib
import functools
import inspect
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from samframe.errors import UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["method_of", "with_options"]

F = TypeVar("F", bound="Callable[..., Any]")
P = ParamSpec("P")
R = TypeVar("R")


def with_options(*sources: type[Any] | Callable[..., Any]) -> Callable[[F], F]:
    """Show what a function's ``**options`` may be, in their place; refuse others by name.

    Parameters
    ----------
    *sources : type or callable
        Dataclasses, whose fields they are, or functions, whose keywords they are. What the function names itself, and
        what an earlier source has, is not shown twice. A dataclass with a constructor ``of`` refuses unknown keywords
        itself, with hints of its own.

    Returns
    -------
    callable
        A decorator.
    """

    def decorate(function: F) -> F:
        given = inspect.signature(function)
        own = [one for one in given.parameters.values() if one.kind is not one.VAR_KEYWORD]
        further = {one.name: one for source in reversed(sources) for one in reversed(_keywords(source))}
        shown = [one for name, one in reversed(further.items()) if name not in given.parameters]
        signature = given.replace(parameters=[*own, *shown])

        def check(keywords: dict[str, Any]) -> None:
            unknown = [name for name in keywords if name not in signature.parameters]
            if unknown:
                raise UnknownOptionError(_told(function.__name__, unknown[0], list(signature.parameters)[1:]))

        @functools.wraps(function)
        def checked(*args: Any, **keywords: Any) -> Any:
            check(keywords)
            return function(*args, **keywords)

        @functools.wraps(function)
        async def awaited(*args: Any, **keywords: Any) -> Any:
            check(keywords)
            return await function(*args, **keywords)

        shown_as: Any = awaited if inspect.iscoroutinefunction(function) else checked
        if any(hasattr(source, "of") for source in sources):
            shown_as = function
        shown_as.__signature__ = signature
        return shown_as  # type: ignore[no-any-return]  # the same calls

    return decorate


def _keywords(source: type[Any] | Callable[..., Any]) -> list[inspect.Parameter]:
    if not is_dataclass(source):
        parameters = inspect.signature(source).parameters.values()
        return [one for one in parameters if one.kind is one.KEYWORD_ONLY]
    return [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default if option.default is not MISSING else inspect.Parameter.empty,
            annotation=option.type,
        )
        for option in fields(source)
    ]


def method_of(
    function: Callable[Concatenate[Any, P], R], *, name: str = "", frame: str = "_df"
) -> Callable[Concatenate[Any, P], R]:
    """Return a method that hands its object's frame to a function, with the function's name, docstring and signature.

    Parameters
    ----------
    function : callable
        Takes a frame first.
    name : str
        What the method is called, where not as the function.
    frame : str
        The attribute that holds the frame.
    """
    first, *parameters = inspect.signature(function).parameters.values()

    @functools.wraps(function)
    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        return function(getattr(self, frame), *args, **keywords)

    @functools.wraps(function)
    async def awaited(self: Any, *args: Any, **keywords: Any) -> Any:
        return await cast("Any", function)(getattr(self, frame), *args, **keywords)

    own = first.replace(
        name="self", kind=first.POSITIONAL_OR_KEYWORD, annotation=first.empty, default=first.empty
    )
    shown_as: Any = awaited if inspect.iscoroutinefunction(function) else method
    shown_as.__signature__ = inspect.signature(function).replace(parameters=[own, *parameters])
    if name:
        shown_as.__name__ = shown_as.__qualname__ = name
    return shown_as  # type: ignore[no-any-return]  # the same calls, with an accessor first


def _told(function: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f" Did you mean {close[0]!r}?" if close else f" It takes {', '.join(known)}."
    return f"{function}() has no option {name!r}.{hint}"
