#!/usr/bin/python3
"""AArch64 instructions of one inference, SmartZone's and ONNX Runtime's, counted by QEMU.

usage: bench/peers/count.py [MODEL ...] [--core cortex-a53] [--engine both] [--json]

Runs the arm64 build of peer_race in qemu-user with the plugin of bench/instructions and takes
differences between programs with more and fewer inferences, so that only inferences are counted. Each engine runs
on one thread. The emulator's processor, and the /proc/cpuinfo that the program sees, are those of
the core asked for: the peer chooses its kernels by them.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
# pylint: disable=wrong-import-position
from bench.instructions import count_instructions
from bench.peers import models, onnx_runtime
from harness.board import BUILD

PROGRAM = BUILD / "arm64" / "bench" / "peers" / "peer_race"
ENGINES = ("smartzone", "onnxruntime")
DEFAULT_MODELS = ("squeezenet1.0", "mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224",
                  "mobilenet_v2_1.0_224_qdq", "resnet8_cifar10_qdq", "kws_dscnn_qdq")
# Inferences between two counts: enough for about this many instructions, but at most so many.
WANTED_INSTRUCTIONS, MOST_STEP = 1_000_000_000, 50


@dataclasses.dataclass
class Habits:
    """warm: runs before those that are counted; least_step: inferences between two counts, at
    least; repeatability: how far two differences may be apart."""
    warm: int
    least_step: int
    repeatability: float


# The peer's first runs ask for memory, and later ones now and then: its counts vary a little.
HABITS = {"smartzone": Habits(2, 1, count_instructions.REPEATABILITY),
          "onnxruntime": Habits(4, 3, 5e-3)}

# What Linux on such a core says of it: /proc/cpuinfo's features and part number (maker: Arm, 0x41).
CORES = {
    "cortex-a53": ("fp asimd evtstrm crc32 cpuid", "0xd03"),
    "cortex-a76": ("fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm "
                   "lrcpc dcpop asimddp", "0xd0b"),
}


def cpuinfo(core, processors=2):
    """The text of /proc/cpuinfo on a machine with so many of these cores."""
    features, part = CORES[core]
    return "".join(f"processor\t: {number}\nFeatures\t: {features}\nCPU implementer\t: 0x41\n"
                   f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 4\n\n"
                   for number in range(processors))


@contextlib.contextmanager
def root_with(core, sysroot):
    """A folder for QEMU's -L: the sysroot's, and the core's /proc/cpuinfo."""
    with tempfile.TemporaryDirectory(prefix="smartzone-root-") as name:
        root = pathlib.Path(name)
        for entry in pathlib.Path(sysroot).iterdir():
            (root / entry.name).symlink_to(entry)
        (root / "proc").mkdir()
        (root / "proc" / "cpuinfo").write_text(cpuinfo(core), encoding="ascii")
        yield root


def step_for(one, least):
    """How many inferences to put between two counts, if one takes about `one` instructions."""
    return max(least, min(MOST_STEP, round(WANTED_INSTRUCTIONS / max(one, 1))))


def measure(count, engine):
    """Instructions of one inference, from count(runs), the instructions of a whole program."""
    habits = HABITS[engine]
    first, warm = count(1), count(habits.warm)
    step = step_for((warm - first) / (habits.warm - 1), habits.least_step)
    counts = [warm, count(habits.warm + step), count(habits.warm + 2 * step)]
    return count_instructions.per_inference(counts, step, habits.repeatability)


def program(model, package, engine, runs):
    """The command line of that many inferences of one engine."""
    command = [PROGRAM, "--engine", engine, "--threads", 1, "--runs", runs]
    if engine == "smartzone":
        command += ["--package", package]
    else:
        command += ["--model", model.path, "--library", onnx_runtime.library("arm64")]
    for file in model.inputs:
        command += ["--input", file]
    return command


def instructions(name, engine, core="cortex-a53", sysroot=None):
    """Instructions of one inference of a model, by name. Raises models.NotCompiled."""
    for file in (PROGRAM, count_instructions.PLUGIN):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is not there (make host arm64)")
    model = models.load(name)
    package = models.compile_model(model) if engine == "smartzone" else None
    with root_with(core, sysroot or count_instructions.default_sysroot()) as root:
        out = root / "count"

        def count(runs):
            command = ["qemu-aarch64", "-cpu", core, "-plugin", f"{count_instructions.PLUGIN},out={out}",
                       "-L", root, *program(model, package, engine, runs)]
            result = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                                    check=False, env={"PATH": os.environ.get("PATH", "")})
            if result.returncode != 0:
                raise RuntimeError(f"{engine}, {name}: {result.stderr.strip()[-500:]}")
            return int(out.read_text(encoding="ascii"))
        return measure(count, engine)


def row_of(name, engines, core):
    """{"model":, "smartzone":, "onnxruntime":, "ratio":}, as far as they can be had."""
    row = {"model": name, "core": core}
    for engine in engines:
        try:
            row[engine] = instructions(name, engine, core)
        except models.NotCompiled as reason:
            row["problem"] = f"not compiled: {reason}"
        except RuntimeError as error:
            row["problem"] = str(error)
    if all(engine in row for engine in ENGINES):
        row["ratio"] = row["smartzone"] / row["onnxruntime"]
    return row


def line_of(row):
    """A row as a line of the table."""
    cells = [f"{row[engine] / 1e6:>12.3f}" if engine in row else f"{'-':>12}" for engine in ENGINES]
    ratio = f"{row['ratio']:>8.3f}" if "ratio" in row else f"{'-':>8}"
    return " ".join([f"{row['model']:32}", *cells, ratio, row.get("problem", "")]).rstrip()


def main():
    """Counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="names of models (default: the large ones and int8)")
    parser.add_argument("--core", default="cortex-a53", choices=CORES, help="the emulated core")
    parser.add_argument("--engine", default="both", choices=("both", *ENGINES))
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    known = models.names()
    if not known:
        parser.error("SMARTZONE_DATA names no folder of models")
    for name in options.models:
        if name not in known:
            parser.error(f"no model '{name}'; there are: {', '.join(known)}")
    engines = ENGINES if options.engine == "both" else (options.engine,)
    rows = []
    if not options.json:
        print(f"millions of instructions on a {options.core}\n{'model':32} {'SmartZone':>12} "
              f"{'ONNX Runtime':>12} {'ratio':>8}", flush=True)
    for name in options.models or DEFAULT_MODELS:
        rows.append(row_of(name, engines, options.core))
        if not options.json:
            print(line_of(rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
