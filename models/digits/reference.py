#!/usr/bin/python3
"""Writes reference.json: what an independent engine computes from digits.onnx.

    /usr/bin/python3 reference.py

The engine is OpenCV's dnn. It reads only the exported files (model, PNG, npy), so a
mistake in the export shows as a difference from the numpy network that was trained;
more than TOLERANCE is an error and nothing is written.
"""

import hashlib
import json
import pathlib

import cv2
import numpy as np
import onnx

import data
import export
from network import Network

TOLERANCE = 1e-5
HERE = pathlib.Path(__file__).resolve().parent


def opencv_probabilities(model_bytes, images, rule):
    """images [N, 1, H, W] uint8 -> [N, 10] float32, one forward pass per image."""
    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model_bytes, dtype=np.uint8))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    rows = []
    for image in images:
        value = (image.astype(np.float32) - np.float32(rule["mean"][0])) \
            * np.float32(rule["scale"][0])
        net.setInput(value[np.newaxis], "image")
        rows.append(net.forward("probabilities")[0].copy())
    return np.stack(rows)


def numpy_probabilities(model_bytes, images, rule):
    """The same from our own network with the file's weights: [N, 10] float64."""
    network = Network(np.random.RandomState(0))
    network.load(export.weights_of(onnx.load_from_string(model_bytes)))
    return network.probabilities(data.preprocess(images, rule))


def read_samples(folder):
    """samples/digit_0..9.png -> [10, 1, H, W] uint8."""
    pictures = []
    for label in range(data.CLASSES):
        path = folder / "samples" / f"digit_{label}.png"
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.dtype != np.uint8 or picture.ndim != 2:
            raise ValueError(f"{path.name} is not an 8-bit grayscale PNG")
        pictures.append(picture[np.newaxis])
    return np.stack(pictures)


def describe_samples(probabilities, test_labels):
    """probabilities [10, 10], row = sample -> the JSON list, one entry per PNG."""
    positions = export.sample_positions(test_labels)
    return [{
        "file": f"samples/digit_{label}.png",
        "test_index": positions[label],
        "label": label,
        "class": int(np.argmax(row)),
        "name": data.LABELS[int(np.argmax(row))],
        "probabilities": [float(p) for p in row],
    } for label, row in enumerate(probabilities)]


def describe_test_split(probabilities, labels):
    """probabilities [N, 10], labels [N] -> count, correct, accuracy, mistakes."""
    found = np.argmax(probabilities, axis=1)
    wrong = np.flatnonzero(found != labels)
    return {
        "images": "test_images.npy",
        "labels": "test_labels.npy",
        "count": len(labels),
        "correct": int(len(labels) - len(wrong)),
        "accuracy": (len(labels) - len(wrong)) / len(labels),
        "mistakes": [{"test_index": int(i), "label": int(labels[i]),
                      "class": int(found[i])} for i in wrong],
    }


def compute(folder, model_bytes=None):
    """Returns the content of reference.json for the files in `folder`."""
    if model_bytes is None:
        model_bytes = (folder / "digits.onnx").read_bytes()
    rule = json.loads((folder / "preprocess.json").read_text())
    labels = np.load(folder / "test_labels.npy")
    samples = read_samples(folder)
    images = np.concatenate([samples, np.load(folder / "test_images.npy")])
    found = opencv_probabilities(model_bytes, images, rule)
    own = numpy_probabilities(model_bytes, images, rule)
    return {
        "version": 1,
        "engine": "OpenCV dnn, backend OpenCV, target CPU, fp32",
        "engine_version": cv2.__version__,
        "model": "digits.onnx",
        "model_sha256": hashlib.sha256(model_bytes).hexdigest(),
        "weights_sha256": export.weights_sha256(onnx.load_from_string(model_bytes)),
        "cross_check": {
            "engine": "network.py (numpy, float64)",
            "images": len(images),
            "tolerance": TOLERANCE,
            "largest_difference": float(f"{np.max(np.abs(found - own)):.2e}"),
        },
        "samples": describe_samples(found[:len(samples)], labels),
        "test_split": describe_test_split(found[len(samples):], labels),
    }


def main():
    """Writes reference.json, or fails if the two engines disagree."""
    result = compute(HERE)
    check = result["cross_check"]
    if check["largest_difference"] > TOLERANCE:
        raise SystemExit(f"the engines differ by {check['largest_difference']}")
    (HERE / "reference.json").write_text(json.dumps(result, indent=2) + "\n")
    split = result["test_split"]
    print(f"{result['engine']} {result['engine_version']}: {split['correct']} of "
          f"{split['count']} = {split['accuracy']:.4f}, largest difference "
          f"{check['largest_difference']}")


if __name__ == "__main__":
    main()
