"""ONNX's backend tests in the TA: the same verdicts and the same errors, digit by digit, as here."""

import pathlib
import tempfile
import unittest

from harness.board import BUILD, Board, call
from tests.conformance import suite


@unittest.skipIf(suite.tests_folder() is None, "SMARTZONE_DATA names no folder with the tests")
class ConformanceOnTheDevice(unittest.TestCase):
    """All tests that compile, one after the other in one session of the TA."""

    def test_the_ta_gives_what_the_host_gives(self):
        with tempfile.TemporaryDirectory() as folder:
            suite.prepare(folder)
            host = suite.run_on_host(folder)
            archive = pathlib.Path(folder) / "tests.tar"
            call(["tar", "-cf", archive, "--exclude", "tests.tar", "-C", folder, "."])
            with Board("test-conformance", memory=512) as board:
                board.push(BUILD / "arm64" / "tests" / "conformance_run", archive, "/root/")
                board.run("tar", "-xf", "/root/tests.tar", "-C", "/tmp")
                device = board.run("/root/conformance_run", "/tmp", "--backend", "tee").stdout
                secure_console = board.console("secure")
        self.assertEqual(device, host)
        self.assertNotIn(" wrong ", device)
        self.assertNotIn(" failed ", device)
        self.assertGreater(len(device.splitlines()), 100)
        self.assertNotRegex(secure_console, r"(?i)panicked|-abort at|\[abort\]|panic at")


if __name__ == "__main__":
    unittest.main()
