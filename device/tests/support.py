"""Shared by the tests: the package on the path, and a cache of the test's own."""

import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
DEVICE_DIR = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(DEVICE_DIR))
TZDEV = str(DEVICE_DIR / "tzdev")


class CacheCase(unittest.TestCase):
    """A test with an empty cache that is thrown away."""

    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)
        self.top = pathlib.Path(self.temp.name)
        old = os.environ.get("SMARTZONE_CACHE")
        os.environ["SMARTZONE_CACHE"] = str(self.top / "cache")
        self.addCleanup(self._restore, old)

    @staticmethod
    def _restore(old):
        if old is None:
            del os.environ["SMARTZONE_CACHE"]
        else:
            os.environ["SMARTZONE_CACHE"] = old
