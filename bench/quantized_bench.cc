// Speed of the quantised vector kernels on one core, on the layers of MobileNet v1 and v2, ResNet-8
// and DS-CNN with random weights.
//
// usage: quantized_bench [NETWORK] [--runs N] [--float] [--layers] [--only LAYER] [--avx2]
//
// Prints for each network (or layer) its multiply-adds and the best CPU time of N runs. With one
// network, and counted by bench/instructions' plugin with two numbers of runs, the difference is
// the instructions of a run. --float: rescaling as ONNX does instead of TFLite's.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "ops/isa.h"
#include "ops/operator.h"
#include "ops/quantized/attributes.h"
#include "ops/quantized/pack.h"

namespace sz::ops {
namespace {

// A square convolution, a fully connected layer (size 1, kernel 1), or a residual addition (kernel
// 0).
struct Layer {
  std::string name;
  std::uint32_t height, width, inputs, outputs, kernel_h, kernel_w, stride, pad;
  bool depthwise = false;
  std::uint32_t repeat = 1;

  std::uint32_t out_h() const { return (height + 2 * pad - kernel_h) / stride + 1; }
  std::uint32_t out_w() const { return (width + 2 * pad - kernel_w) / stride + 1; }
  double multiply_adds() const {
    const double taps = double{1} * kernel_h * kernel_w * (depthwise ? 1 : inputs);
    return taps * out_h() * out_w() * outputs * repeat;
  }
};

Layer square(std::string name, std::uint32_t size, std::uint32_t in, std::uint32_t out,
             std::uint32_t kernel, std::uint32_t stride, std::uint32_t repeat = 1) {
  return {std::move(name), size, size, in, out, kernel, kernel, stride, kernel / 2, false, repeat};
}
Layer depthwise(std::string name, std::uint32_t size, std::uint32_t channels, std::uint32_t stride,
                std::uint32_t repeat = 1) {
  Layer layer = square(std::move(name), size, channels, channels, 3, stride, repeat);
  layer.depthwise = true;
  return layer;
}
Layer dense(std::string name, std::uint32_t in, std::uint32_t out) {
  return square(std::move(name), 1, in, out, 1, 1);
}
Layer addition(std::string name, std::uint32_t size, std::uint32_t channels, std::uint32_t repeat) {
  return square(std::move(name), size, channels, channels, 0, 1, repeat);
}

std::vector<Layer> mobilenet_v1() {
  return {square("conv1", 224, 3, 32, 3, 2),       depthwise("dw2", 112, 32, 1),
          square("pw2", 112, 32, 64, 1, 1),        depthwise("dw3", 112, 64, 2),
          square("pw3", 56, 64, 128, 1, 1),        depthwise("dw4", 56, 128, 1),
          square("pw4", 56, 128, 128, 1, 1),       depthwise("dw5", 56, 128, 2),
          square("pw5", 28, 128, 256, 1, 1),       depthwise("dw6", 28, 256, 1),
          square("pw6", 28, 256, 256, 1, 1),       depthwise("dw7", 28, 256, 2),
          square("pw7", 14, 256, 512, 1, 1),       depthwise("dw8-12", 14, 512, 1, 5),
          square("pw8-12", 14, 512, 512, 1, 1, 5), depthwise("dw13", 14, 512, 2),
          square("pw13", 7, 512, 1024, 1, 1),      depthwise("dw14", 7, 1024, 1),
          square("pw14", 7, 1024, 1024, 1, 1),     dense("fc", 1024, 1000)};
}

std::vector<Layer> mobilenet_v2() {
  struct Stage {
    std::uint32_t expansion, channels, blocks, stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  std::vector<Layer> layers{square("conv1", 224, 3, 32, 3, 2)};
  std::uint32_t size = 112, in = 32;
  for (const Stage& stage : kStages) {
    for (std::uint32_t block = 0; block < stage.blocks; ++block) {
      const std::string name = std::to_string(stage.channels) + "." + std::to_string(block);
      const std::uint32_t wide = in * stage.expansion;
      const std::uint32_t stride = block == 0 ? stage.stride : 1;
      if (stage.expansion > 1) layers.push_back(square("expand" + name, size, in, wide, 1, 1));
      layers.push_back(depthwise("dw" + name, size, wide, stride));
      size /= stride;
      layers.push_back(square("project" + name, size, wide, stage.channels, 1, 1));
      if (block > 0) layers.push_back(addition("add" + name, size, stage.channels, 1));
      in = stage.channels;
    }
  }
  layers.push_back(square("last", 7, 320, 1280, 1, 1));
  layers.push_back(dense("fc", 1280, 1000));
  return layers;
}

std::vector<Layer> resnet8() {
  return {square("conv1", 32, 3, 16, 3, 1),    square("stage1", 32, 16, 16, 3, 1, 2),
          addition("add1", 32, 16, 1),         square("stage2a", 32, 16, 32, 3, 2),
          square("stage2b", 16, 32, 32, 3, 1), square("short2", 32, 16, 32, 1, 2),
          addition("add2", 16, 32, 1),         square("stage3a", 16, 32, 64, 3, 2),
          square("stage3b", 8, 64, 64, 3, 1),  square("short3", 16, 32, 64, 1, 2),
          addition("add3", 8, 64, 1),          dense("fc", 64, 10)};
}

std::vector<Layer> ds_cnn() {
  std::vector<Layer> layers{{"conv1", 49, 10, 1, 64, 10, 4, 2, 4}};
  for (int block = 1; block <= 4; ++block) {
    Layer dw = depthwise("dw" + std::to_string(block), 25, 64, 1);
    Layer pw = square("pw" + std::to_string(block), 25, 64, 64, 1, 1);
    dw.width = pw.width = 5;
    layers.push_back(dw);
    layers.push_back(pw);
  }
  layers.push_back(dense("fc", 64, 12));
  return layers;
}

// A dense tensor of random bytes.
struct Buffer {
  std::vector<std::byte> bytes;
  TensorView view;

  explicit Buffer(std::vector<std::uint32_t> dims) {
    view.rank = static_cast<std::uint8_t>(dims.size());
    for (std::size_t i = 0; i < dims.size(); ++i) view.dims[i] = dims[i];
    view.dtype = DType::kI8;
    view.pitch = view.inner();
    bytes.resize(view.elements() + 64);
    std::mt19937 engine(1);
    for (std::byte& value : bytes) value = static_cast<std::byte>(engine());
    const std::size_t address = reinterpret_cast<std::uintptr_t>(bytes.data());
    view.data = bytes.data() + (64 - address % 64) % 64;
  }
  Buffer(const Buffer&) = delete;
};

template <typename Attributes>
std::vector<std::uint32_t> words_of(const Attributes& attributes) {
  std::vector<std::uint32_t> words(kAttributeWords<Attributes>);
  copy_bytes(words.data(), &attributes, sizeof(attributes));
  return words;
}

// A step over the vector kernel that can be run again and again.
class Runner {
 public:
  // Layers follow each other in memory as in a network: x lies in one of two shared buffers, y in
  // the other.
  Runner(const Layer& layer, Rescaling mode, const Buffer& x, const Buffer& y)
      : op_(*find_operator(static_cast<std::uint16_t>(layer.kernel_h == 0 ? OpCode::kQBinary
                                                                          : OpCode::kQConv2d))) {
    if (layer.kernel_h == 0) {
      prepare_addition(layer, mode);
    } else {
      prepare_convolution(layer, mode);
    }
    x_ = view_of({1, layer.height, layer.width, layer.inputs}, x);
    y_ = view_of(y_dims_, y);
    inputs_ = {&x_, &constant_->view};
    output_ = &y_;
    step_ = {Kernel::kVector, inputs_, {&output_, 1}, words_};
    if (op_.check(step_) != Status::kOk) throw std::runtime_error(layer.name + " does not check");
    scratch_.resize(op_.scratch_bytes(step_) / 64 + 1);
  }
  Runner(const Runner&) = delete;

  void run() {
    SingleWorker alone;
    (void)op_.run(step_, {alone, scratch_[0].bytes, scratch_.size() * 64, op_.cost(step_)});
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };

  static TensorView view_of(const std::vector<std::uint32_t>& dims, const Buffer& memory) {
    TensorView view = memory.view;
    view.rank = static_cast<std::uint8_t>(dims.size());
    for (std::size_t i = 0; i < dims.size(); ++i) view.dims[i] = dims[i];
    view.pitch = view.inner();
    if (view.elements() > memory.view.elements()) throw std::runtime_error("buffer too small");
    return view;
  }

  void prepare_addition(const Layer& layer, Rescaling mode) {
    y_dims_ = {1, layer.height, layer.width, layer.inputs};
    constant_ = std::make_unique<Buffer>(y_dims_);
    QBinaryAttributes t;
    t.a = t.b = t.y_factor = {mode, 0, 0, 0.7f};
    if (mode == Rescaling::kFixedPoint) {
      t.left_shift = 20;
      t.a = t.b = {mode, 1500000000, -1, 1.0f};
      t.y_factor = {mode, 1400000000, -19, 1.0f};
    }
    words_ = words_of(t);
  }

  void prepare_convolution(const Layer& layer, Rescaling mode) {
    QConv2dAttributes t;
    t.window = {layer.kernel_h, layer.kernel_w, layer.stride, layer.stride, 1, 1,
                layer.pad,      layer.pad,      layer.pad,    layer.pad};
    t.groups = layer.depthwise ? layer.inputs : 1;
    t.mode = mode;
    t.x_zero = -128;
    const ConvWeightShape shape{layer.inputs, layer.outputs, t.groups, layer.kernel_h,
                                layer.kernel_w};
    std::mt19937 engine(2);
    std::vector<std::int8_t> weights(std::size_t{layer.outputs} * (layer.inputs / t.groups) *
                                     layer.kernel_h * layer.kernel_w);
    for (auto& w : weights) w = static_cast<std::int8_t>(static_cast<int>(engine() % 255) - 127);
    const std::vector<std::int32_t> bias(layer.outputs, 100), multipliers(layer.outputs, 1 << 30),
        shifts(layer.outputs, -7);
    const std::vector<float> scales(layer.outputs, 0.004f);
    constant_ = std::make_unique<Buffer>(
        std::vector<std::uint32_t>{static_cast<std::uint32_t>(*packed_qconv2d_bytes(shape))});
    const Buffer& blob = *constant_;
    if (!pack_qconv2d({weights, bias, -128, 0, mode, multipliers, shifts, scales, {}}, shape,
                      {blob.view.data, blob.view.elements()})) {
      throw std::runtime_error(layer.name + " does not pack");
    }
    y_dims_ = {1, layer.out_h(), layer.out_w(), layer.outputs};
    words_ = words_of(t);
  }

  const Operator& op_;
  std::unique_ptr<Buffer> constant_;
  std::vector<std::uint32_t> y_dims_;
  TensorView x_, y_;
  std::vector<const TensorView*> inputs_;
  const TensorView* output_ = nullptr;
  std::vector<std::uint32_t> words_;
  std::vector<Line> scratch_;
  Step step_;
};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Options {
  std::string network, only;
  int runs = 20;
  bool layers = false;
  Rescaling mode = Rescaling::kFixedPoint;
};

void report(const std::string& name, const std::vector<Layer>& layers, const Options& options) {
  static const Buffer kMemory[] = {Buffer({2u << 20}), Buffer({2u << 20})};
  std::vector<std::unique_ptr<Runner>> runners;
  double multiply_adds = 0;
  for (const Layer& layer : layers) {
    multiply_adds += layer.multiply_adds();
    for (std::uint32_t i = 0; i < layer.repeat; ++i) {
      const std::size_t from = runners.size() % 2;
      runners.push_back(
          std::make_unique<Runner>(layer, options.mode, kMemory[from], kMemory[1 - from]));
    }
  }
  double best = 1e9;
  for (int run = 0; run < options.runs; ++run) {
    const double start = cpu_seconds();
    for (auto& runner : runners) runner->run();
    best = std::min(best, cpu_seconds() - start);
  }
  std::printf("%-14s %9.3f M multiply-adds %9.3f ms %8.1f G/s\n", name.c_str(),
              multiply_adds * 1e-6, best * 1e3, multiply_adds / best * 1e-9);
}

void report_network(const std::string& name, const std::vector<Layer>& layers,
                    const Options& options) {
  if (!options.network.empty() && options.network != name) return;
  if (options.layers) {
    for (const Layer& layer : layers) report(layer.name, {layer}, options);
  }
  if (!options.only.empty()) {
    for (const Layer& layer : layers) {
      if (layer.name == options.only) report(layer.name, {layer}, options);
    }
    return;
  }
  report(name, layers, options);
}

}  // namespace
}  // namespace sz::ops

int main(int argc, char** argv) {
  using namespace sz::ops;
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--runs" && i + 1 < argc) {
      options.runs = std::atoi(argv[++i]);
    } else if (word == "--only" && i + 1 < argc) {
      options.only = argv[++i];
    } else if (word == "--float") {
      options.mode = Rescaling::kFloat;
    } else if (word == "--layers") {
      options.layers = true;
    } else if (word == "--avx2") {
      limit_vector_isa(Isa::kAvx2);
    } else {
      options.network = word;
    }
  }
  report_network("mobilenet_v1", mobilenet_v1(), options);
  report_network("mobilenet_v2", mobilenet_v2(), options);
  report_network("resnet8", resnet8(), options);
  report_network("ds_cnn", ds_cnn(), options);
  return 0;
}
