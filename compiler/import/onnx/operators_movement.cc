// Operators of ONNX that move elements.
#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/importer.h"
#include "compiler/import/onnx/tensor_import.h"

namespace sz::compiler {
namespace {

ValueId integers_constant(NodeImport& n, const std::vector<std::int64_t>& values) {
  return n.builder.constant(make_i64({static_cast<std::int64_t>(values.size())}, values));
}

// What was an attribute before it became an input.
ValueId required_list(NodeImport& n, const char* name) {
  if (!n.reader.has(name)) n.reader.refuse(std::string("attribute '") + name + "' is missing");
  return integers_constant(n, n.reader.integers(name));
}

void pad(NodeImport& n) {
  static const std::map<std::string, PadMode> kModes = {{"constant", PadMode::kConstant},
                                                        {"reflect", PadMode::kReflect},
                                                        {"edge", PadMode::kEdge},
                                                        {"wrap", PadMode::kWrap}};
  const std::string mode = n.reader.text("mode", "constant");
  const auto found = kModes.find(mode);
  if (found == kModes.end()) n.reader.refuse("mode '" + mode + "' is not implemented");
  const PadAttributes attributes{found->second};
  if (n.reader.opset() >= 11) {
    n.reader.expect_inputs(2, n.reader.opset() >= 18 ? 4 : 3);
    return emit(n, Op::kPad, attributes);
  }
  n.reader.expect_inputs(1, 1);
  const float value = n.reader.real("value", 0);
  n.inputs.push_back(required_list(n, "pads"));
  n.inputs.push_back(n.builder.constant(make_f32({}, std::span(&value, 1))));
  emit(n, Op::kPad, attributes);
}

void split(NodeImport& n) {
  SplitAttributes part;
  part.axis = n.reader.integer("axis", 0);
  part.parts = static_cast<std::int64_t>(n.outputs.size());
  if (n.reader.opset() >= 13) {
    n.reader.expect_inputs(1, 2);
    if (n.reader.integer("num_outputs", part.parts) != part.parts) {
      n.reader.refuse("num_outputs is not the number of outputs");
    }
  } else {
    n.reader.expect_inputs(1, 1);
    if (n.reader.has("split")) n.inputs.push_back(required_list(n, "split"));
  }
  for (const ValueId output : n.outputs) {
    if (output != kNoValue) n.builder.add({Op::kSplit, n.name, n.inputs, output, part, {}});
    ++part.index;
  }
}

template <Op op>
void two_inputs(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, op);
}

template <Op op>
void blocks(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  if (!n.reader.has("blocksize")) n.reader.refuse("attribute 'blocksize' is missing");
  BlockAttributes attributes{n.reader.integer("blocksize", 1)};
  if (op == Op::kDepthToSpace && n.reader.opset() >= 11) {
    const std::string mode = n.reader.text("mode", "DCR");
    if (mode != "DCR" && mode != "CRD") n.reader.refuse("mode '" + mode + "' is not implemented");
    attributes.column_first = mode == "CRD";
  }
  emit(n, op, attributes);
}

void center_crop_pad(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kCenterCropPad, AxesAttributes{n.reader.integers("axes")});
}

void reverse_sequence(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kReverseSequence,
       ReverseAttributes{n.reader.integer("batch_axis", 1), n.reader.integer("time_axis", 0)});
}

void compress(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  CompressAttributes attributes;
  if (n.reader.has("axis")) attributes.axis = n.reader.integer("axis", 0);
  emit(n, Op::kCompress, attributes);
}

void trilu(NodeImport& n) {
  n.reader.expect_inputs(1, 2);
  emit(n, Op::kTrilu, TriluAttributes{n.reader.flag("upper", true)});
}

void eye_like(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  EyeAttributes attributes{n.reader.integer("k", 0), {}};
  if (n.reader.has("dtype")) {
    const std::int64_t type = n.reader.integer("dtype", 0);
    attributes.type = import_dtype(type >= 0 && type < 100 ? static_cast<std::int32_t>(type) : -1);
    if (!attributes.type) {
      n.reader.refuse("results of type " + std::to_string(type) + " are not implemented");
    }
  }
  emit(n, Op::kEyeLike, attributes);
}

void range(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  emit(n, Op::kRange);
}

template <Op op>
void one_input(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, op);
}

void one_hot(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  emit(n, Op::kOneHot, AxisAttributes{n.reader.integer("axis", -1)});
}

void gather_elements(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kGatherElements, AxisAttributes{n.reader.integer("axis", 0)});
}

void gather_nd(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kGatherNd, GatherNdAttributes{n.reader.integer("batch_dims", 0)});
}

ScatterReduction reduction(NodeReader& reader) {
  static const std::map<std::string, ScatterReduction> kReductions = {
      {"none", ScatterReduction::kNone},
      {"add", ScatterReduction::kAdd},
      {"mul", ScatterReduction::kMul},
      {"max", ScatterReduction::kMax},
      {"min", ScatterReduction::kMin}};
  const std::string name = reader.text("reduction", "none");
  const auto found = kReductions.find(name);
  if (found == kReductions.end()) reader.refuse("reduction '" + name + "' is not implemented");
  return found->second;
}

void scatter_elements(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  ScatterAttributes attributes{n.reader.integer("axis", 0)};
  attributes.reduction = reduction(n.reader);
  emit(n, Op::kScatterElements, attributes);
}

void old_scatter(NodeImport& n) {
  if (n.reader.opset() >= 11) {
    n.reader.refuse("opset 11 and later have no Scatter, but ScatterElements");
  }
  n.reader.expect_inputs(3, 3);
  emit(n, Op::kScatterElements, ScatterAttributes{n.reader.integer("axis", 0)});
}

void scatter_nd(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  ScatterAttributes attributes;
  attributes.reduction = reduction(n.reader);
  emit(n, Op::kScatterNd, attributes);
}

// The places of the best elements, and the elements there.
void top_k(NodeImport& n) {
  TopKAttributes attributes{n.reader.integer("axis", -1)};
  if (n.reader.opset() >= 10) {
    n.reader.expect_inputs(2, 2);
  } else {
    n.reader.expect_inputs(1, 1);
    if (!n.reader.has("k")) n.reader.refuse("attribute 'k' is missing");
    n.inputs.push_back(integers_constant(n, {n.reader.integer("k", 1)}));
  }
  if (n.reader.opset() >= 11) {
    attributes.largest = n.reader.flag("largest", true);
    n.reader.ignore("sorted");  // any order would do without it, so the sorted one does
  }
  const bool wanted = n.outputs.size() > 1 && n.outputs[1] != kNoValue;
  const ValueId places = wanted ? n.outputs[1] : n.builder.temporary();
  n.builder.add({Op::kTopK, n.name, n.inputs, places, attributes, {}});
  n.builder.add({Op::kGatherElements,
                 n.name,
                 {n.inputs[0], places},
                 n.output,
                 AxisAttributes{attributes.axis},
                 {}});
}

}  // namespace

const OnnxImporters& movement_importers() {
  static const OnnxImporters table = {
      {"CenterCropPad", center_crop_pad},
      {"Compress", compress},
      {"DepthToSpace", blocks<Op::kDepthToSpace>},
      {"Expand", two_inputs<Op::kExpand>},
      {"EyeLike", eye_like},
      {"GatherElements", gather_elements},
      {"GatherND", gather_nd},
      {"NonZero", one_input<Op::kNonZero>},
      {"OneHot", one_hot},
      {"Pad", pad},
      {"Range", range},
      {"ReverseSequence", reverse_sequence},
      {"Scatter", old_scatter},
      {"ScatterElements", scatter_elements},
      {"ScatterND", scatter_nd},
      {"Size", one_input<Op::kSize>},
      {"SpaceToDepth", blocks<Op::kSpaceToDepth>},
      {"Split", split},
      {"Tile", two_inputs<Op::kTile>},
      {"TopK", top_k},
      {"Trilu", trilu},
  };
  return table;
}

}  // namespace sz::compiler
