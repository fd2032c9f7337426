"""The models of the data folder in the TA, each with the memory that it needs: the same verdicts and
errors, digit by digit, as on this machine."""

import pathlib
import tempfile
import unittest

from harness.board import BUILD, Board, call
from tests.conformance import suite
from tests.models.model_set import models, prepare

# Larger or slower ones are a claim (`make claims ID=models-secure`).
LEFT_OUT = {"mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224", "mobilenet_v2_1.0_224_qdq",
            "squeezenet1.0", "tflite_mobilenet_v2_1.0_224_uint8"}


def chosen():
    """What this test runs: everything that emulation computes in about a second."""
    return [m for m in models() if m.kind != "synthetic" and m.name not in LEFT_OUT]


def run_in_ta(board, folder):
    """Runs the models laid out below `folder` on the device; returns the lines."""
    with tempfile.TemporaryDirectory() as place:
        archive = pathlib.Path(place) / "models.tar"
        call(["tar", "-cf", archive, "-C", folder, "."])
        board.push(BUILD / "arm64" / "tests" / "conformance_run", archive, "/root/")
    board.run("sh", "-c", "rm -rf /tmp/models && mkdir /tmp/models && "
              "tar -xf /root/models.tar -C /tmp/models && rm /root/models.tar")
    return board.run("/root/conformance_run", "/tmp/models", "--backend", "tee", check=False,
                     timeout=3000).stdout


@unittest.skipIf(not models(), "SMARTZONE_DATA names no folder of trained models")
class ModelsOnTheDevice(unittest.TestCase):
    """One session of the TA, one model after the other."""

    def test_the_ta_gives_what_the_host_gives(self):
        with tempfile.TemporaryDirectory() as folder:
            for model in chosen():
                prepare(model, folder)
            host = suite.run_on_host(folder)
            with Board("test-model-set", memory=512) as board:
                device = run_in_ta(board, folder)
                secure_console = board.console("secure")
        self.assertEqual(device, host)
        self.assertEqual({v for v, _ in suite.verdicts(device).values()}, {"right"})
        self.assertEqual(len(device.splitlines()), len(chosen()))
        self.assertNotRegex(secure_console, r"(?i)panicked|-abort at|\[abort\]|panic at")


if __name__ == "__main__":
    unittest.main()
