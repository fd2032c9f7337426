"""The papers' headline: SmartZone against original trusted inference, rebuilt plainly in
bench/original, on every model that runs today."""

import functools
import json

from bench.instructions import count_instructions
from claims.common import board
from claims.registry import Measurement, at_least, claim, unmeasured
from harness.board import BUILD, GUEST_TA_DIR, call, data_folder, host_smartzone
from tests.device.common import OUT, digits_package, original_ta

HOST_BENCH = BUILD / "host" / "bench" / "original" / "original_bench"
DEVICE_BENCH = BUILD / "arm64" / "bench" / "original" / "original_bench"
DEVICE_FLAVOUR, DEVICE_PROFILE = "smartzone", "firewalled-large"  # the baseline's heap is large
MIB = 1 << 20
RACE_SECONDS = 2  # of each model on the host; but at least and at most so many runs of each engine:
LEAST_RUNS, MOST_RUNS = 11, 1001
# How original_bench says that the plain baseline lacks what a model needs.
NOT_IN_BASELINE = ("is not part of the baseline", "the baseline computes with f32",
                   "it does not have", "no concatenation of whole tensors")


def model_files(data):
    """(name, file) of the f32 models of the data folder: ONNX, and Darknet's LeNet of the papers."""
    for model in sorted((data / "models" / "onnx").glob("*/model.onnx")):
        yield model.parent.name, model
    for model in sorted((data / "models" / "darknet").glob("*/*lenet.cfg")):
        yield model.stem, model


@functools.cache
def models():
    """({name: package}, names of those that the plain baseline does not have the operators for).
    Digits are always there. Bands of rows are SmartZone's own: both run the layers as a whole."""
    packages, left_out = {"digits": digits_package()}, []
    data = data_folder()
    OUT.mkdir(parents=True, exist_ok=True)
    for name, model in model_files(data) if data else []:
        package = OUT / f"original-{name}.szp"
        host_smartzone("compile", model, "-o", package, "--no-bands")
        tried = call([HOST_BENCH, package, "--runs", "1", "--json"], check=False)
        if tried.returncode == 0:
            packages[name] = package
        elif any(words in tried.stderr for words in NOT_IN_BASELINE):
            left_out.append(name)
        else:
            raise RuntimeError(f"{name}: {tried.stderr.strip()[-500:]}")
    return packages, left_out


def note_of(parts):
    """The list of all models, and what was left out."""
    refused = models()[1]
    left_out = f"; not in the plain baseline: {', '.join(refused)}" if refused else ""
    return f"worst of {len(parts)} models: " + "; ".join(parts) + left_out


def result_of(text):
    """JSON of original_bench, whose two engines agreed."""
    said = json.loads(text)
    if not said["agree"]:
        raise RuntimeError(f"{said['package']}: the engines differ by {said['worst_difference']}")
    return said


@functools.cache
def host_race(name, cores=1):
    """Both engines in turn on this machine."""
    def race(runs):
        return result_of(call([HOST_BENCH, models()[0][name], "--runs", runs, "--cores", cores,
                               "--json"], timeout=1800).stdout)
    pair = sum(race(3)[engine]["median_ms"] for engine in ("original", "smartzone"))
    return race(max(LEAST_RUNS, min(MOST_RUNS, round(1000 * RACE_SECONDS / pair))))


@functools.cache
def device_race(name, cores=1):
    """Both engines in turn in the secure world of the emulated device."""
    one = board(DEVICE_FLAVOUR, profile=DEVICE_PROFILE)
    package = models()[0][name]
    one.push(original_ta(DEVICE_FLAVOUR), GUEST_TA_DIR + "/")
    one.push(DEVICE_BENCH, package, "/root/")
    said = result_of(one.run("/root/original_bench", f"/root/{package.name}", "--backend", "tee",
                             "--runs", "3", "--cores", str(cores), "--json",
                             timeout=3000).stdout)
    if not said["secure"]:
        raise RuntimeError("not run in the secure world")
    return said


def host_time(cores, bound):
    """The worst ratio of median host times, original over SmartZone with so many cores offered."""
    ratios, parts, used = [], [], []
    for name in models()[0]:
        said = host_race(name, cores)
        used.append(said["smartzone_cores"]["used"])
        ratios.append(said["ratio"]["of_medians"])
        parts.append(f"{name} {ratios[-1]:.1f} ({said['original']['median_ms']:.3g} ms / "
                     f"{said['smartzone']['median_ms']:.3g} ms on {used[-1]})")
    if max(used) < cores:
        return unmeasured(f"no model was run on {cores} cores: {said['smartzone_cores']['advice']}")
    return at_least(min(ratios), bound, note_of(parts) + "; medians of at least 11 runs in turn; 'on': cores "
                    "that SmartZone used, which it decides by cost")


@claim("original-host-one-core", "native host time, original / SmartZone, one core", "ratio", ">= 5")
def original_host_one_core():
    """The original has one core too."""
    return host_time(1, 5)


@claim("original-host-two-cores", "native host time, original on one core / SmartZone on two", "ratio",
       ">= 9")
def original_host_two_cores():
    """What the papers call proactive multi-threading is in this one."""
    return host_time(2, 9)


@claim("original-instructions", "AArch64 instructions of an inference, original / SmartZone", "ratio",
       ">= 4", slow=True)
def original_instructions():
    """Counted by QEMU; the counting refuses figures that do not repeat within 1e-3."""
    ratios, parts = [], []
    for name, package in models()[0].items():
        said = count_instructions.both(package)
        ratios.append(said["ratio"])
        parts.append(f"{name} {said['ratio']:.1f} ({said['original'] / 1e6:.4g} M / "
                     f"{said['smartzone'] / 1e6:.4g} M)")
    return at_least(min(ratios), 4, note_of(parts) + "; in-process, normal world's code, one core")


def recorded(race, ratio, shown, more=""):
    """The worst ratio over all models; a figure without a bound. shown: text of one race."""
    ratios, parts = [], []
    for name in models()[0]:
        said = race(name)
        if ratio not in said["ratio"]:
            raise RuntimeError(f"{name}: no ratio of {ratio}; the machine's clock is too coarse")
        ratios.append(said["ratio"][ratio])
        parts.append(f"{name} {ratios[-1]:.2f} ({shown(said)})")
    return Measurement(min(ratios), None, note_of(parts) + more)


def device_time(cores):
    """The worst ratio of median times on the device. Squeezed: the emulator computes vector
    instructions lane by lane."""
    return recorded(functools.partial(device_race, cores=cores), "of_medians", lambda said: (
        f"{said['original']['median_ms']:.4g} ms / {said['smartzone']['median_ms']:.4g} ms on "
        f"{said['smartzone_cores']['used']}"),
                    "; medians of 3 runs in turn; 'on': cores that SmartZone used; the emulator "
                    "computes vectors lane by lane: see bench/original/README.md")


@claim("original-device-time", "wall time in the emulated device's secure world, original / SmartZone, "
       "one core", "ratio", "recorded", slow=True)
def original_device_time():
    """One core each."""
    return device_time(1)


@claim("original-device-time-two-cores", "wall time in the emulated device's secure world, original on "
       "one core / SmartZone on two", "ratio", "recorded", slow=True)
def original_device_time_two_cores():
    """The second core is lent by the normal world."""
    return device_time(2)


def core_seconds(said):
    """Text of a race's core-seconds."""
    return (f"{said['original']['core_seconds']:.3g} s / "
            f"{said['smartzone']['core_seconds']:.3g} s")


@claim("original-core-seconds", "core-seconds of an inference, a stand-in for energy, on this machine, "
       "original / SmartZone, one core", "ratio", "recorded")
def original_core_seconds():
    """Processor time of all threads; no machine here measures energy."""
    return recorded(host_race, "core_seconds", core_seconds)


@claim("original-device-core-seconds", "core-seconds of an inference, a stand-in for energy, on the "
       "emulated device, original / SmartZone", "ratio", "recorded", slow=True)
def original_device_core_seconds():
    """As the device's Linux counts them, time in the secure world included."""
    return recorded(device_race, "core_seconds", core_seconds)


@claim("original-secure-memory", "peak secure memory, original / SmartZone", "ratio", "recorded")
def original_secure_memory():
    """What the two TAs take; the original's fixed heap must be larger than this."""
    return recorded(host_race, "peak_secure_memory", lambda said: (
        f"{said['original']['peak_secure_memory'] / MIB:.2f} MiB / "
        f"{said['smartzone']['peak_secure_memory'] / MIB:.2f} MiB"))
