#!/usr/bin/python3
"""Tests of check_inner_loops.py on small disassemblies."""

import unittest

import check_inner_loops

X86 = """
0000000000000000 <void kernel<8ul>(Block const&)>:
   0:\tmov    %rdi,0x8(%rsp)
   4:\tvmovups (%rsi),%zmm0
   8:\tvfmadd231ps (%rdx){1to16},%zmm0,%zmm1
   c:\t{extra}
  10:\tjne    4 <void kernel<8ul>(Block const&)+0x4>
  14:\tmov    0x8(%rsp),%rax
  18:\tjne    0 <void kernel<8ul>(Block const&)>
  1c:\tret
"""
ARM = """
0000000000000040 <compute(Block const&)>:
  40:\tstp    d8, d9, [sp, #-64]!
  44:\tldr    q0, [x0], #16
  48:\tfmla   v16.4s, v8.4s, v0.s[0]
  4c:\t{extra}
  50:\tb.ne   44 <compute(Block const&)+0x4>  // b.any
  54:\tret
"""


class CheckInnerLoops(unittest.TestCase):
    """The inner loop counts, and nothing around it."""

    def test_clean_loops_pass(self):
        self.assertEqual(check_inner_loops.check(X86.replace("{extra}", "add $0x4,%rdx"),
                                                 ["kernel<"]), ([], 1))
        self.assertEqual(check_inner_loops.check(ARM.replace("{extra}", "subs x1, x1, #0x1"),
                                                 ["compute"]), ([], 1))

    def test_the_stack_in_a_loop_is_found(self):
        wrong, _ = check_inner_loops.check(X86.replace("{extra}", "vmovups 0x40(%rsp),%zmm2"),
                                           ["kernel<"])
        self.assertEqual(len(wrong), 1)
        self.assertIn("touches the stack at c", wrong[0])
        for access in ("ldr q1, [sp, #160]", "str q1, [x29, #16]"):
            wrong, _ = check_inner_loops.check(ARM.replace("{extra}", access), ["compute"])
            self.assertEqual(len(wrong), 1, access)

    def test_a_kernel_that_is_not_there_is_found(self):
        wrong, _ = check_inner_loops.check(ARM, ["compute", "other"])
        self.assertEqual(wrong, ["no inner loop with multiply-adds in any function named other"])
        wrong, _ = check_inner_loops.check(ARM.replace("fmla", "fmul"), ["compute"])
        self.assertEqual(len(wrong), 1)


if __name__ == "__main__":
    unittest.main()
