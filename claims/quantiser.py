"""Accuracy on labelled data: fp32 against the reference engines, int8 after our own quantiser against
fp32. All on this machine's host back end, whose bits are the device's."""

import functools
import json

from claims.common import needs_data
from claims.registry import Measurement, claim
from harness.board import data_folder, host_smartzone
from tests.device.common import OUT

MOBILENET = {"version": 1, "color": "RGB", "resize": {"shorter_side": 256},
             "crop": {"height": 224, "width": 224}, "mean": [128] * 3, "scale": [1 / 128] * 3}
SQUEEZENET = {"version": 1, "color": "BGR", "resize": {"shorter_side": 256},
              "crop": {"height": 227, "width": 227}, "mean": [104, 117, 123], "scale": [1, 1, 1]}
PICTURES = {"squeezenet1.0": (SQUEEZENET, 0), "mobilenet_v1_1.0_224": (MOBILENET, 1),
            "mobilenet_v2_1.0_224": (MOBILENET, 1)}
# What the reference engines reach on these samples, top-1 (reference_accuracy.json).
REFERENCE = {"mnist_cnn": 0.983, "kws_dscnn": 0.898, "resnet8_cifar10": 0.85, "resnet20_cifar10": 0.89,
             "squeezenet1.0": 0.71, "mobilenet_v1_1.0_224": 0.89, "mobilenet_v2_1.0_224": 0.92}


def idx(path):
    """The array of an idx file of bytes."""
    import numpy  # pylint: disable=import-outside-toplevel
    content = path.read_bytes()
    rank = content[3]
    dims = numpy.frombuffer(content, ">u4", rank, 4).astype(int)
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * rank).reshape(dims)


def samples(name):
    """(inputs of the network, classes) of a labelled set of tensors."""
    import numpy  # pylint: disable=import-outside-toplevel
    folder = data_folder() / "labelled"
    if name == "mnist_cnn":
        return (idx(folder / "mnist" / "images-idx3-ubyte")[:, None],
                idx(folder / "mnist" / "labels-idx1-ubyte"))
    if name == "kws_dscnn":
        place = folder / "restricted" / "kws_speech_commands_mfcc_int8"
        raw = numpy.fromfile(place / "samples.bin", numpy.int8).reshape(-1, 1, 49, 10)
        return (raw.astype(numpy.float64) - 83) * 0.5847029089927673, numpy.loadtxt(place / "labels.txt")
    place = folder / "restricted" / "cifar10_u8_hwc"
    raw = numpy.fromfile(place / "samples.bin", numpy.uint8).reshape(-1, 32, 32, 3)
    values = raw.transpose(0, 3, 1, 2).astype(numpy.float64)
    if name == "resnet20_cifar10":
        mean, spread = (numpy.array(v)[None, :, None, None]
                        for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        values = (values / 255 - mean) / spread
    return values, numpy.loadtxt(place / "labels.txt")


def labelled(name):
    """The arguments of `smartzone compile` that name the calibration samples and the labelled set. They
    are the same samples, whose labels the calibration does not see."""
    import numpy  # pylint: disable=import-outside-toplevel
    OUT.mkdir(parents=True, exist_ok=True)
    if name in PICTURES:
        preprocess, offset = PICTURES[name]
        described = OUT / f"quantise-{name}.json"
        described.write_text(json.dumps(preprocess), encoding="utf-8")
        photos = data_folder() / "labelled" / "restricted" / "imagenet_100"
        return ["--preprocess", described, "--calibrate", photos, "--eval-images", photos,
                "--eval-labels", photos / "labels.tsv", "--label-offset", offset]
    inputs, classes = samples(name)
    paths = [OUT / f"quantise-{name}{what}.npy" for what in ("", "-labels")]
    numpy.save(paths[0], numpy.ascontiguousarray(inputs, numpy.float32))
    numpy.save(paths[1], numpy.asarray(classes, numpy.int64))
    return ["--calibrate", paths[0], "--eval-npy", paths[0], "--eval-npy-labels", paths[1]]


@functools.cache
def accuracy(name):
    """What the quantiser reports: {"f32": {...}, "int8": {...}}."""
    model = data_folder() / "models" / "onnx" / name / "model.onnx"
    said = host_smartzone("--json", "compile", model, "-o", OUT / f"{name}-int8.szp", "--quantize",
                          "int8", *labelled(name), timeout=3000).stdout
    return json.loads(said)["quantization"]["accuracy"]


@claim("fp32-accuracy", "top-1 on the labelled sets, reference engine minus ours in fp32, the worst of "
       "seven models", "points", "<= 0.1")
@needs_data
def fp32_accuracy():
    """Counts of right answers; the reference's are rounded to three digits."""
    notes, worst = [], -100.0
    for name, wanted in REFERENCE.items():
        got = accuracy(name)["f32"]["top1"]
        worst = max(worst, 100 * (wanted - got))
        notes.append(f"{name} {got:.3f} ({wanted})")
    return Measurement(round(worst, 3), worst <= 0.1, "; ".join(notes))


@claim("int8-accuracy", "top-1 on the labelled sets, fp32 minus int8 of our own quantiser, the worst of "
       "seven models", "points", "<= 1.0")
@needs_data
def int8_accuracy():
    """Calibrated on up to 200 samples of the same sets."""
    notes, worst = [], -100.0
    for name in REFERENCE:
        said = accuracy(name)
        lost = 100 * (said["f32"]["top1"] - said["int8"]["top1"])
        worst = max(worst, lost)
        notes.append(f"{name} {said['f32']['top1']:.3f} -> {said['int8']['top1']:.3f}")
    return Measurement(round(worst, 3), worst <= 1.0 + 1e-9, "; ".join(notes))
