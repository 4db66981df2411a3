"""Plain values as JSON and back: bytes, tuples, sets, queues, dataclasses, keys that are no text, and what is shared.

What two places of the sandbox's memory have in common (a message, and the same message in its thread) is one again
once it is read.
"""

from __future__ import annotations

import base64
import importlib
import zlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

Json = Any
# Longer contents are kept packed: a delivery of 200 kB of the same letter is a few hundred bytes.
_PACKED = 2_000


class CannotWrite(TypeError):
    """A value that is no plain data."""


def write(value: Any, change: Callable[[str], str] = str) -> Json:
    """A value as JSON. `change` is applied to every text, and to every bytes that are text."""
    counts: Counter[int] = Counter()
    _count(value, counts)
    return _Writer(counts, change).write(value)


def read(written: Json, change: Callable[[str], str] = str) -> Any:
    """The value that was written."""
    return _Reader(change).read(written)


def packed(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A zlib stream of text with the text changed; anything else as it is."""
    try:
        return zlib.compress(change(zlib.decompress(content)), 9)
    except zlib.error:
        return change(content)


def _count(value: Any, counts: Counter[int]) -> None:
    if not isinstance(value, dict | list):
        parts: Any = value if isinstance(value, tuple | set | deque) else ()
    else:
        counts[id(value)] += 1
        parts = (value.values() if isinstance(value, dict) else value) if counts[id(value)] == 1 else ()
    for part in parts:
        _count(part, counts)


class _Writer:
    def __init__(self, counts: Counter[int], change: Callable[[str], str]) -> None:
        self._counts = counts
        self._change = change
        self._names: dict[int, int] = {}

    def write(self, value: Any) -> Json:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            text = self._change(str(value))
            return text if len(text) <= _PACKED else {"$": "text", "of": self._packed(text.encode())}
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, dict | list):
            return self._container(value)
        if isinstance(value, tuple | set | frozenset | deque):
            parts = sorted(value) if isinstance(value, set | frozenset) else value
            return {"$": type(value).__name__, "of": [self.write(part) for part in parts]}
        if is_dataclass(value) and not isinstance(value, type):
            name = f"{type(value).__module__}:{type(value).__qualname__}"
            return {"$": name, "of": {field.name: self.write(getattr(value, field.name)) for field in fields(value)}}
        raise CannotWrite(type(value).__name__)

    def _container(self, value: dict[Any, Any] | list[Any]) -> Json:
        if id(value) in self._names:
            return {"$": "same", "of": self._names[id(value)]}
        shared = self._counts[id(value)] > 1
        if shared:
            self._names[id(value)] = len(self._names) + 1
        if isinstance(value, list):
            made: Json = [self.write(part) for part in value]
        elif all(isinstance(key, str) and key != "$" for key in value):
            made = {self._change(key): self.write(part) for key, part in value.items()}
        else:
            made = {"$": "dict", "of": [[self.write(key), self.write(part)] for key, part in value.items()]}
        return {"$": "shared", "of": made, "name": self._names[id(value)]} if shared else made

    def _bytes(self, value: bytes) -> Json:
        text = packed(value, lambda content: _each(content, self._change))
        if len(text) <= _PACKED:
            return {"$": "bytes", "of": base64.b64encode(text).decode()}
        return {"$": "packed", "of": self._packed(text)}

    @staticmethod
    def _packed(content: bytes) -> str:
        return base64.b64encode(zlib.compress(content, 9)).decode()


class _Reader:
    def __init__(self, change: Callable[[str], str]) -> None:
        self._change = change
        self._shared: dict[int, Any] = {}

    def read(self, written: Json) -> Any:
        if isinstance(written, str):
            return self._change(written)
        if isinstance(written, list):
            return [self.read(part) for part in written]
        if not isinstance(written, dict):
            return written
        if "$" not in written:
            return {self._change(key): self.read(part) for key, part in written.items()}
        return self._special(written["$"], written)

    def _special(self, kind: str, written: dict[str, Json]) -> Any:
        of = written["of"]
        match kind:
            case "bytes" | "packed":
                content = base64.b64decode(of)
                content = zlib.decompress(content) if kind == "packed" else content
                return packed(content, lambda text: _each(text, self._change))
            case "text":
                return self._change(zlib.decompress(base64.b64decode(of)).decode())
            case "same":
                return self._shared[of]
            case "shared":
                self._shared[written["name"]] = value = self.read(of)
                return value
            case "dict":
                return {self.read(key): self.read(part) for key, part in of}
            case "tuple":
                return tuple(self.read(part) for part in of)
            case "set" | "frozenset":
                return {self.read(part) for part in of}
            case "deque":
                return deque(self.read(part) for part in of)
        module, _, name = kind.partition(":")
        made = getattr(importlib.import_module(module), name)
        known = {field.name for field in fields(made)}
        return made(**{field: self.read(part) for field, part in of.items() if field in known})


def _each(content: bytes, change: Callable[[str], str]) -> bytes:
    try:
        return change(content.decode()).encode()
    except UnicodeDecodeError:
        return content
