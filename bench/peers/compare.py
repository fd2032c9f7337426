#!/usr/bin/python3
"""SmartZone beside ONNX Runtime: median latency of one inference, batch 1, on this machine.

usage: bench/peers/compare.py [MODEL ...] [--threads 1,2] [--runs 21] [--json]

Each model is compiled, and both engines run it in one process, in turn, on the same input
(peer_race.cc). A ratio is SmartZone's time over ONNX Runtime's, the median over the pairs of turns:
below 1, SmartZone is faster. Answers that differ are no comparison. Needs `make host`, npm, and the
models in the folder that SMARTZONE_DATA names.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
# pylint: disable=wrong-import-position
from bench.peers import models, onnx_runtime
from harness.board import BUILD

PROGRAM = BUILD / "host" / "bench" / "peers" / "peer_race"
ROUNDS = 21
RACE_SECONDS = 1800


def processor_seconds():
    """Time that all processors of this machine were busy since it started."""
    fields = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq = (int(field) for field in fields[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def child_seconds():
    """Processor time of the programs that this one has run and waited for."""
    times = os.times()
    return times.children_user + times.children_system


def measured(command):
    """(the program's result, how many processors others kept busy meanwhile)."""
    begin, all_before, own_before = time.monotonic(), processor_seconds(), child_seconds()
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                            check=False, timeout=RACE_SECONDS)
    others = processor_seconds() - all_before - (child_seconds() - own_before)
    return result, max(0.0, others / (time.monotonic() - begin))


def row_of(model, package, threads, rounds):
    """One race as a row."""
    command = [PROGRAM, "--model", model.path, "--package", package, "--library",
               onnx_runtime.library("x64"), "--threads", threads, "--runs", rounds,
               "--tolerance", model.tolerance, "--json"]
    for file in model.inputs:
        command += ["--input", file]
    result, others = measured(command)
    row = {"model": model.name, "kind": model.kind, "threads": threads}
    if result.returncode not in (0, 1) or not result.stdout:
        return row | {"problem": result.stderr.strip()[-300:] or f"status {result.returncode}"}
    said = json.loads(result.stdout)
    said["model"] = model.name
    if not said["agree"]:
        return row | said | {"problem": f"wrong answer: differs by {said['difference']:.2g}"}
    return row | said | {"others_busy_cores": others}


def compare(name, threads, rounds=ROUNDS):
    """The rows of one model, one for each number of threads."""
    model = models.load(name)
    try:
        package = models.compile_model(model)
    except models.NotCompiled as reason:
        return [{"model": name, "kind": model.kind, "threads": number,
                 "problem": f"not compiled: {reason}"} for number in threads]
    return [row_of(model, package, number, rounds) for number in threads]


def line_of(row):
    """A row as a line of the table."""
    start = f"{row['model']:32} {row['kind']} {row['threads']:>3}"
    if "problem" in row:
        return f"{start}  {row['problem']}"
    low, high = row["ratio_quartiles"]
    note = "" if row["peer_level"] == "all" else f"  peer at level {row['peer_level']}"
    return (f"{start} {row['smartzone_ms']:>9.3f} {row['onnxruntime_ms']:>9.3f} {row['ratio']:>7.3f} "
            f"[{low:.3f} {high:.3f}] {row['ratio_of_least']:>6.3f} {row['processor_ratio']:>6.3f} "
            f"{row['smartzone_cores']:>5} {row['smartzone_busy_cores']:>5.2f} "
            f"{row['onnxruntime_busy_cores']:>5.2f} {row['others_busy_cores']:>6.2f}{note}")


HEADING = (f"{'model':32} kind thr    ours ms   peer ms   ratio [quartiles]    least    cpu cores  busy  busy "
           "others")
LEGEND = """ratio: SmartZone / ONNX Runtime, median over pairs of turns; least: the same of the shortest runs; cpu: of
processor time (on one thread what the ratio would be without other programs; on several, spinning counts). cores: that
SmartZone used, which it decides by cost; busy: processors kept busy by SmartZone, by the peer, by other
programs meanwhile. Where others are busy, times say little."""


def worst_lines(rows):
    """The worst ratio of each kind and number of threads."""
    lines = []
    for kind in ("fp32", "int8"):
        for threads in sorted({row["threads"] for row in rows}):
            having = [row for row in rows if row["kind"] == kind and row["threads"] == threads]
            ratios = {row["model"]: row["ratio"] for row in having if "problem" not in row}
            if ratios:
                name = max(ratios, key=ratios.get)
                lines.append(f"{kind}, {threads} thread{'s' * (threads > 1)}: worst ratio "
                             f"{ratios[name]:.3f} ({name}); {len(ratios)} of {len(having)} models compared")
    return lines


def arguments(argv=None):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="names of models (default: all)")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, separated by commas")
    parser.add_argument("--runs", type=int, default=ROUNDS, help="pairs of turns for each ratio")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    try:
        options.threads = [int(number) for number in options.threads.split(",")]
    except ValueError:
        parser.error(f"--threads takes numbers separated by commas, not '{options.threads}'")
    known = models.names()
    if not known:
        parser.error("SMARTZONE_DATA names no folder of models")
    for name in options.models:
        if name not in known:
            parser.error(f"no model '{name}'; there are: {', '.join(known)}")
    options.models = options.models or list(known)
    return options


def main():
    """Compares and prints."""
    options = arguments()
    try:
        onnx_runtime.library("x64")
    except onnx_runtime.Unavailable as reason:
        sys.exit(f"compare: {reason}")
    rows = []
    if not options.json:
        print(HEADING, flush=True)
    for name in options.models:
        for row in compare(name, options.threads, options.runs):
            rows.append(row)
            if not options.json:
                print(line_of(row), flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print("\n".join([LEGEND, *worst_lines(rows)]))


if __name__ == "__main__":
    main()
