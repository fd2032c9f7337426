"""SmartZone beside other engines (bench/peers): latency on this machine, AArch64 instructions."""

import functools

from bench.peers import compare, count, models, onnx_runtime
from claims.common import NO_DATA, needs_data
from claims.registry import Measurement, at_most, claim, unmeasured

# Millions of AArch64 instructions that were published for ncnn at 224x224; it is in no package
# registry that we use, so that it cannot be measured here. None is known for SqueezeNet 1.0.
NCNN_MILLIONS = {"mobilenet_v1_1.0_224": 335}
COUNTED = ("squeezenet1.0", "mobilenet_v1_1.0_224")
ALSO_COUNTED = ("mobilenet_v2_1.0_224", "mobilenet_v2_1.0_224_qdq", "resnet8_cifar10_qdq",
                "kws_dscnn_qdq")


@functools.cache
def race(name, threads):
    """The row of one model."""
    return compare.compare(name, [threads])[0]


@functools.cache
def counted(name, engine):
    """Instructions of one inference on a Cortex-A53."""
    return count.instructions(name, engine)


def note_of(rows):
    """All models, worst first, and those that could not be compared."""
    good = sorted((row for row in rows if "problem" not in row), key=lambda row: -row["ratio"])
    parts = [f"{row['model']} {row['ratio']:.3f} (of processor time {row['processor_ratio']:.3f}; "
             f"{row['smartzone_ms']:.3g} ms / {row['onnxruntime_ms']:.3g} ms on {row['smartzone_cores']})"
             for row in good]
    refused = [f"{row['model']}: {row['problem']}" for row in rows if "problem" in row]
    if not good:
        return "; ".join(refused)
    others = max(row["others_busy_cores"] for row in good)
    said = f"{len(good)} of {len(rows)} models: " + "; ".join(parts + refused)
    return said + (f". Against ONNX Runtime {onnx_runtime.VERSION}; 'on': cores that SmartZone used, "
                              f"by cost; other programs kept up to {others:.1f} processors busy meanwhile")


def latency(kind, threads):
    """The worst ratio of all models of a kind. A wrong answer is a ratio without bound."""
    try:
        onnx_runtime.library("x64")
    except onnx_runtime.Unavailable as reason:
        return unmeasured(str(reason))
    rows = [race(name, threads) for name in models.names() if models.kind_of(name) == kind]
    if not rows:
        return unmeasured(NO_DATA)
    if any(row.get("problem", "").startswith("wrong answer") for row in rows):
        return Measurement(None, False, note_of(rows))
    ratios = [row["ratio"] for row in rows if "problem" not in row]
    return at_most(max(ratios), 1, note_of(rows)) if ratios else unmeasured(note_of(rows))


WHAT = "median latency over ONNX Runtime's, worst model"


@claim("peers-fp32-1t", f"fp32, one thread: {WHAT}", "ratio", "<= 1", slow=True)
@needs_data
def peers_fp32_one_thread():
    """bench/peers/compare.py shows the same."""
    return latency("fp32", 1)


@claim("peers-fp32-2t", f"fp32, two threads: {WHAT}", "ratio", "<= 1", slow=True)
@needs_data
def peers_fp32_two_threads():
    """Two idle processors are needed."""
    return latency("fp32", 2)


@claim("peers-int8-1t", f"int8 (Q/DQ models), one thread: {WHAT}", "ratio", "<= 1", slow=True)
@needs_data
def peers_int8_one_thread():
    """The peer at its most optimised level whose answers are right."""
    return latency("int8", 1)


@claim("peers-int8-2t", f"int8 (Q/DQ models), two threads: {WHAT}", "ratio", "<= 1", slow=True)
@needs_data
def peers_int8_two_threads():
    """Two idle processors are needed."""
    return latency("int8", 2)


def instruction_ratios(names):
    """[(ratio, text)] of models that compile, and texts of those that do not."""
    ratios, refused = [], []
    for name in names:
        try:
            ours = counted(name, "smartzone")
        except models.NotCompiled as reason:
            refused.append(f"{name} not compiled: {reason}")
            continue
        best, who = counted(name, "onnxruntime"), "ONNX Runtime"
        if NCNN_MILLIONS.get(name, best / 1e6) < best / 1e6:
            best, who = NCNN_MILLIONS[name] * 1e6, "ncnn, published"
        ratios.append((ours / best, f"{name} {ours / best:.3f} ({ours / 1e6:.4g} M / "
                                    f"{best / 1e6:.4g} M, {who})"))
    return ratios, refused


def instructions_note(ratios, refused):
    """The texts as one note."""
    return "; ".join([text for _, text in ratios] + refused) + (
        "; counted by QEMU as a Cortex-A53, one thread, in-process. ncnn's published counts: "
        "MobileNet v1 335 M, none for SqueezeNet 1.0")


@claim("peers-instructions", "AArch64 instructions of an inference over the better of ONNX Runtime and ncnn, "
       "the worse of SqueezeNet 1.0 and MobileNet v1, fp32", "ratio", "<= 0.85", slow=True)
@needs_data
def peers_instructions():
    """The counting refuses figures that do not repeat."""
    ratios, refused = instruction_ratios(COUNTED)
    note = instructions_note(ratios, refused)
    if refused:
        return Measurement(None, False, note)
    return at_most(max(ratio for ratio, _ in ratios), 0.85, note)


@claim("peers-instructions-others", "the same over ONNX Runtime, the worst of MobileNet v2 and the int8 models",
       "ratio", "recorded", slow=True)
@needs_data
def peers_instructions_others():
    """No bound is asked of these."""
    ratios, refused = instruction_ratios(ALSO_COUNTED)
    note = instructions_note(ratios, refused)
    return Measurement(max(ratio for ratio, _ in ratios), None, note) if ratios else unmeasured(note)
