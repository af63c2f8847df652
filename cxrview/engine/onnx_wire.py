"""The few parts of the ONNX file format (protocol buffers) that are needed where the onnx package is not installed.

Looking for data kept in other files, and writing the tiny graph of the fake model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cxrview.core.errors import PackageError
from cxrview.core.results import FloatArray

OPSET = 17
IR_VERSION = 8

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT32 = 1
_EXTERNAL = 1
_MAX_DEPTH = 32
# message → field number → message of that field, for every way from a model to a tensor (onnx.proto3).
_WAYS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14


def has_external_data(graph: bytes) -> bool:
    """Tell whether any tensor of an ONNX file points to data outside the file.

    Raises:
        PackageError: the bytes are no ONNX file.
    """
    return _points_outside(memoryview(graph), "model", 0)


def _points_outside(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        raise PackageError("the graph is nested too deeply to be an ONNX file.")
    ways = _WAYS[kind]
    for number, value in _fields(message):
        if kind == "tensor" and (number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value == _EXTERNAL)):
            return True
        if number in ways and isinstance(value, memoryview) and _points_outside(value, ways[number], depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(message, position)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise PackageError("the graph is not an ONNX file.")
        if position + length > len(message):
            raise PackageError("the graph is not an ONNX file, or it was cut short.")
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise PackageError("the graph is not an ONNX file, or it was cut short.")


def model_bytes(
    nodes: Sequence[bytes],
    tensors: Mapping[str, FloatArray],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
) -> bytes:
    """Write an ONNX file; shapes are numbers or names of free dimensions, everything is float32."""
    graph = b"".join(_bytes(1, node) for node in nodes) + _text(2, "graph")
    graph += b"".join(_bytes(5, _tensor(name, array)) for name, array in tensors.items())
    graph += b"".join(_bytes(11, _value_info(name, shape)) for name, shape in inputs.items())
    graph += b"".join(_bytes(12, _value_info(name, shape)) for name, shape in outputs.items())
    opset = _text(1, "") + _number(2, OPSET)
    return _number(1, IR_VERSION) + _text(2, "cxrview") + _bytes(7, graph) + _bytes(8, opset)


def node_bytes(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: int | Sequence[int]) -> bytes:
    """Write a node; attributes are integers or lists of them."""
    node = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in outputs) + _text(4, operator)
    return node + b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, 7)


def _tensor(name: str, array: FloatArray) -> bytes:
    raw = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return b"".join(_number(1, side) for side in array.shape) + _number(2, _FLOAT32) + _text(8, name) + _bytes(9, raw)


def _value_info(name: str, shape: Sequence[int | str]) -> bytes:
    sides = b"".join(_bytes(1, _text(2, side) if isinstance(side, str) else _number(1, side)) for side in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT32) + _bytes(2, sides)))


def _number(field: int, value: int) -> bytes:
    return _as_varint(field << 3 | _VARINT) + _as_varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _as_varint(field << 3 | _BYTES) + _as_varint(len(value)) + value


def _as_varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
