#!/usr/bin/python3
"""Runs the fuzz targets of a build for a time each, as many at once as there are cores.

Every *_fuzz program below --build is a target. Its corpus starts from the folder `corpus/` beside its
source, where there is one. A finding (crash, leak, timeout, out of memory) leaves its input in
BUILD/findings/ and makes the exit status 1.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def seed_folder(program, build):
    """The committed corpus of a target: corpus/<target>/ or corpus/ beside its source."""
    room = ROOT / program.parent.relative_to(build)
    for folder in (*room.rglob(f"corpus/{program.name}"), *room.rglob("corpus")):
        if folder.is_dir():
            return folder
    return None


def fuzz(program, build, seconds):
    """Runs one target; returns a row of figures."""
    corpus = build / "corpus" / program.name
    findings = build / "findings" / program.name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = seed_folder(program, build)
    command = [program, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096",
               f"-artifact_prefix={findings}/", "-print_final_stats=1", corpus]
    result = subprocess.run([str(c) for c in command + ([seeds] if seeds else [])],
                            capture_output=True, text=True, check=False,
                            env=dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1"))
    log = result.stderr
    (build / f"{program.name}.log").write_text(log, encoding="utf-8")
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", log)
    coverage = re.findall(r"cov: (\d+)", log)
    return {"target": program.name, "seconds": seconds, "runs": int(runs[1]) if runs else 0,
            "coverage": int(coverage[-1]) if coverage else 0,
            "clean": result.returncode == 0, "tail": "" if result.returncode == 0 else log[-3000:]}


def main():
    """Runs all (or the named) targets; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    parser.add_argument("targets", nargs="*", help="names of targets; all if none is given")
    args = parser.parse_args()
    build = args.build.resolve()
    programs = [p for p in sorted(build.rglob("*_fuzz")) if p.is_file() and os.access(p, os.X_OK)
                and (not args.targets or p.name in args.targets)]
    if not programs or args.targets and len(programs) != len(args.targets):
        sys.exit(f"run_fuzzers: targets not found in {build}; build them: make fuzz")
    rows = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for row in pool.map(lambda p: fuzz(p, build, args.seconds), programs):
            rows.append(row)
            print(f"{row['target']:24} {row['seconds']} s  {row['runs']:>12} runs  coverage "
                  f"{row['coverage']:>6}  {'clean' if row['clean'] else 'FINDING'}", flush=True)
            if row["tail"]:
                print(row["tail"])
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0 if all(row["clean"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
