"""The trusted application by itself, on both flavours: the programs of ta/tests/."""

import unittest

from harness.board import BUILD, GUEST_TA_DIR, Board, ta_file


class OnFlavour:
    """Runs the programs on one flavour; exit status 0 is that no check failed."""

    flavour = None

    @classmethod
    def setUpClass(cls):
        cls.board = Board(f"test-ta-{cls.flavour}", flavour=cls.flavour, memory=256)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)
        for program in ("device_smoke", "device_memory"):
            cls.board.push(BUILD / "arm64" / "ta" / program, "/root/")

    def test_answers_refuses_lives_on_and_computes_the_normal_worlds_bits(self):
        said = self.board.run("/root/device_smoke").stdout
        self.assertNotIn("FAIL", said)
        self.assertIn("ok    OP-TEE has all of its memory back", said)

    def test_secure_memory_is_what_the_analysis_says_and_all_comes_back(self):
        installed = f"{GUEST_TA_DIR}/{ta_file(self.flavour).name}"
        for weights_kib in ("64", "3000"):
            said = self.board.run("/root/device_memory", installed, self.flavour, weights_kib,
                                  "100", timeout=600).stdout
            self.assertNotIn("FAIL", said)
            self.assertIn("100 loads and unloads, 0 refused", said)


class Stock(OnFlavour, unittest.TestCase):
    """Debian's OP-TEE, unmodified."""

    flavour = "stock"


class SmartZone(OnFlavour, unittest.TestCase):
    """The project's build of OP-TEE."""

    flavour = "smartzone"


if __name__ == "__main__":
    unittest.main()
