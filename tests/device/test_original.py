"""The plain baseline of bench/original as a trusted application of its own, on both flavours: it
runs beside SmartZone's in the secure world and computes the same answers."""

import json
import unittest

from harness.board import BUILD, GUEST_TA_DIR, Board
from tests.device.common import digits_package, original_ta


class OnFlavour:
    """One device for each flavour."""

    flavour = None
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.board = Board(f"test-original-{cls.flavour}", flavour=cls.flavour, memory=256,
                          **cls.options)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)
        cls.package = digits_package()
        cls.board.push(original_ta(cls.flavour), GUEST_TA_DIR + "/")
        cls.board.push(BUILD / "arm64" / "bench" / "original" / "original_bench", cls.package,
                       "/root/")

    def bench(self, backend):
        """What original_bench says about the digits network."""
        return json.loads(self.board.run("/root/original_bench", f"/root/{self.package.name}",
                                         "--backend", backend, "--runs", "3", "--json").stdout)

    def test_agrees_with_smartzone_in_the_secure_world(self):
        said = self.bench("tee")
        self.assertTrue(said["secure"])
        self.assertLessEqual(said["worst_difference"], 1e-4)
        self.assertEqual(len(said["original"]["times_ms"]), 3)

    def test_takes_the_same_memory_as_in_the_normal_world(self):
        secure, normal = self.bench("tee"), self.bench("host")
        self.assertFalse(normal["secure"])
        self.assertEqual(secure["original"]["peak_secure_memory"],
                         normal["original"]["peak_secure_memory"])


class Stock(OnFlavour, unittest.TestCase):
    """Debian's OP-TEE, unmodified; a small heap."""

    flavour = "stock"


class SmartZone(OnFlavour, unittest.TestCase):
    """The project's build of OP-TEE; a heap for large networks."""

    flavour = "smartzone"
    options = {"profile": "firewalled-large"}


if __name__ == "__main__":
    unittest.main()
