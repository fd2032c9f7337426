#include "compiler/import/darknet/layers.h"

#include <utility>

#include "compiler/error.h"
#include "compiler/import/darknet/layer_readers.h"

namespace sz::compiler::darknet {
namespace {

constexpr std::int64_t kMaxSide = 65536;

class NetworkReader {
 public:
  explicit NetworkReader(const std::string& source) { network_.source = source; }

  Network run(std::vector<Section> sections) {
    if (sections.empty() || (sections[0].name() != "net" && sections[0].name() != "network")) {
      throw CompileError(network_.source +
                         ": is not a Darknet network: it does not begin with the section [net]");
    }
    read_net(sections[0]);
    for (std::size_t i = 1; i < sections.size(); ++i) add_layer(sections[i]);
    find_outputs();
    return std::move(network_);
  }

 private:
  void read_net(Section& net) {
    Image& input = network_.input;
    input.height = net.integer("height", 0, 1, kMaxSide);
    input.width = net.integer("width", 0, 1, kMaxSide);
    input.channels = net.integer("channels", 0, 1, kMaxSide);
    for (const char* key : {"height", "width", "channels"}) {
      if (!net.has(key)) net.refuse(std::string("option '") + key + "' is missing");
    }
    checked_image(net, input);
    net.expect_integer("time_steps", 1, "is for recurrent networks, which are not supported");
    net.expect_integer("inputs", input.elements(), "does not fit height, width and channels");
    // The batch, how the weights were trained, and how pictures are brought to the input's size.
    net.ignore({"batch",
                "subdivisions",
                "learning_rate",
                "momentum",
                "decay",
                "policy",
                "power",
                "step",
                "scale",
                "steps",
                "scales",
                "seq_scales",
                "gamma",
                "burn_in",
                "max_batches",
                "sgdr_cycle",
                "sgdr_mult",
                "adam",
                "B1",
                "B2",
                "eps",
                "angle",
                "aspect",
                "saturation",
                "exposure",
                "hue",
                "max_crop",
                "min_crop",
                "crop",
                "flip",
                "center",
                "letter_box",
                "random",
                "mixup",
                "cutmix",
                "mosaic",
                "mosaic_bound",
                "blur",
                "gaussian_noise",
                "label_smooth_eps",
                "max_delta",
                "clip",
                "notruth",
                "try_fix_nan",
                "loss_scale",
                "optimized_memory",
                "workspace_size_limit_MB",
                "num_steps_equal_batch",
                "max_chart_loss",
                "show_receptive_field",
                "ema_alpha",
                "contrastive",
                "unsupervised",
                "min_ratio",
                "max_ratio"});
    net.finish();
  }

  void add_layer(Section& section) {
    Layer layer;
    layer.name = section.name() + '_' + std::to_string(network_.layers.size());
    read_layer(section, network_, layer);
    section.finish();
    network_.layers.push_back(std::move(layer));
  }

  // The heads in their order, and the last layer if it is none. A loss at the end does not count.
  void find_outputs() {
    std::size_t last = network_.layers.size();
    while (last > 0 && network_.layers[last - 1].kind == LayerKind::kCost) --last;
    if (last == 0) throw CompileError(network_.source + ": the network has no layers");
    for (std::size_t i = 0; i < last; ++i) {
      if (network_.layers[i].kind == LayerKind::kYolo || i + 1 == last) {
        network_.outputs.push_back(i);
      }
    }
  }

  Network network_;
};

}  // namespace

Network read_network(std::string_view cfg, const std::string& source) {
  return NetworkReader(source).run(read_cfg(cfg, source));
}

std::uint64_t weight_numbers(const Network& network) {
  std::uint64_t count = 0;
  for (const Layer& layer : network.layers) count += layer.numbers();
  return count;
}

}  // namespace sz::compiler::darknet
