"""Language models: the reference's tokens in the secure world, perplexity, speed, memory."""

import functools
import json
import pathlib
import subprocess
import tempfile

from bench.peers import language, onnx_runtime
from claims.common import board, needs_data
from claims.registry import Measurement, at_least, at_most, claim, exactly, unmeasured
from harness.board import BUILD, data_folder, host_smartzone
from tests.models import synthetic_llama

OUT = BUILD / "llm"
# File in stories260K, whose values in reference.json, whether the tokens must be the same.
FORMS = {"bin": ("stories260K.bin", "stories260K.bin", True),
         "v1": ("stories260K_v1.bin", "stories260K.bin", True),
         "q80": ("stories260K_q80_gs4.bin", "stories260K_q80_gs4.bin", False),
         "f32": ("stories260K-f32.gguf", "stories260K-f32.gguf", True),
         "f16": ("stories260K-f16.gguf", "stories260K-f16.gguf", False),
         "q4_K_M": ("stories260K-q4_K_M.gguf", "stories260K-q4_K_M.gguf", False)}
SHAPE = "synth-llama-15m"


def stories():
    """The folder of stories260K."""
    return data_folder() / "models" / "llm" / "stories260K"


@functools.cache
def reference():
    """What the reference engines made of it."""
    return json.loads((stories() / "reference.json").read_text("utf-8"))


@functools.cache
def package(form, *options):
    """A form of stories260K, compiled here."""
    OUT.mkdir(parents=True, exist_ok=True)
    name = FORMS[form][0]
    out = OUT / f"claims-{form}{''.join(options)}.szp"
    tokenizer = ["--tokenizer", stories() / "tok512.bin"] if name.endswith(".bin") else []
    host_smartzone("compile", stories() / name, "-o", out, *tokenizer, *options)
    return out


class Here:
    """This machine, or its emulation of Arm, as a place to run the program."""

    def __init__(self, *prefix):
        self.prefix = prefix

    def document(self, command, model, *arguments):
        """The JSON document of a command on a package."""
        program = self.prefix or (BUILD / "host" / "cli" / "smartzone",)
        words = [*program, command, model, "--backend", "host", "--json", *arguments]
        return json.loads(subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True,
                                         timeout=1200).stdout)

    def file(self, path):
        """Where a file is."""
        return path


class Device:
    """The secure world of a device."""

    def __init__(self, one, *options):
        self.one, self.options = one, options

    def document(self, command, model, *arguments):
        """The same, from the secure world."""
        said = self.one.smartzone_json(command, self.file(model), "--backend", "tee", *self.options, *arguments,
                                       timeout=3000)
        if command == "generate" and not said["secure"]:
            raise RuntimeError("not in the secure world")
        return said

    def file(self, path):
        """Pushes a file; its place on the device."""
        self.one.push(path, "/root/")
        return f"/root/{pathlib.Path(path).name}"


def arm64():
    """The device's own program, under the user-mode emulator."""
    sysroot = next((path.parent for path in sorted((pathlib.Path.home() / ".cache/smartzone/built").glob(
        "sysroot-*/lib"))), None)
    if sysroot is None:
        raise FileNotFoundError("no sysroot for arm64: make device-files")
    return Here("qemu-aarch64", "-L", sysroot, BUILD / "arm64" / "cli" / "smartzone")


def places():
    """Where the same must come out."""
    return {"host": Here(), "arm64": arm64(), "TA": Device(board("smartzone"))}


def prompt_file(text):
    """A prompt as a file: a shell on the way would take it apart."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(text)
    return pathlib.Path(file.name)


def right_prompts(place, form):
    """(prompts whose greedy tokens are the reference's, prompts)."""
    cases = reference()[FORMS[form][1]]["greedy"]
    right = 0
    for case in cases:
        wanted = case["tokens"][len(case["prompt_tokens"]):]
        path = prompt_file(case["prompt"])
        said = place.document("generate", package(form), "--greedy", "--prompt-file", place.file(path), "--tokens",
                              str(len(wanted)))
        path.unlink()
        right += said["tokens"] == wanted
    return right, len(cases)


@claim("language-tokens", "stories260K in fp32 (.bin, version 1, GGUF): greedy answers that are the reference's, on host, "
       "arm64 and in the TA", "of all prompts", "= all", slow=True)
@needs_data
def language_tokens():
    """Nine prompts or so in three places."""
    notes, right, total = [], 0, 0
    for name, place in places().items():
        for form in (form for form, (_, _, exact) in FORMS.items() if exact):
            good, count = right_prompts(place, form)
            right, total = right + good, total + count
            notes.append(f"{form} {name} {good}/{count}")
    return Measurement(f"{right} of {total}", right == total and total > 0, ", ".join(notes))


def worst_nll(place, forms):
    """(largest difference of the mean negative log-likelihood to the reference, notes)."""
    worst, notes = 0.0, []
    for form in forms:
        for case in reference()[FORMS[form][1]]["nll"]:
            text = place.file(stories() / "text" / case["text"])
            said = place.document("perplexity", package(form), text)["all"]["mean_nll"]
            worst = max(worst, abs(said - case["mean_nll"]))
            notes.append(f"{form} {case['text']} {said:.5f} (reference {case['mean_nll']:.5f})")
    return worst, notes


@claim("language-nll", "stories260K, quantised forms in the TA: mean negative log-likelihood, difference to the reference, "
       "worst of forms and texts", "nats", "<= 0.02", slow=True)
@needs_data
def language_nll():
    """Texts are measured token by token in the TA; only the sum leaves it."""
    worst, notes = worst_nll(Device(board("smartzone")), [f for f, (_, _, exact) in FORMS.items() if not exact])
    return at_most(worst, 0.02, "; ".join(notes))


@claim("language-logits", "stories260K, synth-llama-15m: logits against the reference, largest difference relative to "
       "the largest logit of the position", "", "<= 1e-4", slow=True)
@needs_data
def language_logits():
    """From the tests that compare them."""
    program = BUILD / "host" / "compiler" / "compiler_language_test"
    result = subprocess.run([program, "--gtest_filter=*Logits*"], capture_output=True, text=True, check=False, timeout=600)
    passed = [line for line in result.stdout.splitlines() if line.startswith("[  PASSED  ]")]
    differences = [float(line.split()[-1]) for line in result.stdout.splitlines() if line.startswith("largest difference")]
    if result.returncode != 0 or not passed or not differences:
        return Measurement(None, False, result.stdout[-300:])
    return at_most(max(differences), 1e-4, "on this machine; the TA gives the same bits (docs/numerics.md, Device.language)")


@claim("language-tokenizer", "cases of tokenize_cases.json that match, from tokenizer.bin and from the GGUF vocabulary",
       "tests failed", "= 0")
@needs_data
def language_tokenizer():
    """From the tests of the trusted room."""
    result = subprocess.run([BUILD / "host" / "compiler" / "compiler_gguf_test", "--gtest_filter=TrainedLanguageModels.*"],
                            capture_output=True, text=True, check=False, timeout=600)
    lines = [line for line in result.stdout.splitlines() if "tests ran" in line or "FAILED" in line]
    return exactly(0 if result.returncode == 0 else 1, 0, "; ".join(lines)[:300])


def perplexity(options):
    """Of all texts together, on this machine."""
    texts = sorted((stories() / "text").glob("*.txt"))
    return Here().document("perplexity", package("bin", *options), *texts)["all"]["perplexity"]


def quantised(kind, bound):
    """Perplexity after our own quantisation over that of fp32."""
    real, ours = perplexity(()), perplexity(("--quantize", kind))
    return at_most(ours / real, bound, f"fp32 {real:.4f}, {kind} {ours:.4f}")


@claim("language-q8", "stories260K after our own quantisation to q8_0: perplexity over that of fp32", "ratio", "<= 1.005")
@needs_data
def language_q8():
    """All texts."""
    return quantised("q8_0", 1.005)


@claim("language-q4", "stories260K after our own quantisation to q4_0: perplexity over that of fp32", "ratio", "<= 1.08")
@needs_data
def language_q4():
    """With compensation on text that the model writes (docs/language-models.md)."""
    return quantised("q4_0", 1.08)


def rows_of(kind, threads):
    """Rows of the race, for all shapes of a format."""
    return [row for shape in language.SHAPES for row in language.compare(f"{shape}-{kind}", [threads])]


def speed(threads):
    """The smallest ratio of rates over all models, prompts and single tokens, and peers."""
    try:
        rows = [row for kind in language.FORMATS for row in rows_of(kind, threads)]
    except onnx_runtime.Unavailable as reason:
        return unmeasured(str(reason))
    bad = [language.line(row) for row in rows if "problem" in row]
    if bad:
        return Measurement(None, False, "; ".join(bad))
    ratios = [row[what]["ratio"] for row in rows for what in ("prompt", "tokens") if what in row]
    return at_least(min(ratios), 1, "; ".join(" ".join(language.line(row).split()) for row in rows))


@claim("language-speed-1t", "tokens per second over the peers', one thread: worst of 260K, 15M and 110M shapes in f32, q8_0, "
       "q4_0, prompts of 128 and single tokens", "ratio", ">= 1", slow=True)
def language_speed_1t():
    """llama.cpp, and llama2.c where SMARTZONE_LLAMA2C names it."""
    return speed(1)


@claim("language-speed-2t", "the same on two threads", "ratio", ">= 1", slow=True)
def language_speed_2t():
    """Wants two idle cores."""
    return speed(2)


@claim("language-bandwidth", "110M shape, single tokens: bytes of weights read a second over what a plain sum reaches, worst of "
       "f32, q8_0 and q4_0, one and two threads", "ratio", ">= 0.8", slow=True)
def language_bandwidth():
    """Both in one run."""
    worst, notes = 10.0, []
    for kind in language.FORMATS:
        model, _ = language.files(f"110m-{kind}")
        said = subprocess.run([language.OURS, model, "--threads", "1,2", "--runs", "5", "--json"], capture_output=True,
                              text=True, check=True, timeout=1200)
        for row in json.loads(said.stdout):
            worst = min(worst, row["share_of_bandwidth"])
            notes.append(f"{kind} on {row['threads']}: {row['share_of_bandwidth']:.2f} of {row['bandwidth'] / 1e9:.1f} GB/s")
    return at_least(worst, 0.8, "; ".join(notes))


@functools.cache
def synthetic(*options):
    """synth-llama-15m, filled in and compiled; (package, what is said about it)."""
    folder = data_folder() / "models" / "synthetic-weights" / SHAPE
    model = OUT / f"{SHAPE}.bin"
    said = synthetic_llama.fill(folder / "weights.json", model)
    out = OUT / f"{SHAPE}{''.join(options)}.szp"
    host_smartzone("compile", model, "--tokenizer", data_folder() / "models/llm/tokenizer-llama2-32000/tokenizer.bin",
                   "-o", out, *options)
    return out, said


def large():
    """A device with room for 60 MB of weights, firewalled."""
    return board("smartzone", memory=1024, profile="firewalled-large")


@claim("language-15m", "synth-llama-15m (f32, resident) in the secure world: greedy tokens that are the reference's", "of all",
       "= all", slow=True)
@needs_data
def language_15m():
    """Profile firewalled-large."""
    model, said = synthetic()
    place = Device(large())
    path = prompt_file(said["prompt"])
    wanted = said["greedy_tokens_after_prompt"]
    answer = place.document("generate", model, "--greedy", "--prompt-file", place.file(path), "--tokens", str(len(wanted)))
    path.unlink()
    right = sum(a == b for a, b in zip(answer["tokens"], wanted))
    peak = answer["secure_memory"]["peak"]
    return Measurement(f"{right} of {len(wanted)}", answer["tokens"] == wanted,
                       f"{peak} bytes of secure memory, {answer['report']['writing_tokens_per_second']:.2f} tokens/s emulated")


@claim("language-15m-small", "synth-llama-15m in 16 MiB of secure RAM (profile firewalled): longest context that is loaded and "
       "written to, q4_0", "tokens", ">= 128", slow=True)
@needs_data
def language_15m_small():
    """Caches in f16; q8_0 has 16.2 MB of weights alone and cannot be resident there."""
    notes, best = [], 0
    for context in (64, 128, 192, 256):
        model, _ = synthetic("--quantize", "q4_0", "--context", str(context), "--cache", "f16")
        try:
            answer = Device(board("smartzone")).document("generate", model, "--greedy", "--prompt", "once", "--tokens", "4")
        except RuntimeError as error:
            notes.append(f"{context}: {str(error)[-160:]}")
            break
        best = context
        notes.append(f"{context}: {answer['secure_memory']['peak']} bytes")
    return at_least(best, 128, "; ".join(notes))


@functools.cache
def device_bench():
    """One and two cores, both worlds, in turn, on one device."""
    model, _ = synthetic("--quantize", "q8_0")
    one = large()
    one.push(model, "/root/")
    said = one.smartzone_json("bench", f"/root/{model.name}", "--backends", "tee,host", "--cores", "1,2", "--runs", "5",
                              "--warmup", "1", "--prompt-tokens", "64", "--tokens", "12", timeout=6000)
    if not said["identical"]:
        raise RuntimeError("tokens differ")
    return said


def speedup(what, bound):
    """Two cores over one in the secure world."""
    said = device_bench()
    ours = {row["backend"]: row["speedup"] for row in said[what]["speedups"]}
    return at_least(ours["tee"], bound, f"q8_0, tokens the same on one and two cores and in both worlds; in the normal world "
                    f"{ours['host']:.2f}")


@claim("language-cores-prompt", "synth-llama-15m in the secure world, prompt of 64 tokens: one core over two", "ratio", ">= 1.8",
       slow=True)
@needs_data
def language_cores_prompt():
    """Two virtual CPUs want two idle host cores."""
    return speedup("prompt", 1.8)


@claim("language-cores-tokens", "synth-llama-15m in the secure world, single tokens: one core over two", "ratio", ">= 1.6",
       slow=True)
@needs_data
def language_cores_tokens():
    """The same runs."""
    return speedup("writing", 1.6)


@claim("language-worlds", "synth-llama-15m: normal-world over secure-world tokens per second, worst of prompts and single tokens, one "
       "and two cores", "ratio", "<= 1.05", slow=True)
@needs_data
def language_worlds():
    """The same engine in both; the same runs."""
    said = device_bench()
    ratios = {f"{what} on {row['cores']}": row["ratio_of_medians"] for what in ("prompt", "writing")
              for row in said[what]["ratios"]}
    return at_most(max(ratios.values()), 1.05, ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items()))


@claim("language-memory", "language models: peak secure memory as the TA counts it, minus the analysis", "bytes", "= 0",
       slow=True)
@needs_data
def language_memory():
    """Weights, caches, arena, conversation, scratch, plan, on one core and two."""
    notes, worst = [], 0
    place = Device(board("smartzone"))
    for form in ("bin", "q4_K_M"):
        for cores in ("1", "2"):
            said = json.loads(host_smartzone("analyze", package(form), "--cores", cores, "--json").stdout)
            answer = place.document("generate", package(form), "--greedy", "--prompt", "once", "--tokens", "4", "--cores",
                                    cores)
            used = str(answer["cores"]["used"])
            difference = answer["secure_memory"]["peak"] - said["model"] if used == cores else 0
            worst = max(worst, abs(difference))
            notes.append(f"{form} on {used}: {answer['secure_memory']['peak']}")
    return exactly(worst, 0, "; ".join(notes))
