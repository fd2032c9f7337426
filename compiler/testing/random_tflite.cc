#include "compiler/testing/random_tflite.h"

#include <random>
#include <utility>

namespace sz::compiler::testing {
namespace {

using tfl::Operation;
using tfl::Options;
using tfl::TensorType;

class Generator {
 public:
  Generator(std::uint32_t seed, int nodes) : random_(seed), nodes_(nodes) {
    static constexpr TensorType kTypes[] = {TensorType::FLOAT32, TensorType::INT8,
                                            TensorType::UINT8};
    type_ = kTypes[below(3)];
  }

  TfliteBuilder run() {
    const Shape shape = {1, 1 + below(7), 1 + below(7), 1 + below(6)};
    add({b_.input("x", type_, shape, scaling()), shape});
    for (int i = 0; i < nodes_; ++i) step();
    const Image last = images_.back();
    b_.outputs().push_back(last.id);
    if (below(2) == 0) classify(last);
    return std::move(b_);
  }

 private:
  using Shape = std::vector<std::int32_t>;
  struct Image {
    std::int32_t id;
    Shape shape;
  };

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool quantised() const { return type_ != TensorType::FLOAT32; }
  void add(Image image) { images_.push_back(std::move(image)); }
  const Image& any() { return images_[random_() % images_.size()]; }

  TfliteScaling scaling() {
    if (!quantised()) return {};
    const float scale = static_cast<float>(1 + below(200)) / 1024.0f;
    return {{scale}, {below(256) - (type_ == TensorType::INT8 ? 128 : 0)}, 0};
  }
  TfliteScaling scaling_of(const Image& image) {
    return b_.tensors()[static_cast<std::size_t>(image.id)].scaling;
  }

  Image result(Shape shape, TfliteScaling scaling) {
    return {b_.tensor("t", type_, shape, std::move(scaling)), std::move(shape)};
  }

  // Weights for `outputs` channels, which are dimension `dimension`, and their bias.
  std::pair<std::int32_t, std::int32_t> layer(const Shape& shape, std::size_t dimension) {
    std::size_t count = 1;
    for (const std::int32_t dim : shape) count *= static_cast<std::size_t>(dim);
    const int outputs = shape[dimension];
    if (!quantised()) {
      std::vector<float> weights(count), bias(static_cast<std::size_t>(outputs));
      for (float& w : weights) w = static_cast<float>(below(257) - 128) / 256.0f;
      for (float& v : bias) v = static_cast<float>(below(257) - 128) / 256.0f;
      return {b_.floats(shape, weights), b_.floats({outputs}, bias)};
    }
    std::vector<std::int8_t> weights(count);
    for (std::int8_t& w : weights) w = static_cast<std::int8_t>(below(256) - 128);
    std::vector<std::int32_t> bias(static_cast<std::size_t>(outputs));
    for (std::int32_t& v : bias) v = below(4001) - 2000;
    TfliteScaling scaling{{0.01f}, {0}, static_cast<std::int32_t>(dimension)};
    if (type_ == TensorType::UINT8) {
      scaling.zeros[0] = below(256);
    } else if (below(2) == 0) {
      scaling.scales.assign(static_cast<std::size_t>(outputs), 0.0f);
      for (float& scale : scaling.scales) scale = static_cast<float>(1 + below(50)) / 2048.0f;
      scaling.zeros.assign(static_cast<std::size_t>(outputs), 0);
    }
    const auto id = b_.bytes(type_, shape, weights, scaling);
    return {id, below(4) == 0 ? -1 : b_.integers({outputs}, bias)};
  }

  tfl::Activation activation() {
    static constexpr tfl::Activation kActivations[] = {
        tfl::Activation::NONE, tfl::Activation::RELU, tfl::Activation::RELU6,
        tfl::Activation::RELU_N1_TO_1};
    return kActivations[below(4)];
  }

  void step() {
    switch (below(8)) {
      case 0:
        return convolution();
      case 1:
        return depthwise();
      case 2:
        return pool();
      case 3:
        return sum();
      case 4:
        return concatenation();
      case 5:
        return transposition();
      case 6:
        return upsampling();
      default:
        return reshaping();
    }
  }

  struct Window {
    tfl::Padding padding{};
    int stride = 1, kh = 1, kw = 1, oh = 1, ow = 1;
  };
  Window window(const Image& x) {
    Window w;
    w.padding = below(2) == 0 ? tfl::Padding::SAME : tfl::Padding::VALID;
    w.stride = 1 + below(2);
    w.kh = 1 + below(std::min(3, x.shape[1]));
    w.kw = 1 + below(std::min(3, x.shape[2]));
    const bool same = w.padding == tfl::Padding::SAME;
    w.oh = (x.shape[1] - (same ? 1 : w.kh)) / w.stride + 1;
    w.ow = (x.shape[2] - (same ? 1 : w.kw)) / w.stride + 1;
    return w;
  }

  void convolution() {
    const Image x = any();
    const Window w = window(x);
    const int outputs = 1 + below(9);
    const auto [weights, bias] = layer({outputs, w.kh, w.kw, x.shape[3]}, 0);
    const Image y = result({1, w.oh, w.ow, outputs}, scaling());
    b_.op(Operation::CONV_2D, Options::Conv2DOptions, {x.id, weights, bias}, {y.id},
          tfl::CreateConv2DOptions, w.padding, w.stride, w.stride, activation(), 1, 1);
    add(y);
  }

  void depthwise() {
    const Image x = any();
    const Window w = window(x);
    const int multiplier = 1 + below(2);
    const int outputs = x.shape[3] * multiplier;
    if (outputs > 32) return;
    const auto [weights, bias] = layer({1, w.kh, w.kw, outputs}, 3);
    const Image y = result({1, w.oh, w.ow, outputs}, scaling());
    b_.op(Operation::DEPTHWISE_CONV_2D, Options::DepthwiseConv2DOptions, {x.id, weights, bias},
          {y.id}, tfl::CreateDepthwiseConv2DOptions, w.padding, w.stride, w.stride, multiplier,
          activation(), 1, 1);
    add(y);
  }

  void pool() {
    const Image x = any();
    const Window w = window(x);
    const Image y = result({1, w.oh, w.ow, x.shape[3]}, scaling_of(x));
    const auto code = below(2) == 0 ? Operation::MAX_POOL_2D : Operation::AVERAGE_POOL_2D;
    b_.op(code, Options::Pool2DOptions, {x.id}, {y.id}, tfl::CreatePool2DOptions, w.padding,
          w.stride, w.stride, w.kw, w.kh, activation());
    add(y);
  }

  // With an image of the same size, or with one number for each channel.
  void sum() {
    const Image x = any();
    Image other = any();
    if (other.shape != x.shape) {
      other = {layer({x.shape[3]}, 0).first, {x.shape[3]}};
      b_.tensors()[static_cast<std::size_t>(other.id)].scaling = scaling();  // of no weights
    }
    const Image y = result(x.shape, scaling());
    const tfl::Activation act = activation();
    switch (below(3)) {
      case 0:
        b_.op(Operation::ADD, Options::AddOptions, {x.id, other.id}, {y.id}, tfl::CreateAddOptions,
              act);
        break;
      case 1:
        b_.op(Operation::SUB, Options::SubOptions, {other.id, x.id}, {y.id}, tfl::CreateSubOptions,
              act);
        break;
      default:
        b_.op(Operation::MUL, Options::MulOptions, {x.id, other.id}, {y.id}, tfl::CreateMulOptions,
              act);
    }
    add(y);
  }

  void concatenation() {
    const Image x = any();
    const auto axis = static_cast<std::size_t>(1 + below(3));
    Shape shape = x.shape;
    shape[axis] *= 2;
    if (shape[axis] > 32) return;
    const Image y = result(shape, scaling_of(x));
    b_.op(Operation::CONCATENATION, Options::ConcatenationOptions, {x.id, x.id}, {y.id},
          tfl::CreateConcatenationOptions, static_cast<std::int32_t>(axis), tfl::Activation::NONE);
    add(y);
  }

  void transposition() {
    const Image x = any();
    static const Shape kPerms[] = {{0, 2, 1, 3}, {0, 3, 1, 2}, {0, 1, 3, 2}, {0, 2, 3, 1}};
    const Shape& perm = kPerms[below(4)];
    Shape shape;
    for (const std::int32_t axis : perm) shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
    const Image y = result(shape, scaling_of(x));
    b_.op(Operation::TRANSPOSE, {x.id, b_.integers({4}, perm)}, {y.id});
    add(y);
  }

  void upsampling() {
    const Image x = any();
    if (x.shape[1] > 12 || x.shape[2] > 12) return;
    const Image y = result({1, 2 * x.shape[1], 3 * x.shape[2], x.shape[3]}, scaling_of(x));
    b_.op(Operation::RESIZE_NEAREST_NEIGHBOR, Options::ResizeNearestNeighborOptions,
          {x.id, b_.integers({2}, {y.shape[1], y.shape[2]})}, {y.id},
          tfl::CreateResizeNearestNeighborOptions, false, below(2) == 0);
    add(y);
  }

  void reshaping() {
    const Image x = any();
    const Shape shape = {1, x.shape[2], x.shape[1] * x.shape[3], 1};
    const Image y = result(shape, scaling_of(x));
    b_.op(Operation::RESHAPE, {x.id, b_.integers({4}, {1, shape[1], -1, 1})}, {y.id});
    add(y);
  }

  void classify(const Image& x) {
    const int inputs = x.shape[1] * x.shape[2] * x.shape[3];
    const auto [weights, bias] = layer({5, inputs}, 0);
    const Image scores = result({1, 5}, scaling());
    b_.op(Operation::FULLY_CONNECTED, Options::FullyConnectedOptions, {x.id, weights, bias},
          {scores.id}, tfl::CreateFullyConnectedOptions, activation(), tfl::WeightsFormat::DEFAULT,
          false, false);
    TfliteScaling unit;
    if (quantised()) unit = {{1.0f / 256}, {type_ == TensorType::INT8 ? -128 : 0}, 0};
    const Image y = result({1, 5}, unit);
    b_.op(Operation::SOFTMAX, Options::SoftmaxOptions, {scores.id}, {y.id},
          tfl::CreateSoftmaxOptions, 1.0f);
    b_.outputs().push_back(y.id);
  }

  std::mt19937 random_;
  int nodes_;
  TensorType type_{};
  TfliteBuilder b_;
  std::vector<Image> images_;
};

}  // namespace

TfliteBuilder random_tflite(std::uint32_t seed, int nodes) { return Generator(seed, nodes).run(); }

}  // namespace sz::compiler::testing
