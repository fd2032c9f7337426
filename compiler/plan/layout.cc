#include "compiler/plan/layout.h"

#include <cstring>

namespace sz::compiler {

namespace {

enum class Wish { kNative, kPlain, kEither };

// In which order a node reads its operands.
Wish wish_of(const Node& node) {
  switch (node.op) {
    case Op::kReshape:
    case Op::kMatMul:
    case Op::kNormalize:
    case Op::kRecurrent:
    case Op::kGatherNd:
    case Op::kScatterNd:
    case Op::kOneHot:
    case Op::kTrilu:
      return Wish::kPlain;
    case Op::kMove:
    case Op::kTranspose:
      return Wish::kEither;
    default:
      return Wish::kNative;
  }
}

std::vector<bool> wanted_plain(const Graph& graph) {
  std::vector<bool> plain(graph.values.size(), false);
  std::vector<bool> native(graph.values.size(), false);
  for (const ValueId id : graph.outputs) plain[id] = true;
  for (const Node& node : graph.nodes) {
    const Wish wish = wish_of(node);
    for (const ValueId id : node.inputs) {
      if (id == kNoValue || wish == Wish::kEither) continue;
      (wish == Wish::kPlain ? plain : native)[id] = true;
    }
  }
  for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = plain[i] && !native[i];
  return plain;
}

}  // namespace

Order plain_order(std::size_t rank) {
  Order order(rank);
  for (std::size_t i = 0; i < rank; ++i) order[i] = i;
  return order;
}

Order native_order(std::size_t rank) { return rank == 4 ? Order{0, 2, 3, 1} : plain_order(rank); }

Dims ordered_dims(const Shape& shape, const Order& order) {
  Dims dims;
  for (const std::size_t axis : order) dims.push_back(static_cast<std::uint32_t>(shape[axis]));
  return dims;
}

bool keeps_memory(const Dims& dims, const std::vector<std::size_t>& perm) {
  std::size_t last = 0;  // of the dimensions that are not 1, each stands behind the one before
  for (const std::size_t axis : perm) {
    if (dims[axis] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

Layout::Layout(const Graph& graph, ProgramBuilder& builder)
    : graph_(graph),
      builder_(builder),
      native_(graph.values.size(), kNone),
      plain_(graph.values.size(), kNone),
      source_(graph.values.size(), kNoValue),
      wanted_plain_(wanted_plain(graph)) {}

TensorId Layout::reorder(const std::string& name, TensorId from,
                         const std::vector<std::size_t>& perm) {
  const Dims before = builder_.tensor(from).dims;
  Dims dims;
  for (const std::size_t axis : perm) dims.push_back(before[axis]);
  const TensorView view = builder_.tensor(from).view();
  if (keeps_memory(before, perm) && view.pitch == view.inner()) return builder_.view(from, dims);
  const TensorId result = builder_.fresh(name, std::move(dims), builder_.tensor(from).dtype);
  builder_.transpose(name, from, result, perm);
  return result;
}

TensorId Layout::plain(ValueId id) {
  if (plain_[id] != kNone) return plain_[id];
  const Shape& shape = graph_.shape(id);
  const Order order = native_order(shape.size());
  const std::string& name = graph_.value(id).name;
  if (source_[id] != kNoValue) {
    const TensorId source = builder_.dense(name, plain(source_[id]));
    plain_[id] = builder_.view(source, ordered_dims(shape, plain_order(shape.size())));
    return plain_[id];
  }
  if (graph_.constant(id) != nullptr && shape.size() == 4 && native_[id] == kNone) {
    const Constant& constant = *graph_.constant(id);
    builder_.count_raw_weights(constant.bytes.size());
    plain_[id] = builder_.constant(name, ordered_dims(shape, plain_order(4)), constant.dtype,
                                   std::make_shared<const std::vector<std::byte>>(constant.bytes));
    return plain_[id];
  }
  Order back(order.size());  // from native to plain
  for (std::size_t i = 0; i < order.size(); ++i) back[order[i]] = i;
  plain_[id] = reorder(name, native(id), back);
  return plain_[id];
}

TensorId Layout::native(ValueId id) {
  if (native_[id] != kNone) return native_[id];
  const Shape& shape = graph_.shape(id);
  const Order order = native_order(shape.size());
  const std::string& name = graph_.value(id).name;
  if (const Constant* constant = graph_.constant(id)) {
    ConstantPtr turned;
    if (shape.size() == 4) {
      static constexpr std::int64_t kNative[] = {0, 2, 3, 1};
      turned = transposed(*constant, kNative);
      constant = turned.get();
    }
    builder_.count_raw_weights(constant->bytes.size());
    native_[id] =
        builder_.constant(name, ordered_dims(shape, order), constant->dtype,
                          std::make_shared<const std::vector<std::byte>>(constant->bytes));
  } else if (plain_[id] != kNone || source_[id] != kNoValue) {
    native_[id] = reorder(name, plain(id), order);
  } else {
    throw InternalError(graph_.source + ": '" + name + "' is read before it is lowered");
  }
  return native_[id];
}

TensorId Layout::make_native(ValueId id) {
  const Shape& shape = graph_.shape(id);
  native_[id] =
      builder_.fresh(graph_.value(id).name, ordered_dims(shape, native_order(shape.size())),
                     graph_.value(id).dtype);
  return native_[id];
}

TensorId Layout::make_plain(ValueId id) {
  const Shape& shape = graph_.shape(id);
  plain_[id] = builder_.fresh(graph_.value(id).name, ordered_dims(shape, plain_order(shape.size())),
                              graph_.value(id).dtype);
  return plain_[id];
}

ValueId Layout::flattened_image(ValueId id) const {
  const Shape& flat = graph_.shape(id);
  ValueId source = id;
  while (source_[source] != kNoValue && graph_.shape(source).size() != 4) source = source_[source];
  const Shape& image = graph_.shape(source);
  if (source == id || image.size() != 4 || flat.size() != 2 || flat[0] != image[0]) return kNoValue;
  if (native_[source] == kNone || plain_[source] != kNone) return kNoValue;
  const Order order = native_order(4);
  return keeps_memory(ordered_dims(image, order), {0, 3, 1, 2}) ? kNoValue : source;
}

}  // namespace sz::compiler
