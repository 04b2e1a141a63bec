"""Reads Mapbox vector tiles, as plainly as the specification says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class ReadFeature:
    id: int
    kind: int
    properties: dict[str, str]
    parts: list[list[tuple[int, int]]]


@dataclass
class ReadLayer:
    name: str = ""
    version: int = 0
    extent: int = 0
    features: list[ReadFeature] = field(default_factory=list)


def read_vector_tile(data: bytes) -> dict[str, ReadLayer]:
    layers = [_layer(body) for number, body in _fields(data) if number == 3]
    return {layer.name: layer for layer in layers}


def _layer(data: bytes) -> ReadLayer:
    layer, keys, values, features = ReadLayer(), [], [], []
    for number, body in _fields(data):
        if number == 15:
            layer.version = body
        elif number == 1:
            layer.name = body.decode()
        elif number == 2:
            features.append(body)
        elif number == 3:
            keys.append(body.decode())
        elif number == 4:
            values.append(dict(_fields(body))[1].decode())
        elif number == 5:
            layer.extent = body
    for body in features:
        said = dict(_fields(body))
        tags = list(_numbers(said.get(2, b"")))
        pairs = zip(tags[::2], tags[1::2], strict=True)
        properties = {keys[key]: values[value] for key, value in pairs}
        parts = _parts(list(_numbers(said[4])))
        layer.features.append(ReadFeature(said[1], said[3], properties, parts))
    return layer


def _parts(commands: list[int]) -> list[list[tuple[int, int]]]:
    parts: list[list[tuple[int, int]]] = []
    x = y = at = 0
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if command == 7:
            assert count == 1
            continue
        for _ in range(count):
            x += commands[at] >> 1 ^ -(commands[at] & 1)
            y += commands[at + 1] >> 1 ^ -(commands[at + 1] & 1)
            at += 2
            if command == 1:
                parts.append([])
            parts[-1].append((x, y))
    return parts


def _numbers(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _number(data, at)
        yield value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        value, at = _number(data, at)
        if key & 7 == 2:
            assert at + value <= len(data)
            yield key >> 3, data[at : at + value]
            at += value
        else:
            assert key & 7 == 0
            yield key >> 3, value


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] > 127:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
    return value | data[at] << shift, at + 1
