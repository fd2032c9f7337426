"""The comparison's own parts, without the peer and without a network: what is downloaded is verified,
rows and tables, the core that the emulator shows."""

import base64
import hashlib
import io
import os
import pathlib
import tarfile
import tempfile
import unittest
from unittest import mock

from bench.instructions import count_instructions
from bench.peers import compare, count, models, onnx_runtime


def archive_with(path, members):
    """A .tgz with these files; returns its digest as npm writes it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    digest = hashlib.sha512(path.read_bytes()).digest()
    return "sha512-" + base64.b64encode(digest).decode()


BOTH = {f"package/bin/napi-v6/linux/{one}/libonnxruntime.so.1": one.encode()
        for one in onnx_runtime.ARCHITECTURES}


class Download(unittest.TestCase):
    """With archives made here in the place of npm's."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = pathlib.Path(temporary.name)
        self.archive = self.top / "package.tgz"
        self.out = self.top / "out"
        self.out.mkdir()

    def test_the_libraries_of_both_architectures_are_unpacked_and_nothing_else(self):
        integrity = archive_with(self.archive, BOTH | {
            "package/bin/napi-v6/win32/x64/onnxruntime.dll": b"no", "package/README.md": b"no",
            "package/bin/napi-v6/linux/x64/../../../../evil/libonnxruntime.so.1": b"no"})
        onnx_runtime.make(self.out, lambda _: self.archive, integrity)
        files = {path.relative_to(self.out).as_posix(): path.read_bytes()
                 for path in self.out.rglob("*") if path.is_file()}
        self.assertEqual(files, {"x64/libonnxruntime.so": b"x64", "arm64/libonnxruntime.so": b"arm64"})

    def test_other_bytes_are_refused_before_anything_is_unpacked(self):
        integrity = archive_with(self.archive, BOTH)
        archive_with(self.archive, BOTH | {"package/more": b"one more file"})
        with self.assertRaisesRegex(onnx_runtime.WrongBytes, "not what was pinned"):
            onnx_runtime.make(self.out, lambda _: self.archive, integrity)
        self.assertEqual(list(self.out.iterdir()), [])

    def test_the_pinned_digest_is_not_that_of_another_file(self):
        archive_with(self.archive, BOTH)
        with self.assertRaises(onnx_runtime.WrongBytes):
            onnx_runtime.verify(self.archive)

    def test_an_archive_without_an_architecture_is_refused(self):
        integrity = archive_with(self.archive, dict(list(BOTH.items())[:1]))
        with self.assertRaisesRegex(onnx_runtime.WrongBytes, "arm64"):
            onnx_runtime.make(self.out, lambda _: self.archive, integrity)

    def test_a_failing_or_absent_npm_is_said(self):
        npm = self.top / "npm"
        npm.write_text("#!/bin/sh\necho 'no network' >&2\nexit 1\n", encoding="ascii")
        npm.chmod(0o755)
        with mock.patch.dict(os.environ, {"PATH": f"{self.top}:{os.environ['PATH']}"}):
            with self.assertRaisesRegex(onnx_runtime.Unavailable, "no network"):
                onnx_runtime.download(self.out)
        with mock.patch.dict(os.environ, {"PATH": str(self.out)}):
            with self.assertRaisesRegex(onnx_runtime.Unavailable, "npm is not installed"):
                onnx_runtime.download(self.out)


ROW = {"model": "net", "kind": "fp32", "threads": 1, "smartzone_ms": 2.0, "onnxruntime_ms": 4.0,
       "ratio": 0.5, "ratio_of_least": 0.48, "processor_ratio": 0.51, "ratio_quartiles": [0.49, 0.52],
       "smartzone_cores": 1, "smartzone_busy_cores": 1.0,
       "onnxruntime_busy_cores": 1.0, "others_busy_cores": 0.1, "peer_level": "all"}


class Tables(unittest.TestCase):
    """With made-up rows."""

    def test_a_line_has_the_figures_under_their_heading(self):
        line = compare.line_of(ROW)
        for text in ("net", "fp32", "2.000", "4.000", "0.500", "[0.490 0.520]", "0.10"):
            self.assertIn(text, line)
        self.assertNotIn("level", line)
        self.assertIn("peer at level extended", compare.line_of(ROW | {"peer_level": "extended"}))

    def test_a_model_that_was_not_compared_says_why(self):
        line = compare.line_of({"model": "net", "kind": "int8", "threads": 2, "problem": "not compiled: X"})
        self.assertIn("not compiled: X", line)

    def test_the_worst_is_found_for_each_kind_and_thread_count(self):
        rows = [ROW, ROW | {"model": "slow", "ratio": 1.5}, ROW | {"threads": 2, "ratio": 0.7},
                {"model": "no", "kind": "fp32", "threads": 1, "problem": "not compiled: X"}]
        self.assertEqual(compare.worst_lines(rows), [
            "fp32, 1 thread: worst ratio 1.500 (slow); 2 of 3 models compared",
            "fp32, 2 threads: worst ratio 0.700 (net); 1 of 1 models compared"])

    def test_wrong_answers_and_failing_programs_are_no_figures(self):
        model = models.Model("net", "fp32", pathlib.Path("net.onnx"), [])
        for status, out, expected in ((1, '{"agree": false, "difference": 0.5}', "wrong answer"),
                                      (2, "", "cannot load"), (-11, "", "status -11")):
            result = mock.Mock(returncode=status, stdout=out,
                               stderr="cannot load" if status == 2 else "")
            with mock.patch.object(compare, "measured", return_value=(result, 0.0)), \
                    mock.patch.object(onnx_runtime, "library", return_value="lib"):
                row = compare.row_of(model, "net.szp", 1, 3)
            self.assertIn(expected, row["problem"])

    def test_refusals_of_the_compiler_are_told_without_the_path(self):
        result = mock.Mock(returncode=1, stderr="compile: import\nsmartzone: /a/net.onnx: node 'N': no\n")
        model = models.Model("net", "fp32", pathlib.Path("/a/net.onnx"), [pathlib.Path("/b/input.bin")])
        with mock.patch.object(models, "host_smartzone", return_value=result), \
                mock.patch.object(models, "HOST_SMARTZONE", pathlib.Path(__file__)):
            with self.assertRaisesRegex(models.NotCompiled, "^node 'N': no$"):
                models.compile_model(model)


class Counting(unittest.TestCase):
    """With counts made here in the place of the emulator's."""

    def test_only_what_is_between_two_counts_is_an_inference(self):
        asked = []
        def program(runs):
            asked.append(runs)
            return 5_000_000 + (1000 if runs > 1 else 0) + 100_000_000 * runs
        self.assertEqual(count.measure(program, "smartzone"), 100_000_000)
        self.assertEqual(asked, [1, 2, 12, 22])
        self.assertEqual(count.measure(program, "onnxruntime"), 100_000_000)
        self.assertEqual(asked[4:], [1, 4, 14, 24])

    def test_small_and_large_inferences_have_bounds_on_their_number(self):
        self.assertEqual(count.step_for(5_000_000_000, 3), 3)
        self.assertEqual(count.step_for(1_000, 3), count.MOST_STEP)
        self.assertEqual(count.step_for(-5, 1), count.MOST_STEP)

    def test_counts_that_do_not_repeat_are_no_figure(self):
        totals = iter([0, 3_000_000_000, 6_000_000_000, 9_030_000_000])
        with self.assertRaises(count_instructions.NotRepeatable):
            count.measure(lambda _: next(totals), "onnxruntime")

    def test_the_emulator_shows_the_core_asked_for(self):
        with tempfile.TemporaryDirectory() as sysroot:
            (pathlib.Path(sysroot) / "lib").mkdir()
            (pathlib.Path(sysroot) / "lib" / "libc.so.6").write_bytes(b"libc")
            with count.root_with("cortex-a53", sysroot) as root:
                shown = (root / "proc" / "cpuinfo").read_text(encoding="ascii")
                self.assertEqual((root / "lib" / "libc.so.6").read_bytes(), b"libc")
        self.assertEqual(shown.count("CPU part\t: 0xd03"), 2)
        self.assertNotIn("asimddp", shown)
        self.assertIn("asimddp", count.cpuinfo("cortex-a76"))


if __name__ == "__main__":
    unittest.main()
