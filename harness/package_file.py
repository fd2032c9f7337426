"""Reads the sections of a package file (package/package_format.h), for tests and measurements."""

import json
import struct

MAGIC = b"SZPKG\0\0\1"
PLAN, WEIGHTS, INFO = 1, 2, 3


def sections(path):
    """The sections of a package: {kind: bytes}."""
    with open(path, "rb") as file:
        content = file.read()
    magic, _, count = struct.unpack_from("<8sII", content)
    if magic != MAGIC:
        raise ValueError(f"{path} is no package")
    result = {}
    for i in range(count):
        kind, _, offset, size, _ = struct.unpack_from("<IIQQ32s", content, 16 + 56 * i)
        result[kind] = content[offset:offset + size]
    return result


def weights(path):
    """The weights region of a package, as packed for the kernels."""
    return sections(path)[WEIGHTS]


def info(path):
    """The information section of a package."""
    return json.loads(sections(path)[INFO])
