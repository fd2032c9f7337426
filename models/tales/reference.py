#!/usr/bin/python3
"""Writes reference.json: what tales.bin writes and how well it predicts, computed by numpy.

    /usr/bin/python3 reference.py

All of it from the stored files, so from the weights as they are after rounding to 8 bits.
"""

import hashlib
import json
import pathlib

import checkpoint
import measure
import tokenizer
import writer

HERE = pathlib.Path(__file__).resolve().parent
# Openings, of several plots, and none at all. Chosen before the model wrote anything.
PROMPTS = (
    "Once there was a small fox called Pip, who lived in the garden.",
    "There was once a shy owl named Tilda. She lived near the pond. She had a golden key",
    "In a hollow tree lived a clever mouse. His name was Bram. \"What has hands but cannot clap?\"",
    "A brave badger named Ivy lived behind the mill. One rainy evening she had five plums",
    "Once there was a merry otter called Finn, who lived under the old bridge. One night he could",
    "",
)


def texts(shape, parameters, cutter):
    """Greedy continuations, with the inputs of matrices rounded to 8 bits, as engines do."""
    one, found = writer.Writer(shape, parameters, eight_bit=True), []
    for prompt in PROMPTS:
        written, lead = writer.greedy(one, cutter, prompt)
        text = cutter.decode(cutter.encode(prompt) + written)[len(prompt):]
        found.append({"prompt": prompt, "text": text, "tokens": written, "smallest_lead": lead})
    return found


def compute(folder):
    """The content of reference.json for the files of `folder`."""
    shape, parameters = checkpoint.read(folder / "tales.bin")
    cutter = tokenizer.read(folder / "tokenizer.bin")
    stories = measure.held_out()
    return {"sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
                       for name in ("tales.bin", "tokenizer.bin")},
            "greedy": texts(shape, parameters, cutter),
            "held_out": {"stories": len(stories),
                         "model": measure.model(shape, parameters, cutter, stories),
                         "bigram": measure.bigram(cutter, stories),
                         "bits_per_character_of_the_choices": measure.choices(stories)}}


def main():
    """Writes reference.json beside the model."""
    found = compute(HERE)
    (HERE / "reference.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for row in found["greedy"]:
        print(f"{row['prompt']} | {row['text']}  [{row['smallest_lead']:.4f}]\n")
    print(json.dumps(found["held_out"], indent=1))


if __name__ == "__main__":
    main()
