"""The claims' framework: rows, verdicts, and errors that become rows."""

import unittest

from claims import registry
from claims.__main__ import table


class RegistryTest(unittest.TestCase):
    """Claims made here, not the project's."""

    def measured(self, function):
        """The row of a claim with this measurement."""
        return registry.run(registry.Claim("id", "what", "ms", "<= 1", function))

    def test_a_value_over_its_bound_falls_short(self):
        self.assertTrue(self.measured(lambda: registry.at_most(1.0, 1.0))["holds"])
        self.assertFalse(self.measured(lambda: registry.at_most(1.01, 1.0))["holds"])
        self.assertTrue(self.measured(lambda: registry.at_least(5, 5))["holds"])
        self.assertFalse(self.measured(lambda: registry.at_least(4.99, 5))["holds"])
        self.assertFalse(self.measured(lambda: registry.exactly(3, 4))["holds"])

    def test_an_error_is_a_row_that_falls_short_and_says_why(self):
        def broken():
            raise ValueError("no such device")
        row = self.measured(broken)
        self.assertIs(row["holds"], False)
        self.assertIn("no such device", row["note"])
        self.assertIn("broken", row["note"])

    def test_what_could_not_be_measured_is_neither(self):
        row = self.measured(lambda: registry.unmeasured("no data"))
        self.assertIsNone(row["holds"])
        self.assertIn("not measured", table([row]))

    def test_every_claim_has_an_id_of_its_own(self):
        import claims.core_speed  # noqa: F401  pylint: disable=unused-import
        import claims.first_network  # noqa: F401  pylint: disable=unused-import
        import claims.original  # noqa: F401  pylint: disable=unused-import
        import claims.peers  # noqa: F401  pylint: disable=unused-import
        ids = [one.id for one in registry.CLAIMS]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertGreater(len(ids), 10)

    def test_a_comparison_lists_the_worst_first_and_what_was_not_compared(self):
        from claims import peers
        row = {"model": "good", "ratio": 0.5, "processor_ratio": 0.5, "smartzone_ms": 1.0,
               "onnxruntime_ms": 2.0, "smartzone_cores": 1, "others_busy_cores": 0.25}
        note = peers.note_of([row, {"model": "no", "problem": "not compiled: X"},
                              row | {"model": "bad", "ratio": 1.5}])
        self.assertTrue(note.startswith("2 of 3 models: bad 1.500"), note)
        self.assertIn("no: not compiled: X", note)
        self.assertEqual(peers.note_of([{"model": "no", "problem": "X"}]), "no: X")


if __name__ == "__main__":
    unittest.main()
