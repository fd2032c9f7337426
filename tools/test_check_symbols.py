#!/usr/bin/python3
"""check_symbols must let the trusted rooms' own symbols through and refuse everything else."""

import pathlib
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent / "check_symbols"


class CheckSymbols(unittest.TestCase):
    """Archives made on the spot by this machine's compiler."""

    def check(self, **rooms):
        """The tool's complaints about archives with these C++ sources, one for each room."""
        with tempfile.TemporaryDirectory() as folder:
            archives = []
            for room, source in rooms.items():
                unit = pathlib.Path(folder, f"{room}.cc")
                unit.write_text(source, encoding="utf-8")
                subprocess.run(["g++", "-std=c++20", "-O1", "-fPIC", "-c", unit, "-o",
                                unit.with_suffix(".o")], check=True)
                archives.append(pathlib.Path(folder, f"libsmartzone_{room}.a"))
                subprocess.run(["ar", "rcs", archives[-1], unit.with_suffix(".o")], check=True)
            result = subprocess.run([TOOL, "--nm", "nm", *archives], capture_output=True, text=True,
                                    check=False)
            self.assertEqual(result.returncode, 1 if result.stderr else 0)
            return result.stderr

    def test_rooms_may_call_each_other_and_memcpy(self):
        said = self.check(
            base="void f(char *p, const char *q, unsigned long n) { __builtin_memcpy(p, q, n); }",
            ops="void f(char *, const char *, unsigned long); extern const int k; const int k = 3;"
                "void g(char *p) { f(p, p, 1); }")
        self.assertEqual(said, "")

    def test_constants_with_addresses_are_no_state(self):
        self.assertEqual(self.check(ops="int f(); int f() { return 1; }"
                                    "extern int (*const t[])(); int (*const t[])() = {f};"), "")

    def test_the_c_library_is_refused(self):
        self.assertIn("malloc", self.check(base="extern \"C\" void *malloc(unsigned long);"
                                           "void *f() { return malloc(9); }"))

    def test_libm_is_refused(self):
        self.assertIn("expf", self.check(math="extern \"C\" float expf(float);"
                                         "float f(float x) { return expf(x); }"))

    def test_operator_delete_is_refused(self):
        self.assertIn("_ZdlPv", self.check(engine="struct A { virtual ~A(); virtual int f(); };"
                                           "A::~A() {} int A::f() { return 1; }"))

    def test_writable_data_is_refused(self):
        self.assertIn("counter", self.check(ops="int counter = 0; int f() { return ++counter; }"))
        self.assertIn("table", self.check(ops="int table[3] = {1, 2, 3};"))

    def test_gnu_unique_symbols_are_refused(self):
        self.assertIn("GNU_UNIQUE", self.check(
            ops="inline constexpr int k[3] = {1, 2, 3}; const int *f() { return k; }"))

    def test_globalplatform_is_for_the_room_ta_only(self):
        source = "extern \"C\" void TEE_Free(void *); void f(void *p) { TEE_Free(p); }"
        self.assertEqual(self.check(ta=source), "")
        self.assertIn("TEE_Free", self.check(engine=source))

    def test_only_the_test_ta_may_panic(self):
        source = "extern \"C\" void TEE_Panic(unsigned); void f() { TEE_Panic(1); }"
        self.assertEqual(self.check(test_ta=source), "")
        self.assertIn("TEE_Panic", self.check(ta=source))


if __name__ == "__main__":
    unittest.main()
