"""From JSON documents to dataclasses, by the types of their fields.

Read as leniently as possible: members that are not known are passed over, and an optional one may be absent, so that
a client and a server of different versions get on.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from drifting.errors import AnswerError

T = TypeVar("T")
Reader = Callable[[Any], Any]


def read(cls: type[T], document: object) -> T:
    """Reads a document.

    Raises:
        AnswerError: It is none of this type.
    """
    try:
        value: T = _reader_of(cast(Any, cls))(document)
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerError(f"expected a {cls.__name__}, the answer is none: {error!r}") from error
    return value


@cache
def _reader_of(annotation: Any) -> Reader:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        inner = _reader_of(next(argument for argument in arguments if argument is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _reader_of(arguments[0])
        return lambda value: tuple(item(member) for member in value)
    if origin in (dict, Mapping):
        item = _reader_of(arguments[1])
        return lambda value: {str(name): item(member) for name, member in value.items()}
    if annotation is datetime:
        return _time
    if is_dataclass(annotation):
        return _reader_of_dataclass(annotation)
    if annotation in (bool, str, int, float):
        return _checked(annotation)
    return lambda value: value


def _checked(wanted: type) -> Reader:
    # JSON writes whole numbers without a point, and a bool is an int in Python.
    allowed = {float: (int, float), int: (int, float)}.get(wanted, (wanted,))

    def reader(value: Any) -> Any:
        if not isinstance(value, allowed) or (isinstance(value, bool) and wanted is not bool):
            raise TypeError(f"{value!r} is no {wanted.__name__}")
        return wanted(value)

    return reader


def _time(text: str) -> datetime:
    # Python keeps microseconds, the server nanoseconds.
    whole, point, rest = text.partition(".")
    digits = rest.rstrip("Zz")
    fraction = f".{digits[:6]:0<6}" if point else ""
    return datetime.fromisoformat(f"{whole.rstrip('Zz')}{fraction}+00:00")


def _reader_of_dataclass(cls: Any) -> Reader:
    hints = get_type_hints(cls)
    members = [
        (
            field.name,
            field.name.rstrip("_"),
            _reader_of(hints[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(cls)
        if field.init
    ]

    def reader(document: Any) -> Any:
        if not isinstance(document, Mapping):
            raise TypeError(f"expected an object, {type(document).__name__} came")
        values = {}
        for field, name, member, is_required in members:
            if name in document:
                values[field] = member(document[name])
            elif is_required:
                raise KeyError(name)
        return cls(**values)

    return reader
