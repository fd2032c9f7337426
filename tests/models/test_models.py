"""Every model of the data folder compiles and gives the results of its reference, on this machine."""

import tempfile
import unittest

from harness.board import CommandFailed
from tests.conformance import suite
from tests.models.model_set import models, prepare

REFUSED = {}  # name -> why it does not compile yet


@unittest.skipIf(not models(), "SMARTZONE_DATA names no folder of trained models")
class ModelSet(unittest.TestCase):
    """Compiled by the program, run by the host back end."""

    def test_every_model_agrees_with_its_reference(self):
        for model in models():
            with self.subTest(model=model.name), tempfile.TemporaryDirectory() as folder:
                if model.name in REFUSED:
                    with self.assertRaises(CommandFailed):
                        prepare(model, folder)
                    continue
                prepare(model, folder)
                verdict, rest = suite.verdicts(suite.run_on_host(folder))[model.name]
                self.assertEqual(verdict, "right", rest)

    def test_all_kinds_are_there(self):
        self.assertEqual({model.kind for model in models()},
                         {"onnx", "tflite", "darknet", "synthetic"})


if __name__ == "__main__":
    unittest.main()
