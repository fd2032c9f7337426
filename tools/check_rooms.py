#!/usr/bin/python3
"""Checks that the rooms depend one way: every include against the table below.

Prints each include that a room may not make, with file and line; exit status 1 if there is one.
Also refuses operating-system and hosted headers in the trusted rooms.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# room -> rooms whose headers it may include (beside its own). Tests may include more: see TESTS.
ALLOWED = {
    "base": [],
    "cores": ["base"],
    "tensor": ["base"],
    "math": ["base"],
    "ops": ["base", "math", "tensor"],
    "package": ["base", "tensor"],
    "engine": ["base", "cores", "tensor", "ops", "package"],
    "language": ["base", "math", "tensor", "package", "engine"],
    "protocol": ["base"],
    "ta": ["base", "cores", "tensor", "package", "engine", "language", "protocol"],
    "shim": ["base", "protocol", "ta"],
    "analyze": ["base", "package", "engine", "language", "protocol", "ta"],
    "include": [],
    "client": ["base", "tensor", "package", "engine", "language", "protocol", "shim", "include"],
    "compiler": ["base", "math", "tensor", "ops", "package", "engine", "language", "include"],
    "cli": ["base", "package", "protocol", "analyze", "client", "compiler", "include"],
    "bench": ["base", "cores", "math", "tensor", "ops", "package", "engine", "client", "compiler", "include"],
    "tests": None,  # cross-room by purpose
    "tools": [],
}
TRUSTED = {"base", "cores", "tensor", "math", "ops", "package", "engine", "language", "protocol", "ta"}
FREESTANDING = {
    "array", "bit", "compare", "concepts", "cstddef", "cstdint", "initializer_list", "limits",
    "new", "numeric", "optional", "span", "tuple", "type_traits", "utility",
}
# What a trusted room may include from outside beside the freestanding headers. Google Highway is
# headers only and is built without its hosted parts (HWY_NO_LIBCXX).
OUTSIDE = {"math": {"hwy/highway.h"}, "ops": {"hwy/highway.h", "hwy/foreach_target.h"},
           "protocol": {"stdint.h"}, "ta": {"tee_internal_api.h", "tee_internal_api_extensions.h", "utee_syscalls.h"}}
# Files of trusted rooms that are built for the host only; they are never part of the TA.
HOST_ONLY = re.compile(
    r"(_test|_fuzz|_bench)\.(cc|h)$|/testing/|/tests?/|base/status_text\.|base/sha256|package/package_file"
    r"|package/plan_report|/host/|ta/freestanding/|ops/transformer/pack\.")
SOURCE = {".cc", ".h", ".hpp", ".c", ".inc"}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def room_of(path):
    """The room that a header path like "ops/conv/conv.h" names, or None."""
    first = path.split("/", 1)[0]
    if first == "smartzone":
        return "include"
    return first if "/" in path and first in ALLOWED else None


def check_file(path):
    """Yields a complaint for each include of `path` that its room may not make."""
    relative = path.relative_to(ROOT).as_posix()
    room = relative.split("/", 1)[0]
    host_only = bool(HOST_ONLY.search(relative))
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        other = room_of(name)
        where = f"{relative}:{number}"
        if other and other != room and not host_only and ALLOWED[room] is not None:
            if other not in ALLOWED[room]:
                yield f"{where}: room '{room}' may not include '{name}' (room '{other}')"
        if quote == "<" and room in TRUSTED and not host_only:
            if name not in FREESTANDING and name not in OUTSIDE.get(room, ()):
                yield f"{where}: trusted room '{room}' includes <{name}>, which is not freestanding"


def main():
    """Checks all rooms; returns the exit status."""
    complaints = []
    files = 0
    for room in ALLOWED:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in SOURCE and path.is_file():
                files += 1
                complaints += check_file(path)
    for complaint in complaints:
        print(complaint)
    print(f"{files} files checked, {len(complaints)} includes against the rooms' order")
    return 1 if complaints or not files else 0


if __name__ == "__main__":
    sys.exit(main())
