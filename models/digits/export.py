"""Writes digits.onnx and the files beside it."""

import hashlib
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import data
from layers import BatchNorm

OPSET = 13
IR_VERSION = 7  # the one that belongs to opset 13


class _Chain:
    """Collects ONNX nodes; each takes the one before as its input unless told."""

    def __init__(self, tensors, first_input):
        self._tensors = tensors
        self.nodes = []
        self.value = first_input

    def add(self, op, name, **attributes):
        """Appends a node; its weights are the tensors "name.*", in stored order."""
        weights = [key for key in self._tensors if key.startswith(name + ".")]
        return self.join(op, name, [self.value] + weights, **attributes)

    def join(self, op, name, inputs, **attributes):
        """Appends a node with these inputs; its output is called `name`."""
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        self.value = name
        return name

    def conv(self, stage, kernel, norm):
        """Conv (+ BatchNormalization) + Relu, stride 1, same size."""
        pad = kernel // 2
        self.add("Conv", stage + "_conv", kernel_shape=[kernel, kernel],
                 strides=[1, 1], pads=[pad] * 4)
        if norm:
            self.add("BatchNormalization", stage + "_bn", epsilon=BatchNorm.EPSILON)
        return self.add("Relu", stage + "_relu")

    def halve(self, name):
        """MaxPool 2x2, stride 2."""
        return self.add("MaxPool", name, kernel_shape=[2, 2], strides=[2, 2])


def build_model(network):
    """network.Network -> onnx.ModelProto, fp32, batch 1, BatchNormalization unfolded."""
    tensors = {name: value.astype(np.float32)
               for name, value in network.tensors().items()}
    chain = _Chain(tensors, "image")
    chain.conv("stem", 3, norm=True)
    chain.halve("stem_pool")
    squeezed = chain.conv("squeeze", 1, norm=False)
    wide1 = chain.conv("expand1", 1, norm=True)
    chain.value = squeezed
    wide3 = chain.conv("expand3", 3, norm=True)
    chain.join("Concat", "fire", [wide1, wide3], axis=1)
    chain.halve("fire_pool")
    chain.conv("mix", 3, norm=True)
    chain.conv("head", 1, norm=False)
    chain.add("GlobalAveragePool", "pool")
    chain.add("Flatten", "features", axis=1)
    chain.add("Gemm", "classify", transB=1)
    chain.add("Softmax", "probabilities", axis=1)
    image = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, [1, 1, data.SIDE, data.SIDE])
    result = helper.make_tensor_value_info(
        "probabilities", TensorProto.FLOAT, [1, data.CLASSES])
    graph = helper.make_graph(
        chain.nodes, "digits", [image], [result],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()])
    model = helper.make_model(
        graph, producer_name="smartzone/models/digits",
        opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def weights_of(model):
    """onnx.ModelProto -> {initializer name: fp32 array}, in file order."""
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def weights_sha256(model):
    """Digest of all initializers: little-endian fp32 bytes, in file order."""
    digest = hashlib.sha256()
    for value in weights_of(model).values():
        digest.update(np.ascontiguousarray(value, dtype="<f4").tobytes())
    return digest.hexdigest()


def sample_positions(labels):
    """The first image of each class in the test split: a list of 10 indices."""
    return [int(np.flatnonzero(labels == c)[0]) for c in range(data.CLASSES)]


def write_all(network, test, out):
    """Writes the model, labels, preprocessing, samples and test split into `out`.

    test: a data.Part; out: a pathlib.Path. Returns weights_sha256 of the model.
    """
    (out / "samples").mkdir(parents=True, exist_ok=True)
    model = build_model(network)
    (out / "digits.onnx").write_bytes(model.SerializeToString())
    (out / "labels.txt").write_text("".join(name + "\n" for name in data.LABELS))
    (out / "preprocess.json").write_text(json.dumps(data.PREPROCESS, indent=2) + "\n")
    np.save(out / "test_images.npy", test.images)
    np.save(out / "test_labels.npy", test.labels)
    for label, position in enumerate(sample_positions(test.labels)):
        picture = Image.fromarray(test.images[position, 0], mode="L")
        picture.save(out / "samples" / f"digit_{label}.png")
    return weights_sha256(model)
