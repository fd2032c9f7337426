#include "compiler/import/darknet/layer_readers.h"

#include <initializer_list>
#include <map>
#include <utility>

#include "base/checked.h"
#include "compiler/graph/constant.h"

namespace sz::compiler::darknet {
namespace {

constexpr std::int64_t kMaxChannels = std::int64_t{1} << 28;  // more do not fit kMaxTensorBytes
constexpr std::int64_t kMaxSize = 1024;                       // the operators' limits
constexpr std::int64_t kMaxStride = 65536;
constexpr std::int64_t kMaxPadding = 65536;

std::uint64_t product(const Section& section, std::initializer_list<std::int64_t> factors) {
  std::uint64_t result = 1;
  bool fits = true;
  for (const std::int64_t factor : factors) {
    fits = fits && checked_mul(result, static_cast<std::uint64_t>(factor), &result);
  }
  if (!fits || result > kMaxTensorBytes / sizeof(float)) {
    section.refuse("its weights would take more than " + std::to_string(kMaxTensorBytes) +
                   " bytes");
  }
  return result;
}

const Image& result_of(const Section& section, const Network& network, std::int64_t layer) {
  if (layer == kNetworkInput) return network.input;
  const Layer& from = network.layers[static_cast<std::size_t>(layer)];
  if (!from.has_result()) {
    section.refuse("reads the result of " + from.name +
                   (from.kind == LayerKind::kYolo
                        ? ", whose decoding is left to the caller, outside the network"
                        : ", which has none when nobody trains"));
  }
  return from.output;
}

// `layers` or `from`: counted from the first layer, or back from this one.
std::vector<std::int64_t> earlier_layers(Section& section, const Network& network,
                                         const char* key) {
  const auto here = static_cast<std::int64_t>(network.layers.size());
  std::vector<std::int64_t> layers = section.integers(key, -here, here - 1);
  if (layers.empty()) section.refuse(std::string("option '") + key + "' is missing");
  for (std::int64_t& layer : layers) {
    if (layer < 0) layer += here;
    result_of(section, network, layer);
  }
  return layers;
}

Activation activation(Section& section, const char* otherwise) {
  static const std::map<std::string, Activation> kNames = {{"linear", Activation::kLinear},
                                                           {"relu", Activation::kRelu},
                                                           {"relu6", Activation::kRelu6},
                                                           {"leaky", Activation::kLeaky}};
  const std::string name = section.text("activation", otherwise);
  const auto found = kNames.find(name);
  if (found == kNames.end()) {
    section.refuse("activation",
                   (section.has("activation") ? std::string()
                                              : "is missing, and its default, '" + name + "', ") +
                       "is not supported; linear, relu, relu6 and leaky are");
  }
  return found->second;
}

// What any layer may have.
void common_options(Section& section) {
  section.ignore({"learning_rate", "stopbackward", "onlyforward", "dont_update", "burnin_update",
                  "train_only_bn", "clip", "smooth", "truth"});
  for (const char* key : {"dontload", "dontloadscales"}) {
    section.expect_integer(key, 0, "leaves weights unset, which is not supported");
  }
}

std::int64_t windowed(const Section& section, std::int64_t size, std::int64_t padding,
                      const Layer& layer) {
  if (size + padding < layer.size) {
    section.refuse("its window of " + std::to_string(layer.size) +
                   " is larger than the padded input of " + std::to_string(size + padding));
  }
  return (size + padding - layer.size) / layer.stride + 1;
}

void equal_strides(Section& section, const Layer& layer) {
  for (const char* key : {"stride_x", "stride_y"}) {
    section.expect_integer(key, layer.stride, "differs from stride, which is not supported");
  }
}

void convolutional(Section& section, const Network&, Layer& layer) {
  const std::int64_t filters = section.integer("filters", 1, 1, kMaxChannels);
  layer.size = section.integer("size", 1, 1, kMaxSize);
  layer.stride = section.integer("stride", 1, 1, kMaxStride);
  layer.groups = section.integer("groups", 1, 1, kMaxChannels);
  std::int64_t padding = section.integer("padding", 0, 0, kMaxPadding);
  if (section.flag("pad", false)) padding = layer.size / 2;
  layer.pad_before = layer.pad_after = padding;
  layer.activation = activation(section, "logistic");
  layer.batch_normalize = section.flag("batch_normalize", false);
  equal_strides(section, layer);
  section.expect_integer("dilation", 1, "is not supported: only dilation=1 is");
  for (const char* key : {"flipped", "binary", "xnor", "bin_output", "antialiasing", "deform",
                          "rotate", "stretch", "sway", "stretch_sway", "assisted_excitation"}) {
    section.expect_integer(key, 0, "is not supported");
  }
  const Image& in = layer.input;
  if (in.channels % layer.groups != 0 || filters % layer.groups != 0) {
    section.refuse(std::to_string(in.channels) + " channels and " + std::to_string(filters) +
                   " filters cannot be divided into " + std::to_string(layer.groups) + " groups");
  }
  layer.output = checked_image(section, {filters, windowed(section, in.height, 2 * padding, layer),
                                         windowed(section, in.width, 2 * padding, layer)});
  layer.biases = static_cast<std::uint64_t>(filters);
  layer.weights = product(section, {filters, in.channels / layer.groups, layer.size, layer.size});
}

// The padding is the sum of both sides; the smaller half stands before.
void max_pool(Section& section, const Network&, Layer& layer) {
  layer.stride = section.integer("stride", 1, 1, kMaxStride);
  layer.size = section.integer("size", layer.stride, 1, kMaxSize);
  if (layer.size > kMaxSize) section.refuse("its window is larger than 1024");
  const std::int64_t padding = section.integer("padding", layer.size - 1, 0, kMaxPadding);
  layer.pad_before = padding / 2;
  layer.pad_after = padding - layer.pad_before;
  if (layer.pad_after >= layer.size) {
    section.refuse("padding", "lets windows lie in the padding alone, which is not supported");
  }
  equal_strides(section, layer);
  for (const char* key : {"maxpool_depth", "antialiasing"}) {
    section.expect_integer(key, 0, "is not supported");
  }
  const Image& in = layer.input;
  layer.output = checked_image(section, {in.channels, windowed(section, in.height, padding, layer),
                                         windowed(section, in.width, padding, layer)});
}

void average_pool(Section&, const Network&, Layer& layer) {
  layer.output = {layer.input.channels, 1, 1};
}

void connected(Section& section, const Network&, Layer& layer) {
  const std::int64_t outputs = section.integer("output", 1, 1, kMaxChannels);
  layer.activation = activation(section, "logistic");
  layer.batch_normalize = section.flag("batch_normalize", false);
  layer.output = checked_image(section, {outputs, 1, 1});
  layer.biases = static_cast<std::uint64_t>(outputs);
  layer.weights = product(section, {outputs, layer.input.elements()});
}

// Over all numbers of each group, wherever in the image they stand.
void softmax(Section& section, const Network&, Layer& layer) {
  layer.groups = section.integer("groups", 1, 1, kMaxChannels);
  if (layer.input.elements() % layer.groups != 0) {
    section.refuse("groups", "does not divide " + std::to_string(layer.input.elements()));
  }
  section.expect_real("temperature", 1.0, "is not supported: only temperature=1 is");
  section.expect_integer("spatial", 0, "is not supported");
  if (section.has("tree")) section.refuse("tree", "is not supported");
  section.ignore({"noloss"});
  layer.output = {layer.input.elements(), 1, 1};
}

void dropout(Section& section, const Network&, Layer& layer) {
  section.ignore({"probability", "dropblock", "dropblock_size_rel", "dropblock_size_abs"});
  layer.output = layer.input;
}

void route(Section& section, const Network& network, Layer& layer) {
  layer.inputs = earlier_layers(section, network, "layers");
  layer.groups = section.integer("groups", 1, 1, kMaxChannels);
  layer.group = section.integer("group_id", 0, 0, layer.groups - 1);
  section.ignore({"stream", "wait_stream"});  // where a graphics processor computes it
  layer.input = result_of(section, network, layer.inputs[0]);
  layer.output = {0, layer.input.height, layer.input.width};
  for (const std::int64_t from : layer.inputs) {
    const Image& part = result_of(section, network, from);
    if (part.height != layer.input.height || part.width != layer.input.width) {
      section.refuse("layers", "joins images of different sizes");
    }
    if (part.channels % layer.groups != 0) {
      section.refuse("groups", "does not divide " + std::to_string(part.channels) + " channels");
    }
    layer.output.channels += part.channels / layer.groups;
  }
  checked_image(section, layer.output);
}

void shortcut(Section& section, const Network& network, Layer& layer) {
  const Image& in = layer.input;
  for (const std::int64_t from : earlier_layers(section, network, "from")) {
    const Image& image = result_of(section, network, from);
    const std::int64_t stride = shortcut_stride(image, in);
    if (stride == 0 || (image.width - 1) / stride + 1 != in.width ||
        (image.height - 1) / stride + 1 != in.height) {
      section.refuse("from", "adds an image of " + std::to_string(image.height) + " x " +
                                 std::to_string(image.width) + " to one of " +
                                 std::to_string(in.height) + " x " + std::to_string(in.width) +
                                 ", which is not supported");
    }
    layer.inputs.push_back(from);
  }
  layer.activation = activation(section, "linear");
  for (const char* key : {"alpha", "beta"}) {
    section.expect_real(key, 1.0, "is not supported: only 1 is");
  }
  for (const char* key : {"weights_type", "weights_normalization", "weights_normalizion"}) {
    if (section.text(key, "none") != "none") section.refuse(key, "is not supported");
  }
  layer.output = layer.input;
}

void upsample(Section& section, const Network&, Layer& layer) {
  layer.stride = section.integer("stride", 2, 1, kMaxStride);
  section.expect_real("scale", 1.0, "is not supported: only scale=1 is");
  const Image& in = layer.input;
  layer.output =
      checked_image(section, {in.channels, in.height * layer.stride, in.width * layer.stride});
}

// Only the decoding of boxes needs most of this, but a head that does not fit is an error.
void yolo(Section& section, const Network&, Layer& layer) {
  const std::int64_t classes = section.integer("classes", 20, 1, kMaxStride);
  const std::int64_t anchors = section.integer("num", 1, 1, kMaxStride);
  const auto mask = section.integers("mask", 0, anchors - 1);
  const std::int64_t boxes = mask.empty() ? anchors : static_cast<std::int64_t>(mask.size());
  if (layer.input.channels != boxes * (classes + 5)) {
    section.refuse(std::to_string(boxes) + " boxes with 5 + " + std::to_string(classes) +
                   " numbers each need " + std::to_string(boxes * (classes + 5)) +
                   " channels, but " + std::to_string(layer.input.channels) + " come in");
  }
  section.ignore({"anchors",
                  "jitter",
                  "ignore_thresh",
                  "truth_thresh",
                  "iou_thresh",
                  "random",
                  "resize",
                  "max",
                  "max_delta",
                  "scale_x_y",
                  "new_coords",
                  "nms_kind",
                  "beta_nms",
                  "iou_loss",
                  "iou_thresh_kind",
                  "iou_normalizer",
                  "cls_normalizer",
                  "obj_normalizer",
                  "delta_normalizer",
                  "uc_normalizer",
                  "label_smooth_eps",
                  "objectness_smooth",
                  "counters_per_class",
                  "focal_loss",
                  "map",
                  "show_details"});
  layer.output = layer.input;
}

// Compares with the truth in training; does nothing at inference.
void cost(Section& section, const Network&, Layer& layer) {
  section.ignore({"type", "scale", "ratio", "noobj", "thresh"});
  layer.output = layer.input;
}

struct Kind {
  const char* name;
  LayerKind kind;
  void (*read)(Section&, const Network&, Layer&);
};
constexpr Kind kKinds[] = {
    {"convolutional", LayerKind::kConvolutional, convolutional},
    {"conv", LayerKind::kConvolutional, convolutional},
    {"maxpool", LayerKind::kMaxPool, max_pool},
    {"max", LayerKind::kMaxPool, max_pool},
    {"avgpool", LayerKind::kAveragePool, average_pool},
    {"avg", LayerKind::kAveragePool, average_pool},
    {"connected", LayerKind::kConnected, connected},
    {"conn", LayerKind::kConnected, connected},
    {"softmax", LayerKind::kSoftmax, softmax},
    {"soft", LayerKind::kSoftmax, softmax},
    {"dropout", LayerKind::kDropout, dropout},
    {"route", LayerKind::kRoute, route},
    {"shortcut", LayerKind::kShortcut, shortcut},
    {"upsample", LayerKind::kUpsample, upsample},
    {"yolo", LayerKind::kYolo, yolo},
    {"cost", LayerKind::kCost, cost},
};

}  // namespace

Image checked_image(const Section& section, const Image& image) {
  if (!is_sane({1, image.channels, image.height, image.width}, DType::kF32)) {
    section.refuse("its result would have " + std::to_string(image.channels) + " channels of " +
                   std::to_string(image.height) + " x " + std::to_string(image.width) +
                   ", which is too large (or empty)");
  }
  return image;
}

std::int64_t shortcut_stride(const Image& from, const Image& to) {
  const std::int64_t stride = from.width / to.width;
  return stride == from.height / to.height ? stride : 0;
}

void read_layer(Section& section, const Network& network, Layer& layer) {
  for (const Kind& kind : kKinds) {
    if (section.name() != kind.name) continue;
    layer.kind = kind.kind;
    if (kind.kind != LayerKind::kRoute) {
      layer.inputs = {static_cast<std::int64_t>(network.layers.size()) - 1};
      layer.input = result_of(section, network, layer.inputs[0]);
    }
    kind.read(section, network, layer);
    common_options(section);
    return;
  }
  if (section.name() == "region" || section.name() == "detection") {
    section.refuse(
        "this detection head is not supported: what it computes behind its input differs from "
        "network to network; the head that is supported is [yolo]");
  }
  section.refuse("this kind of layer is not supported");
}

}  // namespace sz::compiler::darknet
