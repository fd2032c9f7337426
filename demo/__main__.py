"""The demo: boots the emulated device, runs a network and lets a language model write in its secure
world, and shows what each side saw.

    python3 -m demo [--flavour stock] [--model M.onnx --input FILE ... [--preprocess P] [--labels L]]

Without --model it is the digits network of models/. Exit status 0 if the secure world's answers
agree with the reference for every sample and are the same bits as the normal world's, and (without
--model) if both worlds write the story that models/tales has stored.
"""

import argparse
import os
import subprocess
import sys
import time

from demo import sample_set, tale
from harness import package_file
from harness.board import BUILD, Board, CommandFailed, call, host_smartzone, ta_file

TOLERANCE = 1e-4  # largest difference over largest reference value
GUEST_MODEL = "/root/model.szp"


def arguments():
    """The command line; empty words (from make) count as not given."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flavour", default="stock")
    parser.add_argument("--profile", default="firewalled")
    parser.add_argument("--model", default="")
    parser.add_argument("--input", default="", help="input files, separated by blanks")
    parser.add_argument("--preprocess", default="")
    parser.add_argument("--labels", default="")
    args = parser.parse_args()
    if args.model and not args.input:
        parser.error("MODEL needs INPUT: a picture (.jpg, .png, with PREPROCESS), .npy or raw file")
    if args.input and not args.model:
        parser.error("INPUT needs MODEL: the ONNX file to run on it")
    return args


def heading(text):
    """A line that parts the demo's steps."""
    print(f"\n== {text}", flush=True)


def largest_difference(values, reference):
    """Largest |value - reference| over the largest |reference|."""
    scale = max(abs(r) for r in reference) or 1.0
    return max(abs(v - r) for v, r in zip(values, reference)) / scale


def best(values):
    """Index of the largest value."""
    return max(range(len(values)), key=values.__getitem__)


def label_of(index, labels):
    """The name of a class, or its number."""
    return labels[index] if index < len(labels) else str(index)


def show_answers(samples, secure, normal):
    """The table of answers; returns how many samples agree in class, values and bits."""
    labels = samples.labels.read_text(encoding="utf-8").splitlines() if samples.labels else []
    print(f"{'sample':24} {'secure world':>20} {'reference':>20} {'difference':>11}")
    agreed = 0
    for path, reference, mine, other in zip(samples.samples, samples.reference, secure, normal):
        values = mine["outputs"][0]["values"]
        difference = largest_difference(values, reference)
        same = (best(values) == best(reference) and difference <= TOLERANCE
                and values == other["outputs"][0]["values"])
        agreed += same
        cells = [f"{label_of(best(v), labels)[:12]} {v[best(v)]:.4f}" for v in (values, reference)]
        print(f"{path.name[:24]:24} {cells[0]:>20} {cells[1]:>20} {difference:11.1e}"
              f"{'' if same else '  DISAGREES'}")
    print(f"{agreed} of {len(secure)} agree with the reference ({samples.engine}): same class, values "
          f"within {TOLERANCE:g};\nthe normal world's values are the same bits")
    return agreed


def show_memory(secure, report):
    """What the model took of the secure memory, as the TA counts it, beside the analysis."""
    memory = secure["secure_memory"]
    for region in ("control", "weights", "arena", "scratch"):
        print(f"  {region:10} {memory[region]:>12,} bytes")
    print(f"  {'in all':10} {memory['peak']:>12,} bytes at the peak, taken when the model was loaded")
    pool = report.get("secure_pool")
    if isinstance(pool, dict):
        print(f"  given back: OP-TEE's pool holds {pool['allocated']:,} of {pool['size']:,} bytes now")
    else:
        print("  (this OP-TEE keeps no statistics of its pool; flavour smartzone does)")


def show_leaks(board, package):
    """What of the model the normal world's whole RAM holds after the run; and a read of secure RAM."""
    dump = sample_set.OUT / "normal-world-ram.bin"
    weights = sample_set.OUT / "weights.bin"
    board.dump_memory(dump)
    weights.write_bytes(package_file.weights(package))
    result = call([BUILD / "host" / "tools" / "leakscan", dump, weights], check=False)
    size = os.path.getsize(dump)
    dump.unlink()
    print(f"searched all {size >> 20} MiB of normal-world RAM for the model's weights:")
    print("  " + result.stdout.strip().replace("\n", "\n  "))
    if result.returncode == 1:
        print("  expected at this stage: packages are not encrypted yet, so the file and the buffers on\n"
              "  its way to the TA are plain text (docs/threat-model.md). Activations, and the copy of the\n"
              "  weights that the TA computes with, lie in secure memory:")
    read = board.run("devmem", "0x0e100000", check=False)
    print(f"reading secure RAM from Linux (devmem 0x0e100000): "
          f"{'refused' if read.returncode else 'READ ' + read.stdout.strip()} "
          f"{read.stderr.strip().splitlines()[-1] if read.stderr.strip() else ''}")
    return read.returncode != 0


def run(args):
    """The demo from start to end; returns the exit status."""
    heading("compiling the model on this machine")
    samples = (sample_set.users_own(args.model, args.input.split(), args.preprocess, args.labels)
               if args.model else sample_set.digits())
    package = sample_set.compile_model(samples)
    tales = None if args.model else tale.compile_model()

    heading("analysis: the secure memory that it will take, before anything runs")
    print(host_smartzone("analyze", package, "--ta", ta_file(args.flavour), "--trusted-os",
                         args.flavour).stdout.rstrip())

    heading("booting a device: TF-A, OP-TEE and Linux, in QEMU")
    begin = time.monotonic()
    with Board("demo", flavour=args.flavour, profile=args.profile, memory=512) as board:
        print(f"up, with SmartZone on it, after {time.monotonic() - begin:.1f} s")
        board.run("mkdir", "-p", "/root/samples")
        board.push(package, GUEST_MODEL)
        board.push(*samples.samples, "/root/samples/")
        print(board.smartzone("device-info").stdout.rstrip())

        heading("running the network in the secure world")
        files = [f"/root/samples/{path.name}" for path in samples.samples]
        secure = board.smartzone_json("run", GUEST_MODEL, *files, "--backend", "tee", "--values")
        normal = board.smartzone_json("run", GUEST_MODEL, *files, "--backend", "host", "--values")
        agreed = show_answers(samples, secure["results"], normal["results"])

        heading("time: secure world against normal world (same engine, one core, run by run in turn)")
        print(board.smartzone("bench", GUEST_MODEL, "--backends", "tee,host", "--runs",
                              "7").stdout.rstrip())

        heading("secure memory")
        show_memory(secure, board.smartzone_json("device-info", "--backend", "tee"))

        written = True
        if tales:
            heading("a language model writes in the secure world")
            written = tale.run(board, tales)

        heading("what the normal world could see")
        firewalled = show_leaks(board, package)
    done = agreed == len(samples.samples) and written and (firewalled or args.profile == "carveout")
    print(f"\n{'The demo is done.' if done else 'The demo FAILED: see above.'}")
    return 0 if done else 1


def main():
    """Runs the demo; errors of commands are printed whole."""
    try:
        return run(arguments())
    except (CommandFailed, OSError, subprocess.TimeoutExpired) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
