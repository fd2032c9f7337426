"""Secure memory: what OP-TEE says it gave is what the analysis said it would take; all comes back;
a model that does not fit is refused with the need, the supply and the setting to change."""

import json
import unittest

from harness.board import BUILD, Board, host_smartzone, ta_file
from tests.device.common import POOL_PAGE, compiled, digits_package, large_model

CYCLES = 100
REGIONS = ("control", "weights", "arena", "scratch")


def rounded(size):
    """Bytes rounded up to pages."""
    return -(-size // POOL_PAGE) * POOL_PAGE


class SecureMemory(unittest.TestCase):
    """On the flavour whose OP-TEE keeps statistics."""

    @classmethod
    def setUpClass(cls):
        cls.board = Board("test-memory", flavour="smartzone", memory=512)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)
        cls.package = digits_package()
        cls.board.push(cls.package, BUILD / "arm64" / "tests" / "memory_cycle", "/root/")
        cls.board.push(cls.package, "/root/digits.szp")
        cls.report = json.loads(host_smartzone("analyze", cls.package, "--ta", ta_file("smartzone"),
                                               "--json").stdout)

    def cycle(self, times):
        """Runs the cycle program; returns its JSON."""
        return json.loads(self.board.run("/root/memory_cycle", "/root/digits.szp",
                                         str(times)).stdout)

    def test_measured_memory_equals_the_analysis_within_a_page_per_region(self):
        said = self.cycle(1)
        rows = {row["id"]: row["bytes"] for row in self.report["rows"]}
        model = sum(rounded(rows[region]) for region in REGIONS)
        self.assertLessEqual(abs(said["loaded"] - said["opened"] - model), POOL_PAGE * len(REGIONS))
        # The cycle program has a session open already, so this one shares what can be shared.
        session = self.report["session"] - self.report["shared"]
        self.assertLessEqual(abs(said["opened"] - said["before"] - session), POOL_PAGE)

    def test_everything_comes_back_100_times_in_a_row(self):
        said = self.cycle(CYCLES)
        self.assertEqual(said["cycles"], CYCLES)
        self.assertEqual(said["unloaded_drift"], 0)
        self.assertEqual(said["after"], said["before"])

    def test_a_model_too_large_is_refused_before_loading_with_need_supply_and_setting(self):
        made = compiled("large", large_model())
        self.board.push(made, "/root/large.szp")
        before = self.cycle(1)["before"]
        result = self.board.smartzone("bench", "/root/large.szp", "--backends", "tee", check=False)
        self.assertNotEqual(result.returncode, 0)
        for word in ("secure memory", "MiB", "CFG_TZDRAM_SIZE"):
            self.assertIn(word, result.stderr)
        self.assertEqual(self.cycle(1)["before"], before)


if __name__ == "__main__":
    unittest.main()
