#!/usr/bin/python3
"""AArch64 instructions of one inference, SmartZone's and the plain baseline's, counted by QEMU.

usage: bench/instructions/count_instructions.py PACKAGE.szp [--json]

Runs the arm64 build of original_bench in qemu-user with the plugin of this folder, with 1, 1 + R and
1 + 2 R inferences of one engine. The difference of two such counts is the cost of R inferences:
start, loading and the comparison of results are in both. The two differences must agree within
1e-3, else there is no figure. R grows until it dwarfs what varies from run to run (printing times).
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLUGIN = ROOT / "build" / "host" / "bench" / "instructions" / "libcount_instructions.so"
PROGRAM = ROOT / "build" / "arm64" / "bench" / "original" / "original_bench"
ENGINES = ("original", "smartzone")
REPEATABILITY = 1e-3
# Inferences between two counts: enough for about this many instructions, within these bounds.
WANTED_INSTRUCTIONS = 50_000_000
MOST_INFERENCES = 100


class NotRepeatable(RuntimeError):
    """Two counts of the same work differ by more than REPEATABILITY."""


def inferences_between(one):
    """How many inferences to put between two counts, if one takes about `one` instructions."""
    return max(1, min(MOST_INFERENCES, round(WANTED_INSTRUCTIONS / max(one, 1))))


def per_inference(counts, step, repeatability=REPEATABILITY):
    """Instructions of one inference from the counts of programs with n, n + step and n + 2 step
    inferences. Raises NotRepeatable if the two differences do not agree."""
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    if min(first, second) <= 0 or abs(first - second) > repeatability * max(first, second):
        raise NotRepeatable(f"{step} inferences took {first:,} instructions, then {second:,}: more "
                            f"than {repeatability:g} apart")
    return (first + second) / (2 * step)


def count(package, engine, runs, options):
    """Instructions of the whole program with this many inferences of one engine."""
    with tempfile.TemporaryDirectory(prefix="smartzone-count-") as folder:
        out = pathlib.Path(folder) / "count"
        command = ["qemu-aarch64", "-plugin", f"{options.plugin},out={out}", "-L", options.sysroot,
                   options.program, package, "--engine", engine, "--runs", runs]
        # The same environment each time: it lies on the program's stack.
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                                check=False, env={"PATH": os.environ.get("PATH", "")})
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {result.returncode}: "
                               f"{result.stderr.strip()[-500:]}")
        return int(out.read_text(encoding="ascii"))


def measure(package, engine, options):
    """Instructions of one inference of one engine."""
    one = count(package, engine, 1, options)
    two = count(package, engine, 2, options)
    step = inferences_between(two - one)
    if step == 1:
        return per_inference([one, two, count(package, engine, 3, options)], 1)
    more = [count(package, engine, 1 + step * i, options) for i in (1, 2)]
    return per_inference([one, *more], step)


def both(package, options=None):
    """{"original": .., "smartzone": .., "ratio": ..} of a package."""
    options = options or arguments([str(package)])
    counts = {engine: measure(package, engine, options) for engine in ENGINES}
    return {**counts, "ratio": counts["original"] / counts["smartzone"]}


def default_sysroot():
    """The device's libraries."""
    return subprocess.run([ROOT / "device" / "tzdev", "paths", "sysroot"], capture_output=True,
                          text=True, check=True).stdout.strip()


def arguments(argv=None):
    """The command line; also the defaults for callers from Python."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", help="compiled network (.szp)")
    parser.add_argument("--plugin", default=PLUGIN, help="default: that of the host's build")
    parser.add_argument("--program", default=PROGRAM, help="default: that of the arm64 build")
    parser.add_argument("--sysroot", help="default: the device's (device/tzdev paths sysroot)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    for file in (options.package, options.plugin, options.program):
        if not pathlib.Path(file).is_file():
            sys.exit(f"count_instructions: {file} is not there (make host arm64)")
    options.sysroot = options.sysroot or default_sysroot()
    return options


def main():
    """Counts and prints."""
    options = arguments()
    result = both(options.package, options)
    if options.json:
        print(json.dumps(result))
        return
    for engine in ENGINES:
        print(f"{engine:10} {result[engine] / 1e6:12.3f} million AArch64 instructions an inference")
    print(f"ratio {result['ratio']:17.2f}")


if __name__ == "__main__":
    main()
