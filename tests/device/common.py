"""What the device tests share: packages compiled once, and comparing tensors."""

import json
import struct

from harness.board import BUILD, ROOT, data_folder, host_smartzone

OUT = BUILD / "device-tests"
DIGITS = ROOT / "models" / "digits"
POOL_PAGE = 4096


def compiled(name, model, *options):
    """Compiles an ONNX file on this machine; returns the package's path."""
    OUT.mkdir(parents=True, exist_ok=True)
    package = OUT / f"{name}.szp"
    host_smartzone("compile", model, "-o", package, *options)
    return package


def digits_package():
    """The digits network of models/."""
    return compiled("digits", DIGITS / "digits.onnx", "--preprocess", DIGITS / "preprocess.json",
                    "--labels", DIGITS / "labels.txt")


def shared_model(name, *options):
    """A trained model of the data folder; (package, its folder)."""
    folder = data_folder() / "models" / "onnx" / name
    return compiled(name, folder / "model.onnx", *options), folder


def write_json(name, content):
    """Writes a JSON file for a test; returns its path."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


SQUEEZENET_PREPROCESS = {
    "version": 1, "color": "BGR", "resize": {"shorter_side": 256}, "crop": {"height": 227, "width": 227},
    "mean": [104, 117, 123], "scale": [1, 1, 1]}


def squeezenet_package():
    """SqueezeNet 1.0 with its preprocessing; (package, its folder)."""
    return shared_model("squeezenet1.0", "--preprocess",
                        write_json("squeezenet.json", SQUEEZENET_PREPROCESS))


def large_model():
    """An ONNX file whose weights (64 MiB) exceed the 15 MiB of the emulator's secure RAM."""
    import numpy  # pylint: disable=import-outside-toplevel
    import onnx  # pylint: disable=import-outside-toplevel
    from onnx import helper, numpy_helper  # pylint: disable=import-outside-toplevel
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "large.onnx"
    if not path.is_file():
        weights = numpy_helper.from_array(numpy.full((4096, 4096), 0.001, numpy.float32), "w")
        shape = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])], "large",
            [helper.make_tensor_value_info("x", shape, [1, 4096])],
            [helper.make_tensor_value_info("y", shape, [1, 4096])], [weights])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def wide_package():
    """A network of our own that is large enough to be shared between cores: three convolutions, 28
    million multiply-adds each, on [1, 48, 28, 28]. Random weights; (package, its input as bytes)."""
    import numpy  # pylint: disable=import-outside-toplevel
    import onnx  # pylint: disable=import-outside-toplevel
    from onnx import helper, numpy_helper  # pylint: disable=import-outside-toplevel
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "wide.onnx"
    random = numpy.random.default_rng(1)
    shape = [1, 48, 28, 28]
    nodes, weights = [], []
    for i in range(3):
        values = random.uniform(-0.1, 0.1, [48, 48, 4, 4]).astype(numpy.float32)
        weights.append(numpy_helper.from_array(values, f"w{i}"))
        nodes += [helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"c{i}"], pads=[1, 1, 2, 2]),
                  helper.make_node("Relu", [f"c{i}"], [f"x{i + 1}"])]
    float_type = onnx.TensorProto.FLOAT
    graph = helper.make_graph(nodes, "wide", [helper.make_tensor_value_info("x0", float_type, shape)],
                              [helper.make_tensor_value_info("x3", float_type, shape)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return compiled("wide", path), random.uniform(-1, 1, shape).astype(numpy.float32).tobytes()


def mnist_package():
    """The MNIST network, which takes pixels as they are; (package, its folder)."""
    return shared_model("mnist_cnn", "--preprocess", write_json("mnist.json", {
        "version": 1, "color": "GRAY", "resize": None, "crop": None, "mean": [0], "scale": [1]}))


def read_varint(content, at):
    """A protobuf varint; (value, next position)."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def tensor_bytes(path):
    """The raw f32 bytes of a serialised onnx.TensorProto (raw_data, or packed float_data)."""
    content = path.read_bytes()
    at = 0
    while at < len(content):
        key, at = read_varint(content, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            _, at = read_varint(content, at)
            continue
        if wire != 2:
            raise ValueError(f"{path}: wire type {wire}")
        size, at = read_varint(content, at)
        if field in (4, 9):  # float_data, raw_data
            return content[at:at + size]
        at += size
    raise ValueError(f"{path} holds no f32 data")


def original_ta(flavour):
    """The signed TA of the plain baseline (bench/original) for a flavour of OP-TEE."""
    files = sorted((BUILD / "original" / flavour).glob("*.ta"))
    if len(files) != 1:
        raise FileNotFoundError(f"no TA in {BUILD / 'original' / flavour}: run `make device-files`")
    return files[0]


def floats(content):
    """Little-endian f32 bytes as a list."""
    return list(struct.unpack(f"<{len(content) // 4}f", content))


def relative_difference(values, reference):
    """max |value - reference| / max |reference|: the norm of all our agreement figures."""
    return max(abs(v - r) for v, r in zip(values, reference, strict=True)) / max(map(abs, reference))


def vectors(folder):
    """The test vectors beside a model: [(set's name, input bytes, output floats)]."""
    return [(one.name, tensor_bytes(one / "input_0.pb"), floats(tensor_bytes(one / "output_0.pb")))
            for one in sorted(folder.glob("test_data_set_*"))]
