"""Trained models of the data folder (SMARTZONE_DATA) in the secure world: SqueezeNet 1.0 and the
MNIST network, against their reference vectors and on the labelled sets."""

import json
import unittest

from harness.board import Board, data_folder, host_smartzone
from tests.device.common import (OUT, mnist_package, relative_difference, squeezenet_package,
                                 vectors)

TOLERANCE = 1e-4
DATA = data_folder()


def needs_data(case):
    """Skips a case by name where the data folder is absent."""
    return unittest.skipUnless(DATA, "SMARTZONE_DATA names no folder of trained models")(case)


@needs_data
class SharedModels(unittest.TestCase):
    """One device for all of them: Debian's OP-TEE, 15 MiB that the emulator firewalls."""

    @classmethod
    def setUpClass(cls):
        cls.board = Board("test-models", memory=512)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)

    def check_vectors(self, name, package, folder):
        """Secure world, normal world and host on the reference vectors: agreement and bits."""
        self.board.push(package, "/root/")
        guest_package = f"/root/{package.name}"
        for what, raw, reference in vectors(folder):
            with self.subTest(model=name, vector=what):
                file = OUT / f"{name}-{what}.f32"
                file.write_bytes(raw)
                self.board.push(file, "/root/")
                got = {}
                for backend in ("tee", "host"):
                    said = self.board.smartzone_json("run", guest_package, f"/root/{file.name}",
                                                     "--values", "--backend", backend)
                    self.assertEqual(said["secure"], backend == "tee")
                    got[backend] = said["results"][0]["outputs"][0]["values"]
                said = json.loads(host_smartzone("run", package, file, "--backend", "host", "--values",
                                                 "--json").stdout)
                host = said["results"][0]["outputs"][0]["values"]
                self.assertEqual(got["tee"], got["host"])
                self.assertEqual(got["tee"], host)
                self.assertLessEqual(relative_difference(got["tee"], reference), TOLERANCE)

    def test_mnist_vectors(self):
        package, folder = mnist_package()
        self.check_vectors("mnist", package, folder)

    def test_squeezenet_vectors(self):
        package, folder = squeezenet_package()
        self.check_vectors("squeezenet", package, folder)

    def test_mnist_reaches_the_reference_accuracy(self):
        package, _ = mnist_package()
        labelled = DATA / "labelled" / "mnist"
        self.board.push(package, labelled / "images-idx3-ubyte", labelled / "labels-idx1-ubyte",
                        "/root/")
        said = self.board.smartzone_json(
            "accuracy", f"/root/{package.name}", "--idx", "/root/images-idx3-ubyte", "--idx-labels",
            "/root/labels-idx1-ubyte", "--backend", "tee")
        wanted = json.loads((DATA / "labelled" / "reference_accuracy.json").read_text("utf-8"))
        self.assertEqual(said["samples"], 5000)
        self.assertEqual(said["top1_count"], round(5000 * wanted["mnist (5000)"]["mnist_cnn (ONNX)"]))

    def test_squeezenet_knows_the_sample_photos(self):
        package, _ = squeezenet_package()
        photos = DATA / "inputs" / "images"
        wanted = {"cat.bmp": 282, "parrot.jpg": 88, "dragonfly.bmp": 319}
        self.board.push(package, *(photos / name for name in wanted), "/root/")
        said = self.board.smartzone_json("run", f"/root/{package.name}",
                                         *(f"/root/{name}" for name in wanted), "--backend", "tee")
        tops = [row["outputs"][0]["top"][0]["index"] for row in said["results"]]
        self.assertEqual(tops, list(wanted.values()))


if __name__ == "__main__":
    unittest.main()
