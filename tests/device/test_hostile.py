"""Hostile plans and calls: the device says exactly what the host says, and lives on."""

import os
import unittest

from harness.board import BUILD, Board, call

STRIDE = "7"  # every 7th bit and truncation; the host's tests take every one

SECURE_MIB = "13"  # what the device's 15 MiB leave for a model; hostile sizes are powers of two


class HostilePlans(unittest.TestCase):
    """The same cases sent to the TA in the secure world and to its twin on this machine."""

    def test_the_device_refuses_what_the_host_refuses_with_the_same_words(self):
        with Board("test-hostile", memory=512) as board:
            board.push(BUILD / "arm64" / "tests" / "hostile_replay", "/root/")
            device = board.run("/root/hostile_replay", "--backend", "tee", "--stride", STRIDE)
            secure_console = board.console("secure")
        host = call([BUILD / "host" / "tests" / "hostile_replay", "--backend", "host", "--stride",
                     STRIDE], env=dict(os.environ, SMARTZONE_SHIM_SECURE_MIB=SECURE_MIB))
        self.assertEqual(device.stdout, host.stdout)
        self.assertNotIn("FAIL", device.stdout)
        self.assertGreater(len(device.stdout.splitlines()), 1000)
        self.assertNotRegex(secure_console, r"(?i)panicked|-abort at|\[abort\]|panic at")


if __name__ == "__main__":
    unittest.main()
