"""leakscan finds what it should and nothing else. Usage: test_leakscan.py PATH_OF_LEAKSCAN"""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""


def scan(dump, secret, *options):
    """Runs leakscan over two byte strings; returns (exit status, its JSON)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("dump", "secret")]
        for path, content in zip(paths, (dump, secret)):
            with open(path, "wb") as file:
                file.write(content)
        result = subprocess.run([PROGRAM, *paths, "--json", *options], capture_output=True,
                                text=True, check=False)
        return result.returncode, json.loads(result.stdout) if result.stdout else None


class LeakscanTest(unittest.TestCase):
    """Random dumps with planted pieces; the seed is fixed and in the source."""

    def setUp(self):
        source = random.Random(20261124)
        self.dump = source.randbytes(300_000)
        self.secret = source.randbytes(5_000)

    def test_random_data_gives_no_hit(self):
        status, report = scan(self.dump, self.secret)
        self.assertEqual((status, report["hits"]), (0, 0))
        self.assertEqual(report["windows"], len(self.secret) - 63)

    def test_one_window_at_odd_offsets_is_found(self):
        for at in (0, 12_345, len(self.dump) - 64):
            dump = self.dump[:at] + self.secret[777:841] + self.dump[at + 64:]
            status, report = scan(dump, self.secret)
            self.assertEqual((status, report["hits"]), (1, 1))
            self.assertEqual(report["first_dump_offset"], at)
            self.assertEqual(report["first_secret_offset"], 777)
            self.assertEqual(report["secret_bytes_seen"], 64)

    def test_63_bytes_are_no_window(self):
        dump = self.dump[:1000] + self.secret[100:163] + b"\x00" + self.dump[1064:]
        if self.secret[163] == 0:
            self.skipTest("the byte after the piece happens to fit")
        self.assertEqual(scan(dump, self.secret)[0], 0)

    def test_filler_is_left_out(self):
        status, report = scan(b"\x00" * 100_000, b"\x00" * 5_000)
        self.assertEqual((status, report["windows"]), (0, 0))

    def test_skip_leaves_out_the_head_of_the_secret(self):
        dump = self.dump[:500] + self.secret[:64] + self.dump[564:]
        self.assertEqual(scan(dump, self.secret)[0], 1)
        self.assertEqual(scan(dump, self.secret, "--skip", "64")[0], 0)

    def test_a_missing_file_is_an_error(self):
        result = subprocess.run([PROGRAM, "/nonexistent", "/nonexistent"], capture_output=True,
                                text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("/nonexistent", result.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
