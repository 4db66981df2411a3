"""What a DynamoDB call consumes, computed from item sizes (moto's own numbers are wrong).

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Image = Mapping[str, Mapping[str, Any]]
WRITE_UNIT = 1024
READ_UNIT = 4096


@dataclass(frozen=True)
class Units:
    """Consumed capacity: write and read units, index writes included."""

    write: float = 0.0
    read: float = 0.0


@dataclass(frozen=True)
class Index:
    """A global secondary index that projects its keys only."""

    name: str
    partition: str
    sort: str

    def lists(self, image: Image) -> bool:
        return self.partition in image and self.sort in image

    def entry(self, image: Image | None) -> Image | None:
        """What the index keeps of an item, None where it does not list it."""
        if image is None or not self.lists(image):
            return None
        return {name: image[name] for name in ("pk", "sk", self.partition, self.sort)}


@dataclass(frozen=True)
class Touched:
    """An item that a write named, before and after it."""

    key: tuple[str, str]
    before: Image | None
    after: Image | None


def written(touched: Iterable[Touched], indexes: Iterable[Index], *, transaction: bool) -> Units:
    """What a write consumes, refused ones included: the larger of both images, doubled in a transaction."""
    factor = 2 if transaction else 1
    known = list(indexes)
    units = 0.0
    for item in touched:
        units += factor * _units(max(size(item.before), size(item.after)), WRITE_UNIT)
        units += sum(_index_units(index.entry(item.before), index.entry(item.after)) for index in known)
    return Units(write=units)


def read_items(items: Iterable[Image | None], *, consistent: bool) -> Units:
    """What reads of single items consume: each is rounded up by itself, a missing one costs one unit."""
    return Units(read=sum(_units(size(item), READ_UNIT) for item in items) * (1 if consistent else 0.5))


def read_together(items: Iterable[Image], *, consistent: bool) -> Units:
    """What a query or scan consumes: the sum of what it read, rounded up once."""
    return Units(read=_units(sum(size(item) for item in items), READ_UNIT) * (1 if consistent else 0.5))


def size(image: Image | None) -> int:
    """An item's size in bytes, 0 for none."""
    return 0 if image is None else sum(_text(name) + _value(value) for name, value in image.items())


def _index_units(before: Image | None, after: Image | None) -> int:
    """Unchanged costs nothing; a new or dropped entry one write; a changed key is a delete and a put."""
    if before == after:
        return 0
    return sum(_units(size(entry), WRITE_UNIT) for entry in (before, after) if entry is not None)


def _units(size: int, unit: int) -> int:
    return max(1, math.ceil(size / unit))


def _value(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _text(content)
        case "N":
            return _number(content)
        case "B":
            # boto3 hands over bytes, the wire carries base64.
            return len(content) if isinstance(content, bytes) else len(content) * 3 // 4 - content[-2:].count("=")
        case "M":
            return 3 + sum(1 + _text(name) + _value(part) for name, part in content.items())
        case "L":
            return 3 + sum(1 + _value(part) for part in content)
        case "SS":
            return sum(_text(part) for part in content)
        case "NS":
            return sum(_number(part) for part in content)
        case "BS":
            return sum(_value({"B": part}) for part in content)
    return 1


def _text(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _number(text: str) -> int:
    """About one byte for two significant digits, one more, and one for a sign."""
    digits = text.lstrip("-").split("e")[0].split("E")[0].replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
