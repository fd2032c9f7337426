// Convolutions, also transposed, and pools.
#include <algorithm>

#include "compiler/import/onnx/families.h"

namespace sz::compiler {
namespace {

AutoPad auto_pad(NodeReader& reader) {
  const std::string text = reader.text("auto_pad", "NOTSET");
  if (text == "NOTSET") return AutoPad::kExplicit;
  if (text == "SAME_UPPER") return AutoPad::kSameUpper;
  if (text == "SAME_LOWER") return AutoPad::kSameLower;
  if (text == "VALID") return AutoPad::kValid;
  reader.refuse("auto_pad '" + text + "' is unknown");
}

void conv(NodeImport& n) {
  n.reader.expect_inputs(2, 3);
  WindowAttributes w = read_window(n.reader);
  w.groups = n.reader.integer("group", 1);
  emit(n, Op::kConv, std::move(w));
}

void max_pool(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  WindowAttributes w = read_window(n.reader);
  w.ceil_mode = n.reader.flag("ceil_mode", false);
  // The storage order only concerns the indices, the second output, which is refused.
  n.reader.ignore("storage_order");
  emit(n, Op::kMaxPool, std::move(w));
}

void average_pool(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  WindowAttributes w = read_window(n.reader);
  w.ceil_mode = n.reader.flag("ceil_mode", false);
  w.count_include_pad = n.reader.flag("count_include_pad", false);
  emit(n, Op::kAveragePool, std::move(w));
}

void conv_transpose(NodeImport& n) {
  n.reader.expect_inputs(2, 3);
  ConvTransposeAttributes a;
  a.window = read_window(n.reader);
  a.window.groups = n.reader.integer("group", 1);
  a.output_padding = n.reader.integers("output_padding");
  a.output_shape = n.reader.integers("output_shape");
  emit(n, Op::kConvTranspose, std::move(a));
}

std::int64_t norm(NodeReader& reader) {
  const std::int64_t p = reader.integer("p", 2);
  if (p < 1 || p > 64) reader.refuse("p must be within 1 to 64");
  return p;
}

void lp_pool(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  LpPoolAttributes a{read_window(n.reader), norm(n.reader)};
  a.window.ceil_mode = n.reader.flag("ceil_mode", false);
  emit(n, Op::kLpPool, std::move(a));
}

void global_lp_pool(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kGlobalLpPool, LpPoolAttributes{{}, norm(n.reader)});
}

}  // namespace

WindowAttributes read_window(NodeReader& reader) {
  WindowAttributes w;
  w.auto_pad = auto_pad(reader);
  w.kernel = reader.integers("kernel_shape");
  w.strides = reader.integers("strides");
  w.pads = reader.integers("pads");
  w.dilations = reader.integers("dilations");
  return w;
}

const OnnxImporters& window_importers() {
  static const OnnxImporters table = {
      {"AveragePool", average_pool},
      {"Conv", conv},
      {"ConvTranspose", conv_transpose},
      {"GlobalLpPool", global_lp_pool},
      {"LpPool", lp_pool},
      {"MaxPool", max_pool},
  };
  return table;
}

}  // namespace sz::compiler
