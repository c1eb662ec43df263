"""What goes between the platform and a worker: frames of JSON, with or without bytes attached.

Nothing that a worker sends is executed or unpickled. Dataclasses are made again from plain values, and each value is
checked against the type that the dataclass declares.
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
    if isinstance(value, bytes):
        return value.decode("latin-1")
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
    wanted: Any = kind
    result: T = _maker(wanted)(value)
    return result


@cache
def _maker(kind: Any) -> Callable[[Any], Any]:
    """What makes values of a type, put together once: a list may have a million of them."""
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
