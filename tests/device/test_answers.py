"""The digits network in the secure world, on both flavours of OP-TEE: answers, accuracy, bits."""

import json
import unittest

from harness.board import Board, host_smartzone
from tests.device.common import DIGITS, digits_package, relative_difference

REFERENCE = json.loads((DIGITS / "reference.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-4


def values(run):
    """Per input file, the values of the first output."""
    return [row["outputs"][0]["values"] for row in run["results"]]


class Answers:
    """The cases; a subclass for each flavour gives the board."""

    flavour = ""

    @classmethod
    def setUpClass(cls):
        cls.package = digits_package()
        cls.board = Board(f"test-answers-{cls.flavour}", flavour=cls.flavour, memory=512)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)
        cls.samples = [DIGITS / row["file"] for row in REFERENCE["samples"]]
        cls.board.run("mkdir", "-p", "/root/samples")
        cls.board.push(cls.package, "/root/digits.szp")
        cls.board.push(*cls.samples, "/root/samples/")
        cls.files = [f"/root/samples/{path.name}" for path in cls.samples]

    def run_guest(self, backend):
        """Runs all samples in the device."""
        return self.board.smartzone_json("run", "/root/digits.szp", *self.files, "--values",
                                         "--backend", backend)

    def test_secure_answers_agree_with_the_independent_engine(self):
        said = self.run_guest("tee")
        self.assertTrue(said["secure"])
        self.assertEqual(len(said["results"]), len(REFERENCE["samples"]))
        for row, got in zip(REFERENCE["samples"], values(said)):
            self.assertLessEqual(relative_difference(got, row["probabilities"]), TOLERANCE)
            self.assertEqual(max(range(10), key=got.__getitem__), row["class"])

    def test_both_worlds_and_the_host_give_the_same_bits(self):
        secure = values(self.run_guest("tee"))
        self.assertEqual(secure, values(self.run_guest("host")))
        host = json.loads(host_smartzone("run", self.package, *self.samples, "--backend", "host",
                                         "--values", "--json").stdout)
        self.assertFalse(host["secure"])
        self.assertEqual(secure, values(host))

    def test_a_damaged_package_is_refused_and_the_next_run_works(self):
        content = bytearray(self.package.read_bytes())
        content[len(content) // 2] ^= 1
        damaged = self.package.with_name(f"damaged-{self.flavour}.szp")
        damaged.write_bytes(content)
        self.board.push(damaged, "/root/damaged.szp")
        result = self.board.smartzone("run", "/root/damaged.szp", self.files[0], check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("SHA-256", result.stderr)
        self.assertEqual(len(self.run_guest("tee")["results"]), len(self.files))

    def test_the_accuracy_is_the_reference_engines(self):
        self.board.push(DIGITS / "test_images.npy", DIGITS / "test_labels.npy", "/root/")
        said = self.board.smartzone_json("accuracy", "/root/digits.szp", "--npy",
                                         "/root/test_images.npy", "--npy-labels",
                                         "/root/test_labels.npy", "--backend", "tee")
        self.assertEqual(said["top1_count"], REFERENCE["test_split"]["correct"])

    def test_the_device_says_what_it_is(self):
        said = self.board.smartzone_json("device-info")
        self.assertTrue(said["secure"])
        self.assertIn("OP-TEE", said["tee"])


class StockAnswers(Answers, unittest.TestCase):
    """Debian's own OP-TEE, unmodified."""
    flavour = "stock"


class SmartzoneAnswers(Answers, unittest.TestCase):
    """OP-TEE built from Debian's source package."""
    flavour = "smartzone"


if __name__ == "__main__":
    unittest.main()
