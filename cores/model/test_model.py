#!/usr/bin/python3
"""Checks the models with Spin: no error, and every mutant found.

    /usr/bin/python3 cores/model/test_model.py [-v] [Test.name]

A run without an error counts only if Spin has searched everything and has been everywhere in the
model. A mutant counts as found only if the property fails that the mutation is about.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT = 600

# Configurations: defines for the model, whether it is a property of endless runs, and the model
# if it is not job_board.pml.
WHOLE = ([], False)
MORE_PARTS = (["PARTS_1=2", "PARTS_2=3", "PARTS_3=2"], False)
OPENS = (["BOARD_OPENS", "ONE_HELPER"], False)
OPENS_TO_TWO = (["BOARD_OPENS", "JOBS=1"], False)
FINISHES = (["KILLER", "ONE_HELPER"], True)
FINISHES_WITH_TWO = (["KILLER", "JOBS=1", "PARTS_1=2", "PARTS_2=1", "PARTS_3=1"], True)
LEAVES = (["KILLER", "ONE_HELPER", "LEAVING", "BOARD_OPENS", "ENDLESS_PATIENCE"], True)
SLOT = ([], False, "slot.pml")

# Properties as Spin prints them when they fail.
TORN = r"\(part<parts\)&&\(work==job\)"
PAST = r"live==(job|helper_job\[\d\])"
NO_SUCH_PART = r"part<\("
LOST = r"first_half\[p\]==job\)&&\(second_half\[p\]==job"
STILL_WRITING = r"writer\[p(art)?\]==0"
TAKEN_TWICE = r"!\(taken\[part\]\)"
STOPPED = r"!\(stopped\)"
PRESENT = r"present_>0"
LIMIT = r"me<workers_"
ENDLESS = "acceptance cycle"
SLOT_STOPPED = r"!\(stopped\[slot\]\)"
SLOT_FREED = r"!\(freed\[slot\]\)"

# Mutant: configuration that finds it, and what fails.
MUTANTS = {
    "NO_CLOSED_TICKET": (WHOLE, TORN),
    "TICKET_WITHOUT_JOB": (WHOLE, f"{TORN}|{PAST}"),
    "CLAIM_WITHOUT_SWAP": (WHOLE, f"{TAKEN_TWICE}|{NO_SUCH_PART}"),
    "MARK_BEFORE_WORK": (WHOLE, LOST),
    "COUNT_BEFORE_MARK": (WHOLE, PAST),
    "MARKS_NOT_CLEARED": (WHOLE, LOST),
    "COUNT_NOT_CLEARED": (WHOLE, f"{STILL_WRITING}|{LOST}|{PAST}"),
    "POST_WITHOUT_WAITING": (WHOLE, f"{STILL_WRITING}|{LOST}"),
    "REDO_WITHOUT_STOP": (WHOLE, STILL_WRITING),
    "STOP_FORGETS_A_SLOT": (WHOLE, f"{STOPPED}|{STILL_WRITING}"),
    "STOP_DOES_NOT_WAIT": (WHOLE, f"{STOPPED}|{PAST}"),
    # Memory orders: one weakened at a time.
    "FIELDS_STORED_RELAXED": (WHOLE, f"{TORN}|{NO_SUCH_PART}"),
    "TICKET_STORED_RELAXED": (WHOLE, f"{TORN}|{NO_SUCH_PART}"),
    "TICKET_LOADED_RELAXED": (WHOLE, f"{TORN}|{NO_SUCH_PART}"),
    "FIELDS_LOADED_RELAXED": (WHOLE, f"{PAST}|{NO_SUCH_PART}"),
    "COUNT_RELAXED": (WHOLE, f"{PAST}|{LOST}"),
    "DONE_LOADED_RELAXED": (WHOLE, LOST),
    # Opening, closing, coming and going.
    "PRESENT_NOT_ATOMIC": (OPENS_TO_TWO, PRESENT),
    "PRESENT_RESET_LATE": (OPENS, PRESENT),
    "LIMIT_LOADED_BEFORE_TICKET": (OPENS, LIMIT),
    "NO_TIME_OUT": (FINISHES, ENDLESS),
    "HELPER_IGNORES_CLOSE": (LEAVES, ENDLESS),
    # The pseudo-TA.
    "CLAIM_WITHOUT_LOCK": (SLOT, SLOT_FREED),
    "ENTER_WITHOUT_LOCK": (SLOT, SLOT_STOPPED),
    "ENTERING_NOT_TOLD": (SLOT, SLOT_STOPPED),
    "KEEPS_MAPPING": (SLOT, SLOT_STOPPED),
    "NO_ABANDONED": (SLOT, SLOT_FREED),
}


def search(configuration, mutant=None):
    """Runs Spin over one configuration; returns what its search printed."""
    defines, endless, *model = configuration
    model = HERE / (model[0] if model else "job_board.pml")
    flags = [f"-D{define}" for define in defines] + ([f"-DM_{mutant}"] if mutant else [])
    with tempfile.TemporaryDirectory() as folder:
        for command in (
                ["spin", "-a", *flags, str(model)],
                ["gcc", "-O2", "-w", "-DCOLLAPSE", "-DMEMLIM=3000",
                 "-DNFAIR=3" if endless else "-DSAFETY", "-o", "pan", "pan.c"],
                ["./pan", "-m200000", *(["-a", "-f", "-E"] if endless else [])]):
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                                  timeout=TIMEOUT, check=False)
            output = done.stdout + done.stderr
            if command[0] != "./pan" and done.returncode != 0:
                raise AssertionError(f"{' '.join(command)} failed:\n{output}")
    return output


def unreached(output):
    """The statements that the search never came to, but for the ends of endless processes."""
    return [line for line in re.findall(r"^\t\S+:\d+, state \d+, .*$", output, re.MULTILINE)
            if '"-end-"' not in line]


class Protocol(unittest.TestCase):
    """The protocol as it is."""

    def holds(self, configuration, states):
        """No error, after at least `states` states (fewer: the model does less than it should)."""
        output = search(configuration)
        self.assertRegex(output, r"errors: 0\b", output[-3000:])
        for sign in ("Search not completed", "search depth too small", "Search aborted",
                     "out of memory"):
            self.assertNotIn(sign, output)
        self.assertRegex(output, "Full statespace search")
        self.assertEqual(unreached(output), [])
        stored = int(float(re.search(r"^\s*(\S+) states, stored", output, re.MULTILINE)[1]))
        self.assertGreaterEqual(stored, states)

    def test_nothing_is_lost_counted_twice_torn_or_touched_after_stop(self):
        self.holds(WHOLE, 2_000_000)

    def test_the_same_with_more_parts(self):
        self.holds(MORE_PARTS, 6_000_000)

    def test_the_same_while_the_board_opens_and_closes(self):
        self.holds(OPENS, 200_000)

    def test_helpers_that_come_and_go_are_counted(self):
        self.holds(OPENS_TO_TWO, 200_000)

    def test_owner_finishes_whatever_becomes_of_a_helper(self):
        self.holds(FINISHES, 50_000)

    def test_owner_finishes_whatever_becomes_of_two_helpers(self):
        self.holds(FINISHES_WITH_TWO, 1_000_000)

    def test_helpers_leave_a_closed_board(self):
        self.holds(LEAVES, 200_000)


    def test_slots_are_freed_once_and_empty_when_stop_returns(self):
        self.holds(SLOT, 4_000)


class Mutants(unittest.TestCase):
    """The model can fail: without any one of the things that it rests on, it does."""

    def test_every_mutant_in_the_model_is_listed(self):
        sources = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.pml"))
        self.assertEqual(set(re.findall(r"\bM_([A-Z_]+)\b", sources)), set(MUTANTS))

    def test_each_is_found(self):
        for mutant, (configuration, failing) in MUTANTS.items():
            with self.subTest(mutant):
                found = re.search(r"^pan:1: (.*) \(at depth", search(configuration, mutant),
                                  re.MULTILINE)
                self.assertIsNotNone(found, "Spin finds no error")
                self.assertRegex(found[1], failing)


if __name__ == "__main__":
    if not shutil.which("spin"):
        raise SystemExit("spin is missing: tools/install_packages tools/debian-packages.txt")
    unittest.main()
