"""ONNX's backend tests on this machine: right or refused, nothing in between."""

import unittest

from tests.conformance import suite

AT_LEAST = 739  # tests that pass; raised as operators are added


@unittest.skipIf(suite.tests_folder() is None, "SMARTZONE_DATA names no folder with the tests")
class Conformance(unittest.TestCase):
    """Every test of the suite."""

    def test_what_compiles_gives_the_results_that_onnx_expects(self):
        bad = [f"{e['test']}: {e['state']}: {e['reason']}" for e in suite.results()
               if e["state"] not in ("pass", "refused")]
        self.assertEqual(bad, [])

    def test_enough_tests_pass(self):
        self.assertGreaterEqual(suite.count(suite.results(), "pass"), AT_LEAST)

    def test_every_refusal_names_a_reason(self):
        for entry in suite.results():
            if entry["state"] == "refused":
                self.assertGreater(len(entry["reason"]), 20, entry)

    def test_the_table_in_the_documentation_is_up_to_date(self):
        self.assertEqual(suite.TABLE.read_text(encoding="utf-8"), suite.table(suite.results()))


if __name__ == "__main__":
    unittest.main()
