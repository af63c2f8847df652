"""The few parts of the ONNX file format (protocol buffers) that are needed where the onnx package is not installed.

Looking for data kept in other files, finding the weights of the layers, and writing the tiny graph of the fake model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

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
_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_TENSOR = 7, 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR = 1, 2, 4
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOATS: Mapping[int, str] = {_FLOAT32: "<f4", 10: "<f2"}
# What gives its input on under another name.
_PASSES_ON = ("Cast", "Identity")


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


def weights_in_order(graph: memoryview) -> list[npt.NDArray[np.generic]]:
    """Give the weights of an ONNX file's layers (tensors of two axes and more), from input to answer, each flat.

    They are views of `graph`: where that can be written, changing them changes the file.

    Raises:
        PackageError: the bytes are no ONNX file.
    """
    parts = [value for number, value in _fields(graph) if number == _MODEL_GRAPH and isinstance(value, memoryview)]
    tensors = dict(_weight(value) for part in parts for number, value in _fields(part) if number == _GRAPH_TENSOR)
    stands_for: dict[str, str] = {}
    used: dict[str, None] = {}
    for part in parts:
        for number, node in _fields(part):
            if number == _GRAPH_NODE and isinstance(node, memoryview):
                inputs, outputs, operator = _node(node)
                if operator in _PASSES_ON:
                    stands_for |= {name: stands_for.get(inputs[0], inputs[0]) for name in outputs}
                else:
                    used |= dict.fromkeys(stands_for.get(name, name) for name in inputs)
    found = [tensors[name] for name in used if name in tensors]
    return [values for values in found if values is not None]


def _weight(tensor: int | memoryview) -> tuple[str, npt.NDArray[np.generic] | None]:
    """Give a tensor's name and its values, flat; None for what is no weight of a layer."""
    name, sides, kind, content = "", 0, 0, None
    for number, value in _fields(tensor if isinstance(tensor, memoryview) else memoryview(b"")):
        if number == _TENSOR_NAME and isinstance(value, memoryview):
            name = bytes(value).decode()
        elif number == _TENSOR_DIMS:
            sides += 1 if isinstance(value, int) else sum(byte < 0x80 for byte in value)  # packed: each number ends in such a byte
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_RAW and isinstance(value, memoryview):
            content = value
    is_weight = content is not None and sides > 1 and kind in _FLOATS
    return name, np.frombuffer(content, _FLOATS[kind]) if is_weight and content is not None else None


def _node(node: memoryview) -> tuple[list[str], list[str], str]:
    texts: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_OPERATOR: []}
    for number, value in _fields(node):
        if number in texts and isinstance(value, memoryview):
            texts[number].append(bytes(value).decode())
    return texts[_NODE_INPUT], texts[_NODE_OUTPUT], "".join(texts[_NODE_OPERATOR])


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
