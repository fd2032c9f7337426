"""What the demo runs: a model, its samples, and the reference answers to compare with."""

import dataclasses
import json
import pathlib

from harness.board import BUILD, ROOT, host_smartzone

DIGITS = ROOT / "models" / "digits"
OUT = BUILD / "demo"


@dataclasses.dataclass
class SampleSet:
    """model: ONNX file; samples: input files; reference: per sample all output values, as an
    independent engine computed them; engine: which one."""
    model: pathlib.Path
    samples: list
    preprocess: pathlib.Path | None
    labels: pathlib.Path | None
    engine: str
    reference: list


def compile_model(one, *options, name="model"):
    """Compiles the model of a sample set on this machine; returns the package's path."""
    OUT.mkdir(parents=True, exist_ok=True)
    package = OUT / f"{name}.szp"
    arguments = ["compile", one.model, "-o", package, *options]
    if one.preprocess:
        arguments += ["--preprocess", one.preprocess]
    if one.labels:
        arguments += ["--labels", one.labels]
    print(host_smartzone(*arguments).stdout.rstrip())
    return package


def digits():
    """The digits network of models/, with the answers that OpenCV's dnn module gave."""
    stored = json.loads((DIGITS / "reference.json").read_text(encoding="utf-8"))
    return SampleSet(
        model=DIGITS / "digits.onnx",
        samples=[DIGITS / row["file"] for row in stored["samples"]],
        preprocess=DIGITS / "preprocess.json", labels=DIGITS / "labels.txt",
        engine=stored["engine"] + " " + stored["engine_version"],
        reference=[row["probabilities"] for row in stored["samples"]])


def users_own(model, inputs, preprocess, labels):
    """A model of the user's. The reference is this machine's plain reference kernels."""
    one = SampleSet(pathlib.Path(model).resolve(), [pathlib.Path(i).resolve() for i in inputs],
                    pathlib.Path(preprocess).resolve() if preprocess else None,
                    pathlib.Path(labels).resolve() if labels else None,
                    "SmartZone's plain reference kernels on this machine", [])
    package = compile_model(one, "--reference-kernels", name="reference")
    said = json.loads(host_smartzone("run", package, *one.samples, "--backend", "host", "--json",
                                     "--values").stdout)
    one.reference = [row["outputs"][0]["values"] for row in said["results"]]
    return one
