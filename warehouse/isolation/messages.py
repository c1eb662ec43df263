"""Messages between the platform and a worker: frames of JSON, with or without attached bytes.

The platform executes and unpickles nothing that a worker sends. Dataclasses are rebuilt from plain values, and each
value is checked against the declared type.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

# Lengths of the JSON and of the attached bytes.
_HEAD = struct.Struct("<QQ")
_PIECE = 1 << 20

T = TypeVar("T")


class BadMessage(Exception):
    """The received bytes are not a message, or not of the expected type."""


def send(channel: socket.socket, value: object, attached: bytes = b"") -> None:
    """Send a plain value.

    Args:
        channel: the socket to the other process.
        value: a value for JSON; dataclasses, tuples and paths in it become plain values.
        attached: attached bytes.

    Raises:
        OSError: the other process is gone.
    """
    # In ASCII, because a path may have bytes that are not UTF-8.
    text = json.dumps(value, default=_plain).encode("ascii")
    channel.sendall(_HEAD.pack(len(text), len(attached)) + text)
    channel.sendall(attached)


def receive(channel: socket.socket, most: int, until: float | None = None) -> tuple[Any, bytes]:
    """Wait for a plain value and its attached bytes.

    Args:
        channel: the socket to the other process.
        most: the most bytes that are accepted.
        until: the end of waiting, on the clock `time.monotonic`; None to wait without an end.

    Raises:
        EOFError: the other process is gone.
        TimeoutError: the time is over.
        BadMessage: there are too many bytes, or they are not JSON.
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
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError(f"{type(value).__name__} cannot be sent")


def made(kind: type[T], value: object) -> T:
    """A value of a declared type, made from a plain value.

    Args:
        kind: a dataclass, or a type of its fields: tuples, mappings of texts, unions, literals, paths, texts, numbers,
            truth values.
        value: the result of `receive`.

    Raises:
        BadMessage: the plain value does not fit the type.
    """
    wanted: Any = kind
    result: T = _maker(wanted)(value)
    return result


@cache
def _maker(kind: Any) -> Callable[[Any], Any]:
    """The function that makes values of a type. It is built once, because a list may have a million values."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass(kind)
    if origin in (Union, UnionType):
        return _one_of(tuple(map(_maker, arguments)))
    if origin is tuple and arguments[1:] != (...,):
        return _fixed(tuple(map(_maker, arguments)))
    if origin is tuple:
        each = _maker(arguments[0])
        return lambda value: tuple(map(each, _checked(value, isinstance(value, list))))
    if origin is not None and origin is not Literal and issubclass(origin, Mapping):
        entry = _maker(arguments[1])
        return lambda value: {
            key: entry(item) for key, item in _checked(value, isinstance(value, dict)).items()
        }
    if origin is Literal:
        return lambda value: _checked(value, value in arguments)
    if kind is Path:
        return lambda value: Path(_checked(value, isinstance(value, str)))
    if kind is bytes:
        return _bytes
    if kind is float:
        return lambda value: float(_checked(value, type(value) in (int, float)))
    plain = NoneType if kind is None else kind
    return lambda value: _checked(value, type(value) is plain)


def _dataclass(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    makers = {field.name: _maker(hints[field.name]) for field in fields(kind)}

    def make(value: Any) -> Any:
        _checked(value, isinstance(value, dict) and value.keys() == makers.keys())
        return kind(*[maker(value[name]) for name, maker in makers.items()])

    return make


def _fixed(makers: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    def make(value: Any) -> Any:
        _checked(value, isinstance(value, list) and len(value) == len(makers))
        return tuple(maker(each) for maker, each in zip(makers, value, strict=True))

    return make


def _one_of(makers: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    def make(value: Any) -> Any:
        for maker in makers:
            try:
                return maker(value)
            except BadMessage:
                continue
        raise BadMessage("a value of another type")

    return make


def _bytes(value: Any) -> bytes:
    try:
        return bytes(_checked(value, isinstance(value, str)).encode("latin-1"))
    except UnicodeEncodeError as error:
        raise BadMessage("a value of another type") from error


def _checked(value: Any, right: bool) -> Any:
    if not right:
        raise BadMessage("a value of another type")
    return value
