#!/usr/bin/python3
"""Fails if an inner loop of a matrix or convolution kernel touches the stack.

usage: tools/check_inner_loops.py [--objdump PROGRAM] ARCHIVE FUNCTION...

Disassembles the archive (x86-64 or AArch64) and looks at every function whose name contains one of
FUNCTION. An inner loop is a backward branch around multiply-adds with no other such loop inside. A
register that the compiler could not keep shows there as an access through the stack pointer, and
costs more than the multiply-adds. Also fails if a FUNCTION has no such loop at all: then the check
would look at nothing.
"""

import argparse
import re
import subprocess
import sys

FUNCTION_LINE = re.compile(r"^[0-9a-f]+ <(.*)>:$")
INSTRUCTION_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
MULTIPLY_ADD = re.compile(r"^(vfn?madd|fmla|fmadd|vpdp|[su]dot|[su]mlal|vpmaddw)")
BRANCH = re.compile(r"^(j[a-z]+|b|b\.[a-z]+|cbn?z|tbn?z)$")
TARGET = re.compile(r"(?:^|\s|,)([0-9a-f]+) <")
STACK = re.compile(r"%[re]sp\b|\[sp\b|\[x29\b")


def functions(disassembly):
    """Yields (name, [(address, mnemonic, operands)])."""
    name, body = None, []
    for line in disassembly.splitlines():
        if match := FUNCTION_LINE.match(line):
            if name is not None:
                yield name, body
            name, body = match.group(1), []
        elif name is not None and (match := INSTRUCTION_LINE.match(line)):
            body.append((int(match.group(1), 16), match.group(2), match.group(3)))
    if name is not None:
        yield name, body


def inner_loops(body):
    """The innermost loops with multiply-adds, as lists of instructions."""
    loops = []
    for address, mnemonic, operands in body:
        target = TARGET.search(operands) if BRANCH.match(mnemonic) else None
        if target is None or int(target.group(1), 16) > address:
            continue
        begin = int(target.group(1), 16)
        loop = [one for one in body if begin <= one[0] <= address]
        if loop and loop[0][0] == begin and any(MULTIPLY_ADD.match(one[1]) for one in loop):
            loops.append(loop)
    spans = [(loop[0][0], loop[-1][0]) for loop in loops]
    return [loop for loop, span in zip(loops, spans)
            if not any(other != span and span[0] <= other[0] and other[1] <= span[1]
                       for other in spans)]


def check(disassembly, names):
    """Sentences about what is wrong, and the number of loops that were looked at."""
    wrong, found = [], {name: 0 for name in names}
    for function, body in functions(disassembly):
        for name in names:
            if name not in function:
                continue
            for loop in inner_loops(body):
                found[name] += 1
                for address, mnemonic, operands in loop:
                    if STACK.search(operands):
                        wrong.append(f"{function}: the loop at {loop[0][0]:x} touches the stack at "
                                     f"{address:x}: {mnemonic} {operands}")
    wrong += [f"no inner loop with multiply-adds in any function named {name}"
              for name, count in found.items() if count == 0]
    return wrong, sum(found.values())


def main():
    """Checks one archive."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("functions", nargs="+")
    parser.add_argument("--objdump", default="objdump")
    options = parser.parse_args()
    disassembly = subprocess.run([options.objdump, "-d", "-C", "--no-show-raw-insn", options.archive],
                                 check=True, capture_output=True, text=True).stdout
    wrong, _ = check(disassembly, options.functions)
    for sentence in wrong:
        print(f"check_inner_loops: {options.archive}: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
