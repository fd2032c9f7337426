"""The part of the demo in which a language model writes: models/tales, from prompt to text."""

import json
import textwrap

from demo import sample_set
from harness.board import ROOT, host_smartzone

TALES = ROOT / "models" / "tales"
GUEST_MODEL = "/root/tales.szp"


def stored_story():
    """What numpy wrote with the same weights: {"prompt", "text", "tokens", ...}. The engine's bits
    are the same everywhere, so its text is this one or it computes something else."""
    return json.loads((TALES / "reference.json").read_text(encoding="utf-8"))["greedy"][0]


def compile_model():
    """Compiles the model on this machine; returns the package's path."""
    sample_set.OUT.mkdir(parents=True, exist_ok=True)
    package = sample_set.OUT / "tales.szp"
    print(host_smartzone("compile", TALES / "tales.bin", "-o", package).stdout.rstrip())
    return package


def write(board, row, backend):
    """Lets the device go on from a stored prompt; returns what `smartzone generate` said."""
    return board.smartzone_json("generate", GUEST_MODEL, "--prompt", row["prompt"], "--greedy",
                                "--tokens", str(len(row["tokens"]) + 1), "--backend", backend)


def show_story(row, said):
    """The story, what was asked in brackets."""
    print(textwrap.indent(textwrap.fill(f"[{row['prompt']}]{said['text']}", 96), "  | "))


def show_figures(said):
    """Speed and memory, as the session counted them."""
    report, memory = said["report"], said["secure_memory"]
    print(f"  {report['prompt_tokens']} tokens of prompt, first token after "
          f"{report['first_token_seconds'] * 1000:.0f} ms; {report['written']} tokens written, "
          f"{report['writing_tokens_per_second']:.0f} tokens/s (an emulated processor)")
    print(f"  {memory['peak']:,} bytes of secure memory at the peak: weights "
          f"{memory['weights']:,}, caches {memory['state']:,}, conversation "
          f"{memory['language']:,}, arena {memory['arena']:,}")


def agrees(row, said, world):
    """Whether a world wrote the stored text to its end; says where it did not."""
    if said["text"] == row["text"] and said["report"]["ended"] == "end of text":
        return True
    same = next((i for i, (a, b) in enumerate(zip(said["text"], row["text"])) if a != b),
                min(len(said["text"]), len(row["text"])))
    print(f"  DISAGREES: the {world} ended with \"{said['report']['ended']}\", and after "
          f"{same} characters it wrote\n    {said['text'][same:same + 60]!r}, the reference has\n"
          f"    {row['text'][same:same + 60]!r}")
    return False


def run(board, package):
    """Writes a stored story in both worlds; True if both are as numpy wrote it."""
    board.push(package, GUEST_MODEL)
    row = stored_story()
    secure = write(board, row, "tee")
    show_story(row, secure)
    show_figures(secure)
    normal = write(board, row, "host")
    if not secure["secure"]:
        print("  NOT SECURE: the text was not written in the secure world")
        return False
    done = [agrees(row, secure, "secure world"), agrees(row, normal, "normal world")]
    if all(done):
        print("both worlds wrote, to the letter, what numpy writes with the same weights "
              "(models/tales/reference.json)")
    return all(done)
