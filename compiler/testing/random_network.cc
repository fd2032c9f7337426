#include "compiler/testing/random_network.h"

#include <algorithm>
#include <random>

namespace sz::compiler::testing {
namespace {

using Ints = std::vector<std::int64_t>;

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed + 1) {}

  OnnxBuilder run(int nodes) {
    const std::int64_t batch = pick(1, 2);
    for (int i = 0; i < pick(1, 2); ++i) {
      const Ints dims = {batch, pick(1, 6), pick(3, 9), pick(3, 9)};
      builder_.input("x" + std::to_string(i), dims);
      live_.push_back({"x" + std::to_string(i), dims});
    }
    for (int i = 0; i < nodes; ++i) add_node();
    // The last value and some others.
    const auto result = live_.back();
    builder_.output(result.name, result.dims);
    for (std::size_t i = 0; i + 1 < live_.size(); ++i) {
      const bool is_input = live_[i].name[0] == 'x';
      if (!is_input && pick(0, 9) == 0) builder_.output(live_[i].name, live_[i].dims);
    }
    return std::move(builder_);
  }

 private:
  struct Tensor {
    std::string name;
    Ints dims;
  };

  std::int64_t pick(std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most - least + 1));
  }

  // One of the latest values, mostly.
  Tensor choose() {
    const auto count = static_cast<std::int64_t>(live_.size());
    const std::int64_t back =
        pick(0, 3) == 0 ? pick(1, count) : pick(1, std::min<std::int64_t>(count, 3));
    return live_[live_.size() - static_cast<std::size_t>(back)];
  }

  std::string fresh() { return "v" + std::to_string(next_++); }

  std::string constant(const Ints& dims) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    const std::string name = fresh() + "c";
    auto values = random_floats(static_cast<std::size_t>(count), next_);
    for (float& value : values) value *= 0.5f;
    builder_.floats(name, dims, values);
    return name;
  }

  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs, Ints dims) {
    const std::string name = fresh();
    auto& node = builder_.node(op, inputs, {name});
    live_.push_back({name, std::move(dims)});
    return node;
  }

  void add_node() {
    const Tensor x = choose();
    if (x.dims.size() != 4) return add_flat(x);
    switch (pick(0, 16)) {
      case 0:
      case 1:
      case 2:
        return conv(x);
      case 3:
        return pool(x);
      case 4:
        return concat(x);
      case 5:
        return concat_other_axis(x);
      case 6:
      case 7:
        return binary(x);
      case 8:
        node("Relu", {x.name}, x.dims);
        return;
      case 9:
        return batch_norm(x);
      case 10:
        set(node("Softmax", {x.name}, x.dims), "axis", pick(0, 3));
        return;
      case 11:
        return transpose(x);
      case 12:
        return reshape(x);
      case 13:
        set(node("LeakyRelu", {x.name}, x.dims), "alpha", 0.25f);
        return;
      case 14:
        return resize(x);
      case 15:
        return channels(x);
      default:
        return flatten(x);
    }
  }

  void conv(const Tensor& x) {
    const std::int64_t groups = x.dims[1] % 2 == 0 ? pick(1, 2) : 1;
    const bool depthwise = pick(0, 3) == 0;
    const std::int64_t outputs = depthwise ? x.dims[1] : groups * pick(1, 5);
    const std::int64_t g = depthwise ? x.dims[1] : groups;
    const std::int64_t k = pick(1, 3);
    const std::int64_t stride = pick(1, 2);
    const std::int64_t pad = pick(0, 2);
    const std::int64_t height = (x.dims[2] + 2 * pad - k) / stride + 1;
    const std::int64_t width = (x.dims[3] + 2 * pad - k) / stride + 1;
    if (x.dims[2] + 2 * pad < k || x.dims[3] + 2 * pad < k || height * width > 400) return;
    const std::string w = constant({outputs, x.dims[1] / g, k, k});
    auto& n = node("Conv", {x.name, w}, {x.dims[0], outputs, height, width});
    if (pick(0, 1)) n.add_input(constant({outputs}));
    set(n, "group", g);
    set(n, "strides", Ints{stride, stride});
    set(n, "pads", Ints{pad, pad, pad, pad});
  }

  void pool(const Tensor& x) {
    const bool average = pick(0, 1);
    if (pick(0, 3) == 0) {
      node(average ? "GlobalAveragePool" : "GlobalMaxPool", {x.name}, {x.dims[0], x.dims[1], 1, 1});
      return;
    }
    const std::int64_t stride = pick(1, 2);
    if (x.dims[2] < 2 || x.dims[3] < 2) return;
    auto& n = node(
        average ? "AveragePool" : "MaxPool", {x.name},
        {x.dims[0], x.dims[1], (x.dims[2] + 1 - 2) / stride + 1, (x.dims[3] + 1 - 2) / stride + 1});
    set(n, "kernel_shape", Ints{2, 2});
    set(n, "strides", Ints{stride, stride});
    set(n, "pads", Ints{1, 0, 0, 1});
  }

  void join(std::size_t axis, const Tensor& x) {
    std::vector<std::string> names = {x.name};
    Ints dims = x.dims;
    for (const Tensor& other : live_) {
      if (other.dims.size() != dims.size() || names.size() >= 3 || pick(0, 1)) continue;
      Ints same = other.dims;
      same[axis] = x.dims[axis];
      if (same != x.dims) continue;
      names.push_back(other.name);
      dims[axis] += other.dims[axis];
    }
    if (dims[axis] > 40) return;
    set(node("Concat", names, dims), "axis", static_cast<std::int64_t>(axis));
  }

  void concat(const Tensor& x) { join(1, x); }
  void concat_other_axis(const Tensor& x) { join(static_cast<std::size_t>(pick(0, 3)), x); }

  void binary(const Tensor& x) {
    static constexpr const char* kOps[] = {"Add", "Sub", "Mul"};
    const char* op = kOps[pick(0, 2)];
    std::string other;
    for (const Tensor& candidate : live_) {
      if (candidate.dims == x.dims && pick(0, 1)) other = candidate.name;
    }
    if (other.empty()) other = constant(pick(0, 1) ? Ints{x.dims[1], 1, 1} : Ints{x.dims[3]});
    if (pick(0, 1)) {
      node(op, {x.name, other}, x.dims);
    } else {
      node(op, {other, x.name}, x.dims);
    }
  }

  void batch_norm(const Tensor& x) {
    const Ints c = {x.dims[1]};
    const std::string variance = fresh() + "c";
    builder_.floats(variance, c, std::vector<float>(static_cast<std::size_t>(c[0]), 0.75f));
    node("BatchNormalization", {x.name, constant(c), constant(c), constant(c), variance}, x.dims);
  }

  void transpose(const Tensor& x) {
    Ints perm = {0, 1, 2, 3};
    for (std::size_t i = 3; i > 0; --i)
      std::swap(perm[i], perm[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(i)))]);
    Ints dims;
    for (const std::int64_t axis : perm) dims.push_back(x.dims[static_cast<std::size_t>(axis)]);
    set(node("Transpose", {x.name}, dims), "perm", perm);
  }

  void reshape(const Tensor& x) {
    const std::string shape = fresh() + "s";
    const Ints dims = {x.dims[0], x.dims[2], x.dims[1], x.dims[3]};
    builder_.integers(shape, dims);
    node("Reshape", {x.name, shape}, dims);
  }

  void resize(const Tensor& x) {
    const std::int64_t h = pick(1, 3);
    const std::int64_t w = pick(1, 2);
    if (x.dims[2] * h * x.dims[3] * w > 400) return;
    const std::string scales = fresh() + "s";
    builder_.floats(scales, {4}, {1, 1, static_cast<float>(h), static_cast<float>(w)});
    node("Resize", {x.name, "", scales}, {x.dims[0], x.dims[1], x.dims[2] * h, x.dims[3] * w});
  }

  void channels(const Tensor& x) {
    const std::int64_t begin = pick(0, x.dims[1] - 1);
    const std::int64_t end = pick(begin + 1, x.dims[1]);
    const std::string name = fresh();
    builder_.integers(name + "b", {begin});
    builder_.integers(name + "e", {end});
    builder_.integers(name + "a", {1});
    node("Slice", {x.name, name + "b", name + "e", name + "a"},
         {x.dims[0], end - begin, x.dims[2], x.dims[3]});
  }

  void flatten(const Tensor& x) {
    node("Flatten", {x.name}, {x.dims[0], x.dims[1] * x.dims[2] * x.dims[3]});
  }

  void add_flat(const Tensor& x) {
    const std::int64_t outputs = pick(1, 20);
    if (x.dims[1] > 2000) return;
    switch (pick(0, 3)) {
      case 0:
        node("Relu", {x.name}, x.dims);
        return;
      case 1:
        node("Softmax", {x.name}, x.dims);
        return;
      case 2:
        join(1, x);
        return;
      default:
        node("MatMul", {x.name, constant({x.dims[1], outputs})}, {x.dims[0], outputs});
    }
  }

  std::mt19937 random_;
  OnnxBuilder builder_;
  std::vector<Tensor> live_;
  std::uint32_t next_ = 0;
};

}  // namespace

OnnxBuilder random_network(std::uint32_t seed, int nodes) { return Generator(seed).run(nodes); }

}  // namespace sz::compiler::testing
