"""Secure memory: what OP-TEE says it gave is what the analysis said it would take; all comes back;
a model that does not fit is refused with the need, the supply and the setting to change."""

import json
import unittest

from harness.board import BUILD, Board, host_smartzone, ta_file
from tests.device.common import POOL_PAGE, compiled, digits_package, large_model, wide_package

CYCLES = 100
REGIONS = 6  # control, weights, arena, scratch; for several cores board and stacks


def analysed(package, cores=1):
    """The analysis of a package for so many cores."""
    return json.loads(host_smartzone("analyze", package, "--ta", ta_file("smartzone"), "--cores", cores,
                                     "--json").stdout)


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

    def cycle(self, times, package="digits", cores=1):
        """Runs the cycle program; returns its JSON."""
        return json.loads(self.board.run("/root/memory_cycle", f"/root/{package}.szp", str(times),
                                         "tee", str(cores)).stdout)

    def test_measured_memory_equals_the_analysis_within_a_page_per_region(self):
        said = self.cycle(1)
        report = analysed(self.package)
        self.assertLessEqual(abs(said["loaded"] - said["opened"] - report["model"]),
                             POOL_PAGE * REGIONS)
        # The cycle program has a session open already, so this one shares what can be shared.
        session = report["session"] - report["shared"]
        self.assertLessEqual(abs(said["opened"] - said["before"] - session), POOL_PAGE)

    def test_so_it_does_for_two_cores_and_all_comes_back(self):
        package, _ = wide_package()
        self.board.push(package, "/root/wide.szp")
        said = self.cycle(20, "wide", 2)
        self.assertLessEqual(abs(said["loaded"] - said["opened"] - analysed(package, 2)["model"]),
                             POOL_PAGE * REGIONS)
        self.assertEqual(said["unloaded_drift"], 0)
        self.assertEqual(said["after"], said["before"])

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
