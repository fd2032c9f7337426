"""Secure cores on the device: faults, hostile calls, and the same bits with cores coming and going."""

import json
import unittest

from harness.board import BUILD, GUEST_TA_DIR, Board
from tests.device.common import digits_package

PROGRAMS = BUILD / "arm64" / "tests" / "cores"
TEST_TA = BUILD / "test-ta" / "98196f13-cb7b-4978-80f8-09969bacc49d.ta"
# What OP-TEE's core prints when it gives up.
CORE_DIES = ("Panic", "assertion", "Unhandled", "Core data-abort", "Core prefetch-abort",
             "Core undef-abort", "Dead canary", "deadlock")

HELPER_FAULTS = ("unmapped", "stack-overflow", "normal-world-memory", "write-code",
                 "undefined-instruction", "panic", "system-call", "leaves-in-a-chunk",
                 "endless-loop")


class SecureCoresBoard(Board):
    """A device with the test TA and the programs of tests/cores/."""

    def start(self):
        super().start()
        self.push(TEST_TA, GUEST_TA_DIR + "/")
        self.push(*(PROGRAMS / name for name in ("cores_faults", "hostile_calls",
                                                 "cores_identity")), "/root/")

    def case(self, program, *arguments, timeout=600):
        """Runs a program of tests/cores/; returns what it found, whether the case passed or not."""
        result = self.run(f"/root/{program}", *map(str, arguments), check=False, timeout=timeout)
        if result.returncode not in (0, 1):
            raise RuntimeError(f"{program} {arguments}: status {result.returncode}\n{result.stderr}")
        return json.loads(result.stdout)

    def core_deaths(self):
        """Lines in which OP-TEE's core says that it gives up."""
        return [line for line in self.console("secure").splitlines()
                if any(word in line for word in CORE_DIES)]


class OnDevice(unittest.TestCase):
    """Each test ends with a look at the secure console, and the device must live."""

    cores = None

    @classmethod
    def setUpClass(cls):
        if cls.cores is None:
            raise unittest.SkipTest("the tests are in the classes below")
        cls.board = SecureCoresBoard(f"test-cores-{cls.cores}", flavour="smartzone",
                                     cores=cls.cores, memory=512)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)

    def tearDown(self):
        self.assertEqual(self.board.core_deaths(), [])

    def passes(self, program, *arguments, timeout=600):
        """Runs a case that must pass; returns its figures."""
        said = self.board.case(program, *arguments, timeout=timeout)
        self.assertEqual(said["failures"], [])
        self.assertTrue(said["passed"])
        return said


class TwoCores(OnDevice):
    """The owner and one more."""

    cores = 2

    def test_a_helper_that_misbehaves_is_an_error_or_evicted_and_the_next_session_works(self):
        for case in HELPER_FAULTS:
            with self.subTest(case):
                self.passes("cores_faults", case)

    def test_an_owner_that_panics_with_helpers_inside(self):
        self.passes("cores_faults", "owner-panics")

    def test_helpers_do_not_see_what_was_mapped_later(self):
        self.passes("cores_faults", "mapped-after-start")

    def test_a_trusted_application_cannot_misuse_the_commands(self):
        self.passes("cores_faults", "misused-commands")

    def test_unknown_stale_and_replayed_group_ids_lead_nowhere(self):
        self.passes("cores_faults", "group-ids")

    def test_200_lenders_killed_at_random_moments(self):
        said = self.passes("cores_faults", "killed-lenders", 200)
        self.assertEqual((said["killed"], said["wrong"]), (200, 0))

    def test_clients_killed_in_mid_inference(self):
        self.assertEqual(self.passes("cores_faults", "killed-clients", 10)["killed"], 10)

    def test_starting_and_stopping_under_hammering_leaks_nothing(self):
        said = self.passes("cores_faults", "cycles", 500)
        self.assertEqual((said["heap_drift"], said["ta_memory_drift"]), (0, 0))

    def test_hostile_calls_get_refusals_only(self):
        said = self.passes("hostile_calls", 50_000)
        self.assertEqual((said["wrong"], said["entries"]), (0, 0))


class FourCores(OnDevice):
    """More lenders than there is room for."""

    cores = 4

    def test_a_starved_lender_is_evicted_in_bounded_time_and_its_chunk_redone(self):
        said = self.passes("cores_faults", "starved-lender")
        self.assertGreater(said["evictions"], 0)
        self.assertGreater(said["redone"], 0)
        self.assertLess(said["seconds"], 15)

    def test_a_stopped_process_delays_nobody(self):
        self.passes("cores_faults", "stopped-lender")

    def test_seven_lenders_for_two_and_three_slots(self):
        for slots in (2, 3):
            with self.subTest(slots):
                self.assertGreater(self.passes("cores_faults", "crowd", slots, 7)["turned_away"], 0)

    def test_an_evicted_helper_does_nothing_after_stop(self):
        self.assertLess(self.passes("cores_faults", "evicted-while-counting", 3)["stop_seconds"], 5)

    def test_sessions_close_with_helpers_inside(self):
        self.passes("cores_faults", "closed-while-counting", 3)

    def test_lending_to_applications_that_come_and_go(self):
        self.passes("cores_faults", "closing", 30)

    def test_the_same_bits_with_one_two_and_four_cores_that_come_and_go(self):
        package = digits_package()
        self.board.push(package, "/root/digits.szp")
        said = self.passes("cores_identity", "/root/digits.szp", 50)
        self.assertEqual((said["runs"], said["differing"]), (50, 0))
        self.assertGreater(said["helped_4"], 0)


if __name__ == "__main__":
    unittest.main()
