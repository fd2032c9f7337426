"""Claims about the device, the first networks inside it, secure memory and the hostile boundary."""

import functools
import json
import os
import shutil
import statistics
import tempfile
import time

from claims.common import board, needs_data
from claims.registry import Measurement, at_most, claim, exactly
from harness import package_file
from harness.board import BUILD, ROOT, call, data_folder, host_smartzone
from tests.device.common import (DIGITS, OUT, compiled, digits_package, large_model,
                                 mnist_package, relative_difference, squeezenet_package, vectors)
from tests.device.test_hostile import SECURE_MIB
from tests.device.test_memory import analysed

# ---- the two commands --------------------------------------------------------------------------

def demo_seconds(cold):
    """Seconds of `make demo` in a fresh clone, with an empty or with the present cache."""
    folder = tempfile.mkdtemp(prefix="smartzone-claim-")
    try:
        clone = os.path.join(folder, "clone")
        call(["git", "clone", "-q", ROOT, clone])
        environment = dict(os.environ)
        if cold:
            environment["SMARTZONE_CACHE"] = os.path.join(folder, "cache")
        else:
            call(["make", "-C", clone, "demo"], timeout=1800, env=environment)
        begin = time.monotonic()
        said = call(["make", "-C", clone, "demo"], timeout=1800, env=environment).stdout
        seconds = time.monotonic() - begin
        if "10 of 10 agree with the reference" not in said:
            raise RuntimeError("the demo's answers do not agree: " + said[-2000:])
        return seconds
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@claim("demo-cold", "`make demo` in a fresh clone with an empty cache; all answers agree", "s",
       "<= 600", slow=True)
def demo_cold():
    """Downloads, firmware builds, everything; Debian packages of the build are installed already."""
    return at_most(demo_seconds(cold=True), 600, f"{os.cpu_count()} cores")


@claim("demo-warm", "`make demo` again; all answers agree", "s", "<= 60", slow=True)
def demo_warm():
    """The second run in the same clone."""
    return at_most(demo_seconds(cold=False), 60, f"{os.cpu_count()} cores")


# ---- answers -----------------------------------------------------------------------------------

def accuracy_counts(package, *arguments):
    """(top-1, top-5, samples) of a labelled set, in the secure world."""
    said = board("stock").smartzone_json("accuracy", f"/root/{package.name}", *arguments,
                                         "--backend", "tee", timeout=3000)
    if not said["secure"]:
        raise RuntimeError("not run in the secure world")
    return said["top1_count"], said["top5_count"], said["samples"]


def reference_accuracy():
    """What the reference engines reach on the labelled sets."""
    path = data_folder() / "labelled" / "reference_accuracy.json"
    return json.loads(path.read_text(encoding="utf-8"))


@claim("squeezenet-accuracy", "SqueezeNet 1.0 in the secure world on 100 labelled photos, top-1/top-5",
       "of 100", "= reference engine's count", slow=True)
@needs_data
def squeezenet_accuracy():
    """Counts, against ONNX Runtime's."""
    package, _ = squeezenet_package()
    photos = data_folder() / "labelled" / "restricted" / "imagenet_100"
    one = board("stock")
    one.push(package, "/root/")
    one.push(photos, "/root/")
    top1, top5, samples = accuracy_counts(package, "--images", "/root/imagenet_100", "--labels",
                                          "/root/imagenet_100/labels.tsv")
    wanted = reference_accuracy()["imagenet (100) top1,top5"]["squeezenet1.0"]
    reference = "/".join(str(round(samples * share)) for share in wanted)
    return exactly(f"{top1}/{top5}", reference, f"reference {reference}, {samples} photos")


@claim("mnist-accuracy", "MNIST network in the secure world on 5000 labelled digits, top-1/top-5",
       "of 5000", "= reference engine's count")
@needs_data
def mnist_accuracy():
    """The data folder has the reference's top-1 only."""
    package, _ = mnist_package()
    labelled = data_folder() / "labelled" / "mnist"
    board("stock").push(package, labelled / "images-idx3-ubyte", labelled / "labels-idx1-ubyte",
                        "/root/")
    top1, top5, samples = accuracy_counts(package, "--idx", "/root/images-idx3-ubyte",
                                          "--idx-labels", "/root/labels-idx1-ubyte")
    wanted = round(samples * reference_accuracy()["mnist (5000)"]["mnist_cnn (ONNX)"])
    return Measurement(f"{top1}/{top5}", top1 == wanted,
                       f"reference top-1 {wanted}; the reference gives no top-5")


def three_ways(package, file):
    """The first output in the secure world, the normal world, and on this machine."""
    one = board("stock")
    one.push(package, file, "/root/")
    results = []
    for backend in ("tee", "host"):
        said = one.smartzone_json("run", f"/root/{package.name}", f"/root/{file.name}", "--values",
                                  "--backend", backend)
        results.append(said["results"][0]["outputs"][0]["values"])
    said = json.loads(host_smartzone("run", package, file, "--backend", "host", "--values",
                                     "--json").stdout)
    return *results, said["results"][0]["outputs"][0]["values"]


@functools.cache
def agreement(name):
    """(largest difference to the reference, all bits equal) over a model's vectors, three ways."""
    package, folder = squeezenet_package() if name == "squeezenet1.0" else mnist_package()
    worst, same = 0.0, True
    for what, raw, reference in vectors(folder):
        file = OUT / f"claim-{name}-{what}.f32"
        file.write_bytes(raw)
        secure, normal, host = three_ways(package, file)
        same = same and secure == normal == host
        worst = max(worst, *(relative_difference(v, reference) for v in (secure, normal, host)))
    return worst, same


NORM = "largest |y - reference| over largest |reference|; three vectors each"


@claim("squeezenet-agreement", "SqueezeNet 1.0, secure world, normal world and host, to the reference",
       "relative", "<= 1e-4")
@needs_data
def squeezenet_agreement():
    """The worst of all vectors and places."""
    return at_most(agreement("squeezenet1.0")[0], 1e-4, NORM)


@claim("mnist-agreement", "MNIST network, secure world, normal world and host, to the reference",
       "relative", "<= 1e-4")
@needs_data
def mnist_agreement():
    """The worst of all vectors and places."""
    return at_most(agreement("mnist_cnn")[0], 1e-4, NORM)


@claim("world-bits", "outputs in the secure world, the normal world and on the x86 host are the same bits",
       "", "identical")
@needs_data
def world_bits():
    """Over the vectors of both networks."""
    same = agreement("squeezenet1.0")[1] and agreement("mnist_cnn")[1]
    return exactly("identical" if same else "different", "identical", "SqueezeNet 1.0 and MNIST")


# ---- time --------------------------------------------------------------------------------------

@claim("world-latency", "SqueezeNet 1.0: secure-world over normal-world latency, one core, same device",
       "ratio", "<= 1.05", slow=True)
@needs_data
def world_latency():
    """Median of 11 runs each, in turn, from `smartzone bench`."""
    package, _ = squeezenet_package()
    one = board("stock")
    one.push(package, "/root/")
    said = one.smartzone_json("bench", f"/root/{package.name}", "--backends", "tee,host", "--runs",
                              "11", "--warmup", "1", timeout=3000)
    medians = " / ".join(f"{row['median_ms']:.0f} ms" for row in said["backends"])
    return at_most(said["ratio"]["ratio_of_medians"], 1.05,
                   f"medians {medians}, 11 runs in turn; median of pairs "
                   f"{said['ratio']['median_of_ratios']:.3f}")


# ---- memory ------------------------------------------------------------------------------------

@claim("squeezenet-arena", "SqueezeNet 1.0: activation arena over the largest set of live tensors",
       "ratio", "<= 1.05")
@needs_data
def squeezenet_arena():
    """From the package's own report; both figures are printed by `smartzone compile` and `analyze`."""
    memory = package_file.info(squeezenet_package()[0])["memory"]
    live = memory["lower_bound"]["live"]
    return at_most(memory["arena"] / live, 1.05, f"arena {memory['arena']:,}, bound {live:,} bytes")


def memory_cycle(package, times, cores=1):
    """OP-TEE's statistics around load and unload."""
    one = board("smartzone")
    one.push(package, BUILD / "arm64" / "tests" / "memory_cycle", "/root/")
    return json.loads(one.run("/root/memory_cycle", f"/root/{package.name}", str(times), "tee",
                              str(cores), timeout=1800).stdout)


@claim("secure-memory-exact", "secure memory taken by a load: measured minus analysed, in pages",
       "pages", "<= 4 (one per region)")
def secure_memory_exact():
    """The digits network, and SqueezeNet for one and two cores where there is data."""
    cases = [(digits_package(), 1)]
    if data_folder():
        cases += [(squeezenet_package()[0], 1), (squeezenet_package()[0], 2)]
    worst, notes = 0, []
    for package, cores in cases:
        report = analysed(package, cores)
        said = memory_cycle(package, 1, cores)
        measured = said["loaded"] - said["opened"]
        worst = max(worst, abs(measured - report["model"]) // 4096)
        notes.append(f"{package.stem} on {cores}: measured {measured:,}, analysed {report['model']:,} "
                     "bytes")
    return at_most(worst, 4, "; ".join(notes))


@claim("secure-memory-returned", "secure memory not given back after 100 loads and unloads", "bytes",
       "= 0")
def secure_memory_returned():
    """OP-TEE's statistics after every unload, and after the session."""
    said = memory_cycle(digits_package(), 100)
    return exactly(max(said["unloaded_drift"], abs(said["after"] - said["before"])), 0,
                   f"{said['cycles']} cycles")


@claim("refusal", "a model larger than the secure memory is refused before loading; the error names",
       "", "need, supply, setting")
def refusal():
    """64 MiB of weights for 15 MiB of secure RAM."""
    package = compiled("large", large_model())
    one = board("smartzone")
    one.push(package, "/root/")
    result = one.smartzone("bench", "/root/large.szp", "--backends", "tee", check=False)
    text = result.stderr
    named = result.returncode != 0 and "MiB" in text and "CFG_TZDRAM_SIZE" in text
    return exactly("need, supply, setting" if named else "not all", "need, supply, setting",
                   text.strip()[:300])


# ---- what the normal world can see -------------------------------------------------------------

@claim("secure-ram-read", "reading the secure RAM from Linux", "", "fails")
def secure_ram_read():
    """devmem as root, at the start of OP-TEE's memory."""
    result = board("stock").run("devmem", "0x0e100000", check=False)
    return exactly("fails" if result.returncode else "succeeds", "fails",
                   (result.stderr or result.stdout).strip()[-120:])


@claim("weights-in-normal-ram", "64-byte windows of SqueezeNet's plaintext weights in all normal-world RAM"
       " after a run", "places", "0 once packages are encrypted")
def weights_in_normal_ram():
    """The digits network is used where there is no data. Not zero yet: packages are plain files."""
    package = squeezenet_package()[0] if data_folder() else digits_package()
    one = board("stock")
    one.push(package, "/root/")
    one.smartzone("bench", f"/root/{package.name}", "--backends", "tee", "--runs", "1", "--warmup", "0")
    dump, secret = OUT / "claims-ram.bin", OUT / "claims-weights.bin"
    one.dump_memory(dump)
    secret.write_bytes(package_file.weights(package))
    said = json.loads(call([BUILD / "host" / "tools" / "leakscan", dump, secret, "--json"],
                           check=False, timeout=1800).stdout)
    dump.unlink()
    share = said["secret_bytes_seen"] / secret.stat().st_size
    return exactly(said["hits"], 0, f"{100 * share:.0f} % of the weights' bytes are seen: the package "
                   "file and the transfer buffers are plain text at this stage")


# ---- the hostile boundary ----------------------------------------------------------------------

@claim("hostile-device", "hostile plans and calls on the device answered as on the host, TA lives on",
       "cases", "all the same")
def hostile_device():
    """Every 7th truncation and bit flip, all damages; the host's tests take every one."""
    one = board("stock")
    one.push(BUILD / "arm64" / "tests" / "hostile_replay", "/root/")
    device = one.run("/root/hostile_replay", "--backend", "tee", "--stride", "7", timeout=1800).stdout
    host = call([BUILD / "host" / "tests" / "hostile_replay", "--backend", "host", "--stride",
                 "7"], env=dict(os.environ, SMARTZONE_SHIM_SECURE_MIB=SECURE_MIB)).stdout
    lines = device.splitlines()
    return Measurement(len(lines) - 1, device == host and "FAIL" not in device, lines[-1])


FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "600"))


def fuzz(target):
    """Runs one fuzz target; clean or not."""
    call(["make", "-C", ROOT, "fuzz-build"], timeout=1800)
    figures = OUT / f"fuzz-{target}.json"
    result = call(["tools/run_fuzzers.py", "--build", BUILD / "fuzz", "--seconds", FUZZ_SECONDS,
                   "--json", figures, target], check=False, timeout=FUZZ_SECONDS + 600, cwd=ROOT)
    row = json.loads(figures.read_text(encoding="utf-8"))[0]
    return exactly(0 if result.returncode == 0 and row["clean"] else 1, 0,
                   f"{row['runs']:,} runs in {row['seconds']} s, coverage {row['coverage']}; ASan, UBSan")


for _target, _what in (("onnx_fuzz", "ONNX importer and compiler"), ("plan_fuzz", "plan reader and checker"),
                       ("ta_fuzz", "TA entry points")):
    claim(f"fuzz-{_target.removesuffix('_fuzz')}", f"fuzzing: {_what}", "findings", "= 0", slow=True)(
        functools.partial(fuzz, _target))


# ---- the kernels -------------------------------------------------------------------------------

@claim("squeezenet-host-latency", "SqueezeNet 1.0 on this machine, one thread, median", "ms", "recorded")
@needs_data
def squeezenet_host_latency():
    """A figure of this machine, for comparison from commit to commit; not a claim about others."""
    said = json.loads(host_smartzone("bench", squeezenet_package()[0], "--backends", "host", "--runs",
                                     "31", "--json").stdout)
    return Measurement(statistics.median(said["backends"][0]["times_ms"]), None,
                       "own engine on the host, no peer in this run")
