#!/usr/bin/python3
"""Checks the files of this model against each other.

    /usr/bin/python3 test_model.py

With SMARTZONE_RETRAIN=1 it also trains again (minutes) and compares every file.
"""

import hashlib
import os
import pathlib
import json
import re
import subprocess
import sys
import tempfile
import unittest

import cv2
import numpy as np
import onnx

import data
import export
import reference

HERE = pathlib.Path(__file__).resolve().parent
OPERATORS = {"Conv", "BatchNormalization", "Relu", "MaxPool", "Concat",
             "GlobalAveragePool", "Flatten", "Gemm", "Softmax"}
GENERATED = ["digits.onnx", "labels.txt", "preprocess.json", "test_images.npy",
             "test_labels.npy"]
# The card in README.md states these, in this form.
CARD_MODEL_SHA = r"sha256 of `digits\.onnx`: `([0-9a-f]{64})`"
CARD_WEIGHTS_SHA = r"sha256 of the weights: `([0-9a-f]{64})`"
CARD_ACCURACY = r"(\d+) of (\d+) test images \((\d+\.\d+) %\)"


class Model(unittest.TestCase):
    """What digits.onnx is."""

    @classmethod
    def setUpClass(cls):
        cls.model_bytes = (HERE / "digits.onnx").read_bytes()
        cls.model = onnx.load_from_string(cls.model_bytes)
        cls.stored = json.loads((HERE / "reference.json").read_text())
        cls.card = (HERE / "README.md").read_text()

    def test_passes_the_onnx_checker(self):
        onnx.checker.check_model(self.model, full_check=True)
        self.assertEqual([(o.domain, o.version) for o in self.model.opset_import],
                         [("", 13)])

    def test_has_the_stated_interface(self):
        for values, name, shape in ((self.model.graph.input, "image", [1, 1, 20, 20]),
                                    (self.model.graph.output, "probabilities", [1, 10])):
            self.assertEqual([v.name for v in values], [name])
            kind = values[0].type.tensor_type
            self.assertEqual([d.dim_value for d in kind.shape.dim], shape)
            self.assertEqual(kind.elem_type, onnx.TensorProto.FLOAT)

    def test_uses_every_operator_that_it_is_there_to_exercise(self):
        self.assertEqual({n.op_type for n in self.model.graph.node}, OPERATORS)

    def test_is_small(self):
        weights = export.weights_of(self.model)
        self.assertTrue(all(w.dtype == np.float32 for w in weights.values()))
        self.assertLess(sum(w.nbytes for w in weights.values()), 250_000)

    def test_digests_are_those_of_card_and_reference(self):
        model_sha = hashlib.sha256(self.model_bytes).hexdigest()
        weights_sha = export.weights_sha256(self.model)
        self.assertEqual(self.stored["model_sha256"], model_sha)
        self.assertEqual(self.stored["weights_sha256"], weights_sha)
        self.assertEqual(re.findall(CARD_MODEL_SHA, self.card), [model_sha])
        self.assertEqual(re.findall(CARD_WEIGHTS_SHA, self.card), [weights_sha])


class Results(unittest.TestCase):
    """What an independent engine makes of it."""

    @classmethod
    def setUpClass(cls):
        cls.stored = json.loads((HERE / "reference.json").read_text())
        cls.fresh = reference.compute(HERE)

    def test_opencv_reproduces_the_sample_probabilities(self):
        self.assertEqual(len(self.stored["samples"]), 10)
        for stored, fresh in zip(self.stored["samples"], self.fresh["samples"]):
            self.assertLess(_distance(stored, fresh), 1e-5, stored["file"])
            self.assertAlmostEqual(sum(stored["probabilities"]), 1.0, places=5)
            for key in ("file", "test_index", "label", "class", "name"):
                self.assertEqual(stored[key], fresh[key])

    def test_numpy_and_opencv_agree(self):
        for result in (self.stored, self.fresh):
            self.assertLess(result["cross_check"]["largest_difference"], 1e-5)

    def test_accuracy_is_as_stated(self):
        self.assertEqual(self.stored["test_split"], self.fresh["test_split"])
        self.assertGreaterEqual(self.fresh["test_split"]["accuracy"], 0.98)
        split = self.fresh["test_split"]
        card = (HERE / "README.md").read_text()
        self.assertEqual(re.findall(CARD_ACCURACY, card),
                         [(str(split["correct"]), str(split["count"]),
                           f"{100 * split['accuracy']:.2f}")])

    def test_notices_a_weight_changed_by_one_percent(self):
        model = onnx.load(str(HERE / "digits.onnx"))
        for tensor in model.graph.initializer:
            if tensor.name == "mix_conv.weight":
                values = np.frombuffer(tensor.raw_data, dtype="<f4").copy()
                values[np.argmax(np.abs(values))] *= 1.01
                tensor.raw_data = values.tobytes()
        changed = reference.compute(HERE, model.SerializeToString())
        self.assertNotEqual(changed["weights_sha256"], self.stored["weights_sha256"])
        self.assertGreater(max(map(_distance, self.stored["samples"],
                                   changed["samples"])), 1e-5)


class Data(unittest.TestCase):
    """That the test images are the test images, and were not trained on."""

    @classmethod
    def setUpClass(cls):
        cls.images = np.load(HERE / "test_images.npy")
        cls.labels = np.load(HERE / "test_labels.npy")
        cls.parts = data.load_split()

    def test_split_on_disk_is_the_seeded_one(self):
        self.assertEqual((self.images.shape, self.images.dtype),
                         ((360, 1, 20, 20), np.uint8))
        np.testing.assert_array_equal(self.images, self.parts[2].images)
        np.testing.assert_array_equal(self.labels, self.parts[2].labels)

    def test_parts_share_no_image(self):
        train, validation, test = [{i.tobytes() for i in p.images} for p in self.parts]
        self.assertEqual([len(train), len(validation), len(test)], [1257, 180, 360])
        self.assertFalse(train & validation or train & test or validation & test)

    def test_samples_are_test_images_of_their_class(self):
        positions = export.sample_positions(self.labels)
        np.testing.assert_array_equal(reference.read_samples(HERE),
                                      self.images[positions])
        self.assertEqual(list(self.labels[positions]), list(range(10)))

    def test_labels_and_preprocessing_are_those_of_training(self):
        self.assertEqual((HERE / "labels.txt").read_text().split(), list(data.LABELS))
        self.assertEqual(json.loads((HERE / "preprocess.json").read_text()),
                         data.PREPROCESS)


class Retraining(unittest.TestCase):
    """Bit for bit."""

    @unittest.skipUnless(os.environ.get("SMARTZONE_RETRAIN"), "takes minutes")
    def test_training_again_gives_the_same_files(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, HERE / "train.py", "--out", folder],
                           check=True)
            out = pathlib.Path(folder)
            for name in GENERATED:
                self.assertEqual((out / name).read_bytes(), (HERE / name).read_bytes(),
                                 name)
            np.testing.assert_array_equal(reference.read_samples(out),
                                          reference.read_samples(HERE))


def _distance(a, b):
    """The largest difference of two samples' probabilities."""
    return float(np.max(np.abs(np.subtract(a["probabilities"], b["probabilities"]))))


if __name__ == "__main__":
    cv2.setNumThreads(1)
    unittest.main()
