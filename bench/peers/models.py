"""The models of the comparison: files that both engines can load, with an input for each."""

import dataclasses
import json
import pathlib

from harness.board import BUILD, HOST_SMARTZONE, call, data_folder, host_smartzone
from tests.device.common import tensor_bytes

OUT = BUILD / "peers"
FILL = BUILD / "host" / "bench" / "peers" / "fill_light_model"

# Answers agree: largest difference over largest value. Quantised networks may differ by a step of
# the last layers' scales.
FP32_TOLERANCE = 1e-3
INT8_TOLERANCE = 0.03


@dataclasses.dataclass
class Model:
    """kind: "fp32" or "int8"; inputs: files of raw f32 values."""
    name: str
    kind: str
    path: pathlib.Path
    inputs: list

    @property
    def tolerance(self):
        """How far apart the engines' answers may be."""
        return INT8_TOLERANCE if self.kind == "int8" else FP32_TOLERANCE


class NotCompiled(RuntimeError):
    """SmartZone's compiler refused the model; the message is its reason."""


def kind_of(name):
    """Quantised models carry their steps in the graph, and that in their names."""
    return "int8" if name.endswith("_qdq") else "fp32"


def trained(folder):
    """A trained model with its first test vector as raw bytes."""
    name = folder.name
    inputs = []
    for tensor in sorted((folder / "test_data_set_0").glob("input_*.pb")):
        raw = OUT / name / (tensor.stem + ".bin")
        raw.parent.mkdir(parents=True, exist_ok=True)
        raw.write_bytes(tensor_bytes(tensor))
        inputs.append(raw)
    if not inputs:
        raise FileNotFoundError(f"{folder} has no test vectors")
    return Model(name, kind_of(name), folder / "model.onnx", inputs)


def synthetic(folder):
    """A model at full size, its weights filled in by the formula that its folder states."""
    name = f"{folder.name} (synthetic)"
    out = OUT / f"synthetic-{folder.name}"
    model, raw = out / "model.onnx", out / "input_0.bin"
    if not raw.is_file():
        out.mkdir(parents=True, exist_ok=True)
        call([FILL, folder / "weights.json", model, raw])
    return Model(name, kind_of(name), model, [raw])


def names():
    """{name: folder of the data folder} of all there are, without making anything."""
    data = data_folder()
    if not data:
        return {}
    folders = {one.parent.name: one.parent
               for one in sorted((data / "models" / "onnx").glob("*/model.onnx"))}
    for weights in sorted((data / "models" / "synthetic-weights").glob("*/weights.json")):
        if "light_file" in json.loads(weights.read_text(encoding="utf-8")):
            folders[f"{weights.parent.name} (synthetic)"] = weights.parent
    return folders


def load(name):
    """The model of that name, ready for both engines."""
    folder = names()[name]
    return trained(folder) if (folder / "model.onnx").is_file() else synthetic(folder)


def compile_model(model):
    """The package that SmartZone's compiler makes of it. Raises NotCompiled with its reason."""
    if not HOST_SMARTZONE.is_file():
        raise FileNotFoundError(f"{HOST_SMARTZONE} is not there (make host)")
    package = model.inputs[0].parent / "model.szp"
    result = host_smartzone("compile", model.path, "-o", package, check=False)
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if line and not line.startswith("compile: ")]
        reason = (lines or ["no reason given"])[-1].removeprefix("smartzone: ")
        raise NotCompiled(reason.removeprefix(f"{model.path}: "))
    return package
