#include "compiler/plan/lower.h"

#include <algorithm>
#include <array>

#include "compiler/graph/shape_inference.h"
#include "compiler/plan/conv_choice.h"
#include "compiler/plan/families.h"
#include "compiler/plan/layout.h"
#include "compiler/plan/lowering.h"
#include "compiler/plan/program_builder.h"
#include "compiler/plan/weights.h"
#include "ops/attributes.h"

namespace sz::compiler {
namespace {

using ops::OpCode;

std::uint32_t word(std::int64_t value) { return static_cast<std::uint32_t>(value); }

ops::Window2d window_of(const WindowAttributes& w) {
  return {word(w.kernel[0]),    word(w.kernel[1]),    word(w.strides[0]), word(w.strides[1]),
          word(w.dilations[0]), word(w.dilations[1]), word(w.pads[0]),    word(w.pads[1]),
          word(w.pads[2]),      word(w.pads[3])};
}

// Each lowers the operators of one family, and leaves the others alone.
constexpr std::array kFamilies = {
    lower_movement,
    lower_indexed,
    lower_elementwise,
    lower_reduction,
    lower_matrix,
    lower_recurrent,
    lower_quantized,
};

class Lowerer {
 public:
  Lowerer(const Graph& graph, ops::Kernel kernel)
      : graph_(graph), builder_(graph, kernel), layout_(graph, builder_) {}

  Program run() {
    for (const ValueId id : graph_.inputs) add_input(id);
    for (const Node& node : graph_.nodes) lower_node(node);
    for (const ValueId id : graph_.outputs) add_output(id);
    return builder_.take();
  }

 private:
  // In requests, inputs have ONNX's order.
  void add_input(ValueId id) {
    const Shape& shape = graph_.shape(id);
    Dims dims;
    for (const std::int64_t dim : shape) dims.push_back(word(dim));
    const TensorId tensor =
        builder_.fresh(graph_.value(id).name, std::move(dims), graph_.value(id).dtype);
    builder_.add_input(tensor);
    layout_.set_plain(id, tensor);
  }

  // An output is neither a constant nor an input: those are copied.
  void add_output(ValueId id) {
    TensorId tensor = layout_.plain(id);
    if (builder_.is_constant(tensor) || builder_.is_input(tensor)) {
      const ProgramTensor source = builder_.tensor(tensor);
      const TensorId copy = builder_.fresh(graph_.value(id).name, source.dims, source.dtype);
      builder_.copy("copy to output", tensor, copy);
      tensor = copy;
    }
    builder_.add_output(tensor);
  }

  void lower_node(const Node& node) {
    switch (node.op) {
      case Op::kConv:
        return conv(node);
      case Op::kFullyConnected:
        return fully_connected(node);
      case Op::kMaxPool:
        return pool(node, ops::PoolKind::kMax);
      case Op::kAveragePool:
        return pool(node, ops::PoolKind::kAverage);
      case Op::kGlobalAveragePool:
        return simple(node, OpCode::kGlobalAveragePool);
      case Op::kClamp: {
        const TensorId x = layout_.native(node.inputs[0]);
        return builder_.step(node, OpCode::kUnary, {x}, layout_.make_native(node.output),
                             ops::UnaryAttributes{ops::UnaryKind::kClamp, node.activation});
      }
      case Op::kLeakyRelu: {
        const TensorId x = layout_.native(node.inputs[0]);
        return builder_.step(node, OpCode::kUnary, {x}, layout_.make_native(node.output),
                             ops::LeakyReluAttributes{ops::UnaryKind::kLeakyRelu,
                                                      node.get<LeakyReluAttributes>().slope});
      }
      case Op::kUpsample:
        return upsample(node);
      case Op::kAdd:
        return binary(node, ops::BinaryKind::kAdd);
      case Op::kSub:
        return binary(node, ops::BinaryKind::kSub);
      case Op::kMul:
        return binary(node, ops::BinaryKind::kMul);
      case Op::kDiv:
        return binary(node, ops::BinaryKind::kDiv);
      case Op::kSoftmax:
        return softmax(node);
      case Op::kConcat:
        return concat(node);
      case Op::kTranspose:
        return transpose(node);
      case Op::kReshape:
        return layout_.set_reshaped(node.output, node.inputs[0]);
      default:
        lower_family(node);
    }
  }

  void lower_family(const Node& node) {
    Lowering lowering{graph_, builder_, layout_};
    for (const auto family : kFamilies) {
      if (family(lowering, node)) return;
    }
    fail(graph_, node, "is not supported on values that the network computes");
  }

  void simple(const Node& node, OpCode op) {
    const TensorId x = layout_.native(node.inputs[0]);
    builder_.step(node, op, {x}, layout_.make_native(node.output));
  }

  void count_weights(const Node& node) {
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      const Constant* weights = graph_.constant(node.inputs[i]);  // a residual is none
      if (weights != nullptr) builder_.count_raw_weights(weights->bytes.size());
    }
  }

  TensorId blob(const Node& node, Blob data) {
    count_weights(node);
    const auto elements = static_cast<std::uint32_t>(data->size() / sizeof(float));
    return builder_.constant(node.name + ".weights", {elements}, DType::kF32, std::move(data));
  }

  void conv(const Node& node) {
    const auto& w = node.get<WindowAttributes>();
    const bool winograd = prefers_winograd(graph_, node);
    const TensorId x = layout_.native(node.inputs[0]);
    const auto packed = winograd ? pack_winograd_conv(graph_, node) : pack_conv(graph_, node);
    std::vector<TensorId> inputs = {x, blob(node, packed)};
    if (node.input(3) != kNoValue) inputs.push_back(layout_.native(node.inputs[3]));
    const TensorId y = layout_.make_native(node.output);
    const ops::Activation activation{node.activation, node.slope};
    if (winograd) {
      return builder_.step(node, OpCode::kConvWinograd, std::move(inputs), y,
                           ops::WinogradAttributes{word(w.pads[0]), word(w.pads[1]),
                                                   word(w.pads[2]), word(w.pads[3]), activation});
    }
    builder_.step(node, OpCode::kConv2d, std::move(inputs), y,
                  ops::Conv2dAttributes{window_of(w), word(w.groups), activation});
  }

  // Works along the last dimension (ONNX), so its operands have ONNX's order.
  void fully_connected(const Node& node) {
    const ValueId image = layout_.flattened_image(node.inputs[0]);
    TensorId x = 0;
    Shape chw;
    if (image != kNoValue) {
      const Shape& shape = graph_.shape(image);
      chw = {shape[1], shape[2], shape[3]};
      const Shape& flat = graph_.shape(node.inputs[0]);
      x = builder_.view(builder_.dense(node.name, layout_.native(image)),
                        {word(flat[0]), word(flat[1])});
    } else {
      x = layout_.plain(node.inputs[0]);
    }
    const TensorId weights = blob(node, pack_layer(graph_, node, chw));
    Dims dims;
    for (const std::int64_t dim : graph_.shape(node.output)) dims.push_back(word(dim));
    const TensorId y = builder_.fresh(graph_.value(node.output).name, std::move(dims));
    layout_.set_plain(node.output, y);
    builder_.step(node, OpCode::kFullyConnected, {x, weights}, y,
                  ops::FullyConnectedAttributes{node.activation});
  }

  void pool(const Node& node, ops::PoolKind kind) {
    const auto& w = node.get<WindowAttributes>();
    const TensorId x = layout_.native(node.inputs[0]);
    const bool count_pad = kind == ops::PoolKind::kAverage && w.count_include_pad;
    builder_.step(node, OpCode::kPool2d, {x}, layout_.make_native(node.output),
                  ops::Pool2dAttributes{window_of(w), kind, count_pad ? 1u : 0u});
  }

  void upsample(const Node& node) {
    const auto& factors = node.get<UpsampleAttributes>();
    const TensorId x = layout_.native(node.inputs[0]);
    builder_.step(node, OpCode::kUpsample, {x}, layout_.make_native(node.output),
                  ops::UpsampleAttributes{word(factors.factor_h), word(factors.factor_w)});
  }

  void binary(const Node& node, ops::BinaryKind kind) {
    const TensorId a = layout_.native(node.inputs[0]);
    const TensorId b = layout_.native(node.inputs[1]);
    builder_.step(node, OpCode::kBinary, {a, b}, layout_.make_native(node.output),
                  ops::BinaryAttributes{kind, node.activation});
  }

  // Where dimension `axis` (ONNX) of a value of this rank stands in memory.
  static std::size_t place_of(std::size_t axis, std::size_t rank) {
    const Order order = native_order(rank);
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), axis) - order.begin());
  }

  void softmax_step(const Node& node, TensorId x, TensorId y) {
    if (!node.get<SoftmaxAttributes>().log) return builder_.step(node, OpCode::kSoftmax, {x}, y);
    builder_.step(node, OpCode::kSoftmax, {x}, y, ops::SoftmaxAttributes{1});
  }

  // The engine's softmax runs along the innermost dimension.
  void softmax(const Node& node) {
    const Shape& shape = graph_.shape(node.output);
    const std::size_t rank = shape.size();
    if (rank == 0) fail(graph_, node, "a scalar has no axis");
    const std::size_t axis = normal_axis(graph_, node, node.get<SoftmaxAttributes>().axis, rank);
    const std::size_t place = place_of(axis, rank);
    if (place + 1 == rank) {
      const TensorId same = layout_.native(node.inputs[0]);
      return softmax_step(node, same, layout_.make_native(node.output));
    }
    std::vector<std::size_t> swap(rank);
    for (std::size_t i = 0; i < rank; ++i) swap[i] = i;
    std::swap(swap[place], swap[rank - 1]);
    const std::string& name = graph_.value(node.output).name;
    const TensorId x = layout_.reorder(name, layout_.native(node.inputs[0]), swap);
    const Dims turned = builder_.tensor(x).dims;
    const TensorId y = builder_.fresh(name, turned);
    softmax_step(node, x, y);
    layout_.set_native(node.output, layout_.reorder(name, y, swap));
  }

  void concat(const Node& node) {
    const std::size_t rank = graph_.shape(node.output).size();
    const std::size_t axis = normal_axis(graph_, node, node.get<AxisAttributes>().axis, rank);
    const std::size_t place = place_of(axis, rank);
    std::vector<TensorId> parts;
    for (const ValueId id : node.inputs) parts.push_back(layout_.native(id));
    const TensorId wide = layout_.make_native(node.output);
    if (place + 1 == rank) {
      join(node, parts, wide);
    } else {
      join_blocks(node, parts, wide, place);
    }
  }

  // Along the innermost dimension the parts are columns of the result, written in place.
  void join(const Node& node, const std::vector<TensorId>& parts, TensorId wide) {
    std::uint64_t begin = 0;
    for (const TensorId part : parts) {
      const Dims dims = builder_.tensor(part).dims;
      if (!builder_.place_in(part, wide, begin)) {
        builder_.copy(node.name, part, builder_.slice(wide, begin, dims));
      }
      begin += dims.back();
    }
  }

  // Along another dimension, all from there on is taken as one, and the parts are copied.
  void join_blocks(const Node& node, const std::vector<TensorId>& parts, TensorId wide,
                   std::size_t place) {
    const auto matrix = [&](TensorId id) {
      Dims dims = {1, 1};
      const Dims& full = builder_.tensor(id).dims;
      for (std::size_t i = 0; i < full.size(); ++i) dims[i < place ? 0 : 1] *= full[i];
      return dims;
    };
    const TensorId flat = builder_.view(wide, matrix(wide));
    std::uint64_t begin = 0;
    for (const TensorId part : parts) {
      const Dims dims = matrix(part);
      const TensorId from = builder_.view(builder_.dense(node.name, part), dims);
      builder_.copy(node.name, from, builder_.slice(flat, begin, dims));
      begin += dims[1];
    }
  }

  // Nothing moves where an order in which the operand lies and one in which the result may lie are
  // the same bytes: an image [N, C, H, W] turned to [N, H, W, C], and back.
  void transpose(const Node& node) {
    const ValueId source = node.inputs[0];
    const Shape& shape = graph_.shape(source);
    const auto perm = permutation(graph_, node, shape.size());
    const Order native = native_order(shape.size());
    Order plain(shape.size());
    for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = i;
    // From the order `from` of the operand to the order `to` of the result.
    const auto memory_perm = [&](const Order& from, const Order& to) {
      std::vector<std::size_t> result;
      for (const std::size_t axis : to) {
        const auto wanted = static_cast<std::size_t>(perm[axis]);
        result.push_back(
            static_cast<std::size_t>(std::find(from.begin(), from.end(), wanted) - from.begin()));
      }
      return result;
    };
    const std::string& name = graph_.value(node.output).name;
    const auto turn = [&](bool from_plain, bool to_plain) {
      const TensorId x = from_plain ? layout_.plain(source) : layout_.native(source);
      const TensorId y = layout_.reorder(
          name, x, memory_perm(from_plain ? plain : native, to_plain ? plain : native));
      to_plain ? layout_.set_plain(node.output, y) : layout_.set_native(node.output, y);
    };
    for (const bool from_plain : {true, false}) {
      if (!(from_plain ? layout_.has_plain(source) : layout_.has_native(source))) continue;
      const Order& from = from_plain ? plain : native;
      for (const bool to_plain : {false, true}) {
        const Order& to = to_plain ? plain : native;
        if (keeps_memory(ordered_dims(shape, from), memory_perm(from, to))) {
          return turn(from_plain, to_plain);
        }
      }
    }
    turn(!layout_.has_native(source) && layout_.has_plain(source), false);
  }

  const Graph& graph_;
  ProgramBuilder builder_;
  Layout layout_;
};

}  // namespace

Program lower(const Graph& graph, ops::Kernel kernel) { return Lowerer(graph, kernel).run(); }

}  // namespace sz::compiler
