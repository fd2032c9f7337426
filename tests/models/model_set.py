"""Which models there are, how each compiles, and what its vectors demand.

`prepare` lays a model out for conformance_run (tests/conformance/run.cc): the package, raw tensors, and
the tolerance that the model's data.json states.
"""

import dataclasses
import functools
import json
import pathlib
import shutil

from harness.board import BUILD, data_folder, host_smartzone

OUT = BUILD / "device-tests" / "models"


@dataclasses.dataclass(frozen=True)
class Model:
    """name: unique; kind: onnx, tflite, darknet or synthetic; folder: where its files are."""
    name: str
    kind: str
    folder: pathlib.Path

    def file(self):
        """The model file that is compiled."""
        if self.kind == "darknet":
            return next(self.folder.glob("*.cfg"))
        if self.kind == "synthetic":
            return filled(self.folder)
        return self.folder / f"model.{self.kind}"

    def tolerance(self):
        """(absolute, relative) of the outputs; None: integers must be equal."""
        if self.kind == "synthetic":
            return 1e-5, 1e-3
        said = json.loads((self.folder / "data.json").read_text(encoding="utf-8"))
        if self.name.endswith("_qdq"):
            return min(said["atol"], 1.01 * self.last_step()), 0
        if self.kind != "tflite":
            return said["atol"], said["rtol"]
        if said["tolerance"].startswith("rtol"):
            return 1e-4, 1e-3
        # Legacy models: their reference computes the last softmax in floats and rounds.
        return (1, 0) if "uint8" in self.name else None

    def last_step(self):
        """The scale of the last QuantizeLinear of a Q/DQ model: one quantisation step at the output."""
        import onnx  # pylint: disable=import-outside-toplevel
        from onnx import numpy_helper  # pylint: disable=import-outside-toplevel
        graph = onnx.load(self.file()).graph
        scale = [node.input[1] for node in graph.node if node.op_type == "QuantizeLinear"][-1]
        return float(next(numpy_helper.to_array(one) for one in graph.initializer if one.name == scale))

    def sets(self):
        """Per set of vectors, the arrays of the inputs and of the outputs."""
        if self.kind == "onnx":
            for folder in sorted(self.folder.glob("test_data_set_*")):
                yield [[protobuf(path) for path in sorted(folder.glob(f"{what}_*.pb"))]
                       for what in ("input", "output")]
        elif self.kind == "synthetic":
            said = json.loads((self.folder / "weights.json").read_text(encoding="utf-8"))
            yield [[generate(said["input"])], [array(self.folder / "output.npy")]]
        else:
            for folder in sorted(self.folder.glob("case_*")):
                inputs = [array(path) for path in sorted(folder.glob("input*.npy"))]
                outputs = [array(path) for path in sorted(folder.glob("output*.npy"))]
                # What enters the heads of a detector is stored as H, W, C; ours is C, H, W.
                outputs += [array(path).transpose(0, 3, 1, 2).copy()
                            for path in sorted(folder.glob("pre_yolo_*.npy"))]
                yield [inputs, outputs]


def array(path):
    """The array of a .npy file."""
    import numpy  # pylint: disable=import-outside-toplevel
    return numpy.load(path, allow_pickle=False)


def protobuf(path):
    """The array of a serialised TensorProto."""
    import onnx  # pylint: disable=import-outside-toplevel
    from onnx import numpy_helper  # pylint: disable=import-outside-toplevel
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def generate(tensor):
    """The values that the formula of the synthetic models gives: splitmix64, seeded by FNV-1a."""
    import numpy  # pylint: disable=import-outside-toplevel
    seed = 0xcbf29ce484222325
    for byte in tensor["seed_name"].encode():
        seed = (seed ^ byte) * 0x100000001b3 % 2**64
    count = int(numpy.prod(tensor["shape"], dtype=numpy.int64))
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(seed) + (numpy.arange(1, count + 1, dtype=numpy.uint64) *
                                  numpy.uint64(0x9E3779B97F4A7C15))
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    unit = (z >> numpy.uint64(40)).astype(numpy.float64) / 2**24
    values = tensor["lo"] + (tensor["hi"] - tensor["lo"]) * unit
    return values.astype(numpy.float32).reshape(tensor["shape"])


def filled(folder):
    """A synthetic model with the generated weights in the place of the nodes that stand for them."""
    import onnx  # pylint: disable=import-outside-toplevel
    from onnx import numpy_helper  # pylint: disable=import-outside-toplevel
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{folder.name}.onnx"
    if path.is_file():
        return path
    said = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
    model = onnx.load(folder / said["light_file"])
    wanted = {tensor["name"]: tensor for tensor in said["tensors"]}
    kept = [node for node in model.graph.node if node.output[0] not in wanted]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    for name, tensor in wanted.items():
        model.graph.initializer.append(numpy_helper.from_array(generate(tensor), name))
    onnx.save(model, path)
    return path


@functools.cache
def models():
    """All of them; empty without the data folder."""
    data = data_folder()
    if data is None:
        return []
    found = []
    for kind, where, marker in (("onnx", "onnx", "model.onnx"), ("tflite", "tflite", "model.tflite"),
                                ("darknet", "darknet", "*.weights"),
                                ("synthetic", "synthetic-weights", "light_*.onnx")):
        for folder in sorted((data / "models" / where).iterdir()):
            if folder.is_dir() and any(folder.glob(marker)):
                prefix = "" if kind == "onnx" else f"{kind}_"
                found.append(Model(prefix + folder.name, kind, folder))
    return found


def prepare(model, out):
    """Compiles the model and lays it out below `out`; returns its folder. Raises CommandFailed."""
    folder = pathlib.Path(out) / model.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    host_smartzone("compile", model.file(), "-o", folder / "model.szp")
    tolerance = model.tolerance()
    if tolerance:
        (folder / "tolerance").write_text(f"{tolerance[0]} {tolerance[1]}\n", encoding="utf-8")
    for number, (inputs, outputs) in enumerate(model.sets()):
        target = folder / f"set_{number}"
        target.mkdir()
        for what, arrays in (("input", inputs), ("output", outputs)):
            for i, values in enumerate(arrays):
                (target / f"{what}_{i}").write_bytes(values.tobytes())
    return folder
