#!/usr/bin/python3
"""Language models beside llama.cpp (and llama2.c): tokens per second for prompts and for single tokens, on this machine.

usage: bench/peers/language.py [SHAPE-FORMAT ...] [--threads 1,2] [--runs 11] [--json]
       SHAPE: 260k, 15m, 110m; FORMAT: f32, q8_0, q4_0; default all

The models have well-known shapes and made-up weights (tests/models/synthetic_llama.py): speed does not depend on the
numbers. Both engines run the same GGUF file in one process, in turn (llama_race.cc); a ratio is the median over the pairs of
turns, above 1 SmartZone is faster. The logits must agree first. Needs `make host` and npm.

llama2.c is in no package: if SMARTZONE_LLAMA2C names a folder with its programs `run` and `runq`, built with
-Ofast -march=native (-fopenmp for two threads), they are timed too, each run in turn with one of ours (f32, q8_0).
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
# pylint: disable=wrong-import-position
from bench.peers import llama_cpp
from harness.board import BUILD, host_smartzone
from tests.models import synthetic_llama

PROGRAM = BUILD / "host" / "bench" / "peers" / "llama_race"
OURS = BUILD / "host" / "bench" / "language_bench"
OUT = BUILD / "llm"
SHAPES = ("260k", "15m", "110m")
FORMATS = ("f32", "q8_0", "q4_0")
# Logits, relative to the largest: engines quantise activations in their own ways.
TOLERANCE = {"f32": 0.002, "q8_0": 0.1, "q4_0": 0.1}


def names():
    """All models, as the command line calls them."""
    return [f"{shape}-{kind}" for shape in SHAPES for kind in FORMATS]


def files(name):
    """(package, GGUF file) of a model; made at the first use."""
    shape, kind = name.split("-", 1)
    OUT.mkdir(parents=True, exist_ok=True)
    model, package = OUT / f"{name}.gguf", OUT / f"{name}.szp"
    if not model.exists():
        synthetic_llama.write_gguf(synthetic_llama.SHAPES[shape], kind, "synthetic", None, model)
    host_smartzone("compile", model, "-o", package)
    return package, model


def race(name, threads, rounds):
    """One row: rates and ratios for prompts and single tokens."""
    package, model = files(name)
    command = [PROGRAM, "--package", package, "--model", model, "--library", llama_cpp.libraries(), "--threads",
               threads, "--runs", rounds, "--tolerance", TOLERANCE[name.split("-", 1)[1]]]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=3000)
    if result.returncode != 0:
        return {"model": name, "threads": threads, "problem": result.stderr.strip()[-300:]}
    return {"model": name, "peer": "llama.cpp", **json.loads(result.stdout)}


def rate_of_llama2c(program, model, tokenizer, threads, tokens):
    """What the program says that it reached; its first token is not counted there."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    result = subprocess.run([program, model, "-z", tokenizer, "-n", str(tokens), "-t", "0"], capture_output=True,
                            text=True, errors="replace", check=True, timeout=600, env=environment)
    return float(re.search(r"achieved tok/s: ([\d.]+)", result.stderr)[1])


def race_llama2c(name, threads, rounds, folder, checkpoint, tokenizer):
    """Single tokens from an empty context on, beside llama2.c's own program, in turn."""
    shape, kind = name.split("-", 1)
    program = pathlib.Path(folder) / ("run" if kind == "f32" else "runq")
    tokens = min(200, synthetic_llama.SHAPES[shape].context - 8)
    package, _ = files(name)
    pairs = []
    for _ in range(rounds):
        theirs = rate_of_llama2c(program, checkpoint, tokenizer, threads, tokens)
        ours = subprocess.run([str(OURS), str(package), "--threads", str(threads), "--prompt", "1", "--tokens",
                               str(tokens), "--runs", "1", "--json"], capture_output=True, text=True, check=True)
        pairs.append((json.loads(ours.stdout)[0]["token_rate"], theirs))
    return {"model": name, "peer": "llama2.c", "threads": threads,
            "tokens": {"smartzone_tokens_per_s": statistics.median(ours for ours, _ in pairs),
                       "peer_tokens_per_s": statistics.median(theirs for _, theirs in pairs),
                       "ratio": statistics.median(ours / theirs for ours, theirs in pairs)}}


def llama2c_rows(name, threads, rounds):
    """The rows beside llama2.c, if it is there and takes such a model."""
    folder = os.environ.get("SMARTZONE_LLAMA2C")
    shape, kind = name.split("-", 1)
    if not folder or kind == "q4_0":
        return []
    made = OUT / f"{shape}-{kind}.llama2c.bin"
    tokenizer = OUT / f"{shape}.tokenizer.bin"
    if not made.exists():
        synthetic_llama.write_bin(synthetic_llama.SHAPES[shape], "synthetic", made, kind)
        synthetic_llama.write_tokenizer(synthetic_llama.SHAPES[shape], tokenizer)
    if kind == "q8_0" and synthetic_llama.SHAPES[shape].hidden % 32:
        return []
    return [race_llama2c(name, threads, rounds, folder, made, tokenizer)]


def compare(name, threads, rounds=11):
    """All rows of a model, one for each number of threads and peer."""
    rows = []
    for count in threads:
        rows.append(race(name, count, rounds))
        rows += llama2c_rows(name, count, min(rounds, 5))
    return rows


def line(row):
    """A row for people."""
    if "problem" in row:
        return f"{row['model']} on {row['threads']}: {row['problem']}"
    parts = []
    for what in ("prompt", "tokens"):
        if what in row:
            one = row[what]
            parts.append(f"{what} {one['smartzone_tokens_per_s']:9.1f} / {one['peer_tokens_per_s']:9.1f} tokens/s = "
                         f"{one['ratio']:6.3f}")
    return f"{row['model']:10} {row['threads']} thread{'s' if row['threads'] > 1 else ' '} {row['peer']:9}  " + "   ".join(parts)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="SHAPE-FORMAT", default=names())
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.models if name not in names()]
    if unknown:
        parser.error(f"no model {', '.join(unknown)}; there are {', '.join(names())}")
    rows = []
    for name in arguments.models:
        for row in compare(name, [int(count) for count in arguments.threads.split(",")], arguments.runs):
            rows.append(row)
            if not arguments.json:
                print(line(row), flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
