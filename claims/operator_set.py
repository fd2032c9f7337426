"""The trusted operator set: conformance, every model in the secure world, memory, size, cores."""

import functools
import re
import tempfile

from claims.common import board, needs_data
from claims.registry import Measurement, at_least, at_most, claim, exactly
from harness import package_file
from harness.board import BUILD, host_smartzone
from tests.conformance import suite
from tests.device.common import OUT
from tests.device.test_model_set import run_in_ta
from tests.models.model_set import models, prepare

LEAST_CONFORMANT = 650
TA_TEXT_BOUND = 512 << 10
# The normal world holds the largest package three times: as it comes, unpacked, and as it is read.
LARGE = {"profile": "carveout", "secure_memory": 512, "cores": 2, "memory": 2048}
SHARED = ("squeezenet1.0", "mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224", "resnet20_cifar10",
          "darknet_yolo-fastest-1.1")


@claim("conformance", "ONNX backend tests that pass on the host; none gives another result", "of 826",
       ">= 650")
@needs_data
def conformance():
    """The device's test holds the TA to the same lines."""
    entries = suite.results()
    bad = [e["test"] for e in entries if e["state"] not in ("pass", "refused")]
    passed = suite.count(entries, "pass")
    note = f"{suite.count(entries, 'refused')} refused with a reason, wrong: {', '.join(bad) or 'none'}"
    return Measurement(passed, passed >= LEAST_CONFORMANT and not bad, note)


def agreement(model, one):
    """(verdict, the rest of the line) of a model on a device."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(model, folder)
        return suite.verdicts(run_in_ta(one, folder))[model.name]


@claim("models-secure", "models of the data folder that agree with their reference in the secure world",
       "models", "all", slow=True)
@needs_data
def models_secure():
    """fp32 within the tolerance of data.json, TFLite int8 equal, Q/DQ and legacy uint8 as stated there.
    On one device with the memory that the largest (AlexNet, 233 MiB of weights) needs."""
    one = board("smartzone", **LARGE)
    said = {model.name: agreement(model, one) for model in models()}
    right = sum(verdict == "right" for verdict, _ in said.values())
    notes = [f"{name} {rest if verdict == 'right' else verdict + ': ' + rest}"
             for name, (verdict, rest) in said.items()]
    return exactly(right, len(said), f"of {len(said)}; largest error over the largest value: "
                   + "; ".join(notes))


@functools.cache
def memory_of(name):
    """What a package says of its memory; and without bands."""
    model = next(m for m in models() if m.name == name)
    OUT.mkdir(parents=True, exist_ok=True)
    told = []
    for kind in ((), ("--no-bands",)):
        package = OUT / f"set-{name}{''.join(kind)}.szp"
        host_smartzone("compile", model.file(), "-o", package, *kind)
        told.append(package_file.info(package)["memory"])
    return told


@claim("arena-all", "activation arena over the largest set of live tensors, worst of all models, before "
       "bands of rows", "ratio", "<= 1.05")
@needs_data
def arena_all():
    """With bands it is lower: the note has both."""
    worst, notes = 0.0, []
    for model in models():
        banded, whole = memory_of(model.name)
        live = whole["lower_bound"]["live"]
        worst = max(worst, whole["arena"] / live)
        notes.append(f"{model.name} {whole['arena'] / live:.3f}, with bands {banded['arena'] / live:.3f}")
    return at_most(worst, 1.05, "; ".join(notes))


@claim("ta-text", "text and rodata of the trusted application with all operators", "bytes", "<= 524288")
def ta_text():
    """As `size` counts them in the linked TA, which its build reports; the larger of both flavours."""
    sizes = {}
    for flavour in ("stock", "smartzone"):
        said = (BUILD / "ta" / flavour / "size.txt").read_text(encoding="utf-8")
        sizes[flavour] = sum(int(n) for n in re.findall(r"(?:text|rodata) (\d+)", said))
    return at_most(max(sizes.values()), TA_TEXT_BOUND,
                   ", ".join(f"{name} {size:,}" for name, size in sizes.items()))


@claim("set-cores", "models of the set on the device, one core over two, the worst", "ratio", ">= 1.8",
       slow=True)
@needs_data
def set_cores():
    """Bits are the same; secure over normal world on two cores is in the note."""
    one = board("smartzone", **LARGE)
    worst, notes = float("inf"), []
    for model in models():
        if model.name not in SHARED:
            continue
        package = OUT / f"set-{model.name}.szp"
        memory_of(model.name)
        one.push(package, "/root/")
        said = one.smartzone_json("bench", f"/root/{package.name}", "--backends", "tee,host", "--cores",
                                  "1,2", "--runs", "5", "--warmup", "1", timeout=3000)
        if not said["identical"]:
            return Measurement(None, False, f"{model.name}: outputs differ")
        gain = {row["backend"]: row["speedup"] for row in said["speedups"]}["tee"]
        worlds = {row["cores"]: row["ratio_of_medians"] for row in said["ratios"]}
        worst = min(worst, gain)
        notes.append(f"{model.name} {gain:.3f}, secure / normal world {worlds['1']:.3f} on one core, "
                     f"{worlds['2']:.3f} on two")
    return at_least(worst, 1.8, "; ".join(notes))

