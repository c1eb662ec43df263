"""What goes between the platform and a worker: frames of JSON, with or without bytes attached.

Nothing that a worker sends is executed or unpickled. Dataclasses are made again from plain values, and each value is
checked against the type that the dataclass declares.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

# Lengths of the JSON and of what is attached to it.
_HEAD = struct.Struct("<QQ")
_PIECE = 1 << 20

T = TypeVar("T")


class BadMessage(Exception):
    """What came is no message, or not of the type that was expected."""


def send(channel: socket.socket, value: object, attached: bytes = b"") -> None:
    """Send a plain value.

    Args:
        channel: the way to the other process.
        value: what JSON can hold; dataclasses, tuples and paths among it become plain.
        attached: bytes that go with it.

    Raises:
        OSError: the other process is gone.
    """
    # Without ASCII alone a path with bytes that are no UTF-8 could not be sent.
    text = json.dumps(value, default=_plain).encode("ascii")
    channel.sendall(_HEAD.pack(len(text), len(attached)) + text)
    channel.sendall(attached)


def receive(channel: socket.socket, most: int, until: float | None = None) -> tuple[Any, bytes]:
    """Wait for a plain value, and the bytes attached to it.

    Args:
        channel: the way to the other process.
        most: bytes that may come.
        until: when waiting ends, as `time.monotonic` counts; None to wait for ever.

    Raises:
        EOFError: the other process is gone.
        TimeoutError: the time is over.
        BadMessage: more bytes come than may, or they are no JSON.
    """
    length, attached = _HEAD.unpack(_exactly(channel, _HEAD.size, until))
    if length + attached > most:
        raise BadMessage(f"{length + attached} bytes")
    text = _exactly(channel, length, until)
    try:
        return json.loads(text), _exactly(channel, attached, until)
    except (ValueError, RecursionError) as error:
        raise BadMessage("no JSON") from error


def _exactly(channel: socket.socket, count: int, until: float | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        piece = channel.recv(min(count - len(data), _PIECE))
        if not piece:
            raise EOFError
        data += piece
    channel.settimeout(None)
    return bytes(data)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")


def made(kind: type[T], value: object) -> T:
    """A value of a declared type, made from a plain one.

    Args:
        kind: a dataclass, or what its fields are made of: tuples, mappings of texts, unions, literals, paths, texts,
            numbers, truth values.
        value: what `receive` gave.

    Raises:
        BadMessage: the plain value is none of that type.
    """
    result: T = _made(kind, value)
    return result


def _made(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        return _dataclass(kind, value)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _one_of(arguments, value)
    if origin is Literal:
        return _checked(value, value in arguments)
    if origin is tuple:
        _checked(value, isinstance(value, list))
        if arguments[1:] == (...,):
            return tuple(_made(arguments[0], each) for each in value)
        _checked(value, len(value) == len(arguments))
        return tuple(_made(each, item) for each, item in zip(arguments, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        _checked(value, isinstance(value, dict))
        return {key: _made(arguments[1], each) for key, each in value.items()}
    if kind is Path:
        return Path(_checked(value, isinstance(value, str)))
    if kind is float:
        return float(_checked(value, type(value) in (int, float)))
    return _checked(value, type(value) is (NoneType if kind is None else kind))


def _dataclass(kind: Any, value: Any) -> Any:
    hints = _hints(kind)
    _checked(value, isinstance(value, dict) and value.keys() == hints.keys())
    return kind(**{name: _made(hint, value[name]) for name, hint in hints.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _made(kind, value)
        except BadMessage:
            continue
    raise BadMessage("a value of another type")


def _checked(value: Any, right: bool) -> Any:
    if not right:
        raise BadMessage("a value of another type")
    return value
