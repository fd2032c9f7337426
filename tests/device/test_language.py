"""Language models in the secure world: stories260K in each of its forms writes what the reference engines wrote, finds the
reference texts as likely, is stopped, saved and resumed, and takes the memory that the analysis said."""

import json
import struct
import unittest

from harness.board import Board, data_folder, host_smartzone
from tests.device.common import OUT

DATA = data_folder()
FOLDER = DATA / "models" / "llm" / "stories260K" if DATA else None
# File; whose values in reference.json; whether greedy tokens must be the reference's.
FORMS = {
    "bin": ("stories260K.bin", "stories260K.bin", True),
    "v1": ("stories260K_v1.bin", "stories260K.bin", True),
    "q80": ("stories260K_q80_gs4.bin", "stories260K_q80_gs4.bin", False),
    "f32": ("stories260K-f32.gguf", "stories260K-f32.gguf", True),
    "f16": ("stories260K-f16.gguf", "stories260K-f16.gguf", False),
    "q4": ("stories260K-q4_K_M.gguf", "stories260K-q4_K_M.gguf", False),
}
NLL_DIFFERENCE = 0.02


def language_package(form, *options):
    """A form of stories260K, compiled on this machine."""
    OUT.mkdir(parents=True, exist_ok=True)
    package = OUT / f"stories260K-{form}.szp"
    name = FORMS[form][0]
    tokenizer = ["--tokenizer", FOLDER / "tok512.bin"] if name.endswith(".bin") else []
    host_smartzone("compile", FOLDER / name, "-o", package, *tokenizer, *options)
    return package


@unittest.skipUnless(FOLDER and FOLDER.is_dir(), "SMARTZONE_DATA names no folder with stories260K")
class LanguageModels(unittest.TestCase):
    """One device; its OP-TEE lends cores, so that the same tokens on one and on two are part of it."""

    @classmethod
    def setUpClass(cls):
        cls.reference = json.loads((FOLDER / "reference.json").read_text("utf-8"))
        cls.board = Board("test-language", flavour="smartzone", memory=512)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)
        cls.packages = {form: language_package(form) for form in FORMS}
        cls.board.push(*cls.packages.values(), *sorted((FOLDER / "text").glob("*.txt")), "/root/")

    def guest(self, form):
        """A form's package on the device."""
        return f"/root/{self.packages[form].name}"

    def generate(self, form, *options):
        """Greedy text from the secure world; the document."""
        said = self.board.smartzone_json("generate", self.guest(form), "--greedy", "--backend", "tee",
                                         *options)
        self.assertTrue(said["secure"])
        return said

    def write(self, name, text):
        """A text as a file on the device; its path there (a remote shell would take it apart)."""
        path = OUT / name
        path.write_bytes(text.encode("utf-8"))
        self.board.push(path, "/root/")
        return f"/root/{name}"

    def test_fp32_forms_write_the_reference_tokens_for_all_prompts_on_any_cores(self):
        for form, (_, reference, exact) in FORMS.items():
            if not exact:
                continue
            cases = self.reference[reference]["greedy"]
            self.assertGreater(len(cases), 0)
            for number, case in enumerate(cases):
                begin = len(case["prompt_tokens"])
                wanted = case["tokens"][begin:]
                prompt = self.write(f"prompt{number}.txt", case["prompt"])
                for cores in ("1", "2"):
                    with self.subTest(form=form, prompt=case["prompt"], cores=cores):
                        said = self.generate(form, "--prompt-file", prompt, "--tokens", len(wanted),
                                             "--cores", cores)
                        self.assertEqual(said["tokens"], wanted)
                        self.assertEqual(said["report"]["prompt_tokens"], begin)

    def test_all_forms_find_the_texts_as_likely_as_the_references_do(self):
        for form, (_, reference, _) in FORMS.items():
            for case in self.reference[reference]["nll"]:
                with self.subTest(form=form, text=case["text"]):
                    said = self.board.smartzone_json("perplexity", self.guest(form),
                                                     f"/root/{case['text']}", "--backend", "tee")
                    self.assertTrue(said["secure"])
                    self.assertEqual(said["all"]["pieces"], 1)
                    self.assertLessEqual(abs(said["all"]["mean_nll"] - case["mean_nll"]),
                                         NLL_DIFFERENCE)

    def test_secure_world_normal_world_and_this_machine_write_the_same(self):
        prompt = self.write("begin.txt", "Once upon a time")
        for form, package in self.packages.items():
            with self.subTest(form=form):
                options = ["--prompt-file", prompt, "--tokens", 60]
                tee = self.generate(form, *options)
                normal = self.board.smartzone_json("generate", self.guest(form), "--greedy",
                                                   "--backend", "host", *options)
                here = json.loads(host_smartzone(
                    "generate", package, "--greedy", "--backend", "host", "--json", "--prompt",
                    "Once upon a time", "--tokens", 60).stdout)
                self.assertEqual(tee["tokens"], normal["tokens"])
                self.assertEqual(tee["tokens"], here["tokens"])
                self.assertEqual(tee["text"], here["text"])

    def test_a_conversation_goes_on_where_it_was_saved(self):
        prompt = self.write("begin.txt", "Once upon a time")
        whole = self.generate("bin", "--prompt-file", prompt, "--tokens", 80)
        first = self.generate("bin", "--prompt-file", prompt, "--tokens", 30, "--save",
                              "/root/talk.szc")
        second = self.generate("bin", "--resume", "/root/talk.szc", "--tokens", 50)
        self.assertEqual(first["tokens"] + second["tokens"], whole["tokens"])
        self.assertEqual(first["text"] + second["text"], whole["text"])
        # Sealed: nothing of what was said stands in the file.
        self.board.pull("/root/talk.szc", OUT)
        sealed = (OUT / "talk.szc").read_bytes()
        for word in (b"Once upon", whole["text"].encode("utf-8")[:12]):
            self.assertNotIn(word, sealed)

    def resume(self, form, file):
        """Resumes a file and expects to be refused; standard error."""
        result = self.board.smartzone("generate", self.guest(form), "--greedy", "--backend", "tee",
                                      "--resume", file, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stdout, "")
        return result.stderr

    def test_saved_files_that_were_changed_or_are_foreign_are_refused(self):
        prompt = self.write("begin.txt", "Once upon a time")
        self.generate("bin", "--prompt-file", prompt, "--tokens", 20, "--save", "/root/good.szc")
        self.board.pull("/root/good.szc", OUT)
        good = (OUT / "good.szc").read_bytes()
        for at in (16, 40, len(good) // 2, len(good) - 1):  # behind the wrapping: the pieces
            with self.subTest(flipped=at):
                bad = bytearray(good)
                bad[at] ^= 1
                (OUT / "bad.szc").write_bytes(bad)
                self.board.push(OUT / "bad.szc", "/root/")
                self.assertRegex(self.resume("bin", "/root/bad.szc"), "kSaved|damaged|changed|version")
        (OUT / "bad.szc").write_bytes(good[:-1])
        self.board.push(OUT / "bad.szc", "/root/")
        self.assertIn("cut short", self.resume("bin", "/root/bad.szc"))
        self.assertIn("another model", self.resume("q4", "/root/good.szc"))
        # The trusted application is well: the good file is still good.
        self.assertEqual(len(self.generate("bin", "--resume", "/root/good.szc", "--tokens",
                                           5)["tokens"]), 5)

    def endless_package(self):
        """stories260K with a long context, and with embeddings of the tokens that end a text at which
        they are never the likeliest; its path on the device."""
        content = bytearray((FOLDER / "stories260K.bin").read_bytes())
        width = struct.unpack_from("<i", content)[0]
        header = 7 * 4
        content[header + 4 * width:header + 3 * 4 * width] = bytes(2 * 4 * width)
        OUT.mkdir(parents=True, exist_ok=True)
        model, package = OUT / "endless.bin", OUT / "endless.szp"
        model.write_bytes(content)
        host_smartzone("compile", model, "--tokenizer", FOLDER / "tok512.bin", "-o", package,
                       "--context", "4096")
        self.board.push(package, "/root/")
        return f"/root/{package.name}"

    def test_ctrl_c_stops_at_a_token_and_the_summary_stays(self):
        # So short a time that the emulated device has not filled the context. BusyBox's timeout ends as
        # the program does.
        result = self.board.run("timeout", "-s", "INT", "3", "smartzone", "generate",
                                self.endless_package(), "--greedy", "--backend", "tee", "--tokens", "0",
                                "--prompt", "Once", check=False)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertIn("ended        stopped", result.stderr)
        self.assertGreater(len(result.stdout), 1)
        # The next one is well.
        self.assertEqual(len(self.generate("bin", "--tokens", 5)["tokens"]), 5)

    def test_chat_keeps_its_context_from_line_to_line(self):
        lines = self.write("lines.txt", "Once upon a time\nThen\n")
        text = self.board.run("sh", "-c", f"smartzone chat {self.guest('bin')} --greedy --backend tee "
                              f"--tokens 8 --json --template none < {lines}").stdout
        said = json.loads(text)
        first, second = said["turns"]
        self.assertTrue(said["secure"])
        self.assertEqual(first["tokens"], self.reference["stories260K.bin"]["greedy"][0]["tokens"][5:13])
        self.assertGreater(second["report"]["position"], first["report"]["position"] + 8)

    def test_prompts_that_do_not_fit_are_refused_with_numbers(self):
        long = self.write("long.txt", "word " * 2000)
        bad = OUT / "bad.txt"
        bad.write_bytes(b"Once \xff upon")
        self.board.push(bad, "/root/")
        for file, sentence in ((long, r"too long: there is room for \d+ tokens|at most \d+"),
                               ("/root/bad.txt", "not valid UTF-8: the byte at offset 5")):
            result = self.board.smartzone("generate", self.guest("bin"), "--backend", "tee",
                                          "--prompt-file", file, check=False)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertRegex(result.stderr, sentence)

    def test_the_context_ends_the_text_with_a_clear_reason(self):
        prompt = self.write("begin.txt", "Once upon a time")
        said = self.generate("bin", "--prompt-file", prompt, "--tokens", 0)
        self.assertIn(said["report"]["ended"], ("context full", "end of text"))
        self.assertLessEqual(said["report"]["position"], said["language"]["context"])

    def test_memory_is_what_the_analysis_says(self):
        prompt = self.write("begin.txt", "Once upon a time")
        for form in ("bin", "q4"):
            for cores in (1, 2):
                with self.subTest(form=form, cores=cores):
                    report = json.loads(host_smartzone("analyze", self.packages[form], "--cores", cores,
                                                       "--json").stdout)
                    said = self.generate(form, "--prompt-file", prompt, "--tokens", 10, "--cores", cores)
                    if said["cores"]["used"] != cores:
                        self.skipTest("the model computes on fewer cores")
                    self.assertEqual(said["secure_memory"]["peak"], report["model"])


if __name__ == "__main__":
    unittest.main()
