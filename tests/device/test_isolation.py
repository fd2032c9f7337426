"""What the normal world can see of a model while it is loaded and after it has run."""

import json
import unittest

from harness import package_file
from harness.board import BUILD, Board, call
from tests.device.common import OUT, digits_package

SECURE_RAM = "0x0e100000"


class Isolation(unittest.TestCase):
    """On the firewalled profile."""

    @classmethod
    def setUpClass(cls):
        cls.board = Board("test-isolation", memory=256)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)
        cls.package = digits_package()
        cls.board.push(cls.package, "/root/digits.szp")

    def scan(self, secret):
        """Dumps the whole normal-world RAM and searches it for a secret."""
        dump, secret_file = OUT / "ram.bin", OUT / "secret.bin"
        self.board.dump_memory(dump)
        secret_file.write_bytes(secret)
        result = call([BUILD / "host" / "tools" / "leakscan", dump, secret_file, "--json"], check=False)
        dump.unlink()
        return json.loads(result.stdout)

    def test_reading_secure_ram_from_linux_fails(self):
        result = self.board.run("devmem", SECURE_RAM, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertNotRegex(result.stdout, "0x")

    def test_the_scan_sees_the_plaintext_package_in_normal_memory(self):
        # Packages are not encrypted yet: the weights are in the package file itself, here in RAM.
        # When they are sealed this must turn into "finds nothing"; until then it shows that the
        # scan would find them.
        self.board.smartzone("bench", "/root/digits.szp", "--backends", "tee", "--runs", "1")
        weights = package_file.weights(self.package)
        self.assertGreater(self.scan(weights)["hits"], 0)
        self.assertEqual(self.scan(bytes((b * 167 + 13) & 255 for b in weights))["hits"], 0)


if __name__ == "__main__":
    unittest.main()
