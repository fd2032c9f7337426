"""Hostile plans and calls: the device says exactly what the host says, and lives on."""

import unittest

from harness.board import BUILD, Board, call

STRIDE = "7"  # every 7th bit and truncation; the host's tests take every one


class HostilePlans(unittest.TestCase):
    """The same cases sent to the TA in the secure world and to its twin on this machine."""

    def test_the_device_refuses_what_the_host_refuses_with_the_same_words(self):
        with Board("test-hostile", memory=512) as board:
            board.push(BUILD / "arm64" / "tests" / "hostile_replay", "/root/")
            device = board.run("/root/hostile_replay", "--backend", "tee", "--stride", STRIDE)
            secure_console = board.console("secure")
        host = call([BUILD / "host" / "tests" / "hostile_replay", "--backend", "host", "--stride",
                     STRIDE])
        self.assertEqual(device.stdout, host.stdout)
        self.assertNotIn("FAIL", device.stdout)
        self.assertGreater(len(device.stdout.splitlines()), 1000)
        for word in ("panic", "abort", "Panic", "PANIC"):
            self.assertNotIn(word, secure_console)


if __name__ == "__main__":
    unittest.main()
