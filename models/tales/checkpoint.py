"""The trained network as a file: llama2.c's checkpoint, version 2 ("q80"), in groups of 32.

Header of 256 bytes: magic "ak42" (u32), version (i32), width, hidden, layers, heads, key-value
heads, vocabulary, context (i32 each), 1 if the embedding is the head too (u8), group size (i32);
then the norms (f32): attention of every layer, ffn of every layer, the last; then the matrices,
kind by kind, layer by layer: signed bytes, then a scale (f32) for each group.
weight = scale * byte. Our scales are numbers that f16 can hold, so that an engine that keeps
them as f16 (as GGUF's Q8_0 does) loses nothing.
"""

import struct

import numpy as np

from network import Shape, parameter_shapes

MAGIC, VERSION, GROUP, HEADER = 0x616B3432, 2, 32, 256
_KINDS = ("q", "k", "v", "o", "gate", "down", "up")  # llama2.c: wq wk wv wo w1 w2 w3


def quantize(matrix):
    """[M, K] -> bytes i8 [M * K], scales f32 [M * K / GROUP]."""
    groups = matrix.astype(np.float64).reshape(-1, GROUP)
    scales = (np.abs(groups).max(axis=1) / 127).astype(np.float16).astype(np.float64)
    divisor = np.where(scales == 0, 1, scales)[:, None]
    numbers = np.clip(np.rint(groups / divisor), -127, 127) * (scales != 0)[:, None]
    return numbers.astype(np.int8).reshape(-1), scales.astype(np.float32)


def dequantize(numbers, scales, dims):
    """The matrix that an engine computes with."""
    return (numbers.reshape(-1, GROUP).astype(np.float32) * scales[:, None]).reshape(dims)


def _order(shape):
    """Names of the norms and of the matrices, as the file has them."""
    each = range(shape.layers)
    norms = [f"{i}.attention_norm" for i in each] + [f"{i}.ffn_norm" for i in each]
    return norms + ["final_norm"], ["embedding"] + [f"{i}.{kind}" for kind in _KINDS for i in each]


def write(path, shape, parameters):
    """Writes the file; the parameters keep their values."""
    numbers = (shape.width, shape.hidden, shape.layers, shape.heads, shape.kv_heads,
               shape.vocabulary, shape.context)
    header = struct.pack("<Ii7iBi", MAGIC, VERSION, *numbers, 1, GROUP)
    norms, matrices = _order(shape)
    parts = [header.ljust(HEADER, b"\0")]
    parts += [parameters[name].astype("<f4").tobytes() for name in norms]
    for name in matrices:
        numbers, scales = quantize(parameters[name])
        parts += [numbers.tobytes(), scales.astype("<f4").tobytes()]
    path.write_bytes(b"".join(parts))


def read(path):
    """(Shape, parameters) of a file that `write` wrote."""
    data = path.read_bytes()
    magic, version, *fields, shared, group = struct.unpack_from("<Ii7iBi", data)
    if (magic, version, shared, group) != (MAGIC, VERSION, 1, GROUP):
        raise ValueError(f"{path}: not a checkpoint of ours")
    width, hidden, layers, heads, kv_heads, vocabulary, context = fields
    shape = Shape(width, hidden, layers, heads, kv_heads, vocabulary, context)
    dims, parameters, at = parameter_shapes(shape), {}, HEADER
    norms, matrices = _order(shape)
    for name in norms + matrices:
        count = int(np.prod(dims[name]))
        if name in norms:
            parameters[name] = np.frombuffer(data, "<f4", count, at).astype(np.float32)
            at += 4 * count
            continue
        numbers = np.frombuffer(data, np.int8, count, at)
        scales = np.frombuffer(data, "<f4", count // GROUP, at + count)
        parameters[name] = dequantize(numbers, scales, dims[name])
        at += count + 4 * (count // GROUP)
    if at != len(data):
        raise ValueError(f"{path}: {len(data)} bytes, expected {at}")
    return shape, parameters
