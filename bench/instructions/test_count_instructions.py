"""The arithmetic of count_instructions.py: differences, repeatability, how many inferences."""

import unittest

from bench.instructions import count_instructions as count


class Arithmetic(unittest.TestCase):
    """With made-up counts."""

    def test_the_difference_is_the_cost_of_the_inferences_between(self):
        self.assertEqual(count.per_inference([7_000, 8_000, 9_000], 1), 1_000)
        self.assertEqual(count.per_inference([7_000, 57_000, 107_000], 50), 1_000)
        # What start and loading take is no matter.
        self.assertEqual(count.per_inference([7_000_000, 7_001_000, 7_002_000], 1), 1_000)

    def test_the_mean_of_two_differences_is_taken(self):
        self.assertEqual(count.per_inference([0, 100_000, 200_010], 10), 10_000.5)

    def test_counts_that_do_not_repeat_are_no_figure(self):
        self.assertEqual(count.per_inference([0, 1_000_000, 1_999_000], 1), 999_500)
        for counts in ([0, 1_000_000, 1_998_000], [0, 998_000, 1_998_000], [5, 5, 5], [9, 5, 1]):
            with self.assertRaises(count.NotRepeatable):
                count.per_inference(counts, 1)

    def test_small_inferences_are_counted_many_at_a_time(self):
        self.assertEqual(count.inferences_between(10_000_000_000), 1)
        self.assertEqual(count.inferences_between(1_000_000), 50)
        self.assertEqual(count.inferences_between(10), count.MOST_INFERENCES)
        self.assertEqual(count.inferences_between(-3), count.MOST_INFERENCES)


if __name__ == "__main__":
    unittest.main()
