// What is refused, and in which words: the line, the section, the option.
#include <gtest/gtest.h>

#include "compiler/compile.h"
#include "compiler/import/darknet/importer.h"
#include "compiler/import/darknet/layers.h"
#include "compiler/testing/darknet_files.h"

namespace sz::compiler {
namespace {

using testing::cfg_of;
using testing::weights_file;

std::string complaint(const std::string& cfg, const std::vector<std::byte>& weights) {
  try {
    compile_darknet(cfg, weights, "net.cfg", {});
  } catch (const InternalError& error) {
    ADD_FAILURE() << error.what();
  } catch (const CompileError& error) {
    return error.what();
  }
  return "compiled";
}
std::string complaint(const std::string& cfg) { return complaint(cfg, weights_file({})); }

// Whether layers behind a [net] of 4 x 6 x 6 (lines 1 to 4) are refused with `words`.
void expect_refusal(const std::string& layers, const std::string& words) {
  const std::string text = complaint(cfg_of(4, 6, 6, layers));
  EXPECT_NE(text.find(words), std::string::npos) << layers << text;
  EXPECT_EQ(text.rfind("net.cfg", 0), 0u) << text;
}

TEST(DarknetText, IsRefusedWithItsLine) {
  EXPECT_NE(complaint("").find("does not begin with the section [net]"), std::string::npos);
  EXPECT_NE(complaint("# nothing\n").find("does not begin"), std::string::npos);
  EXPECT_NE(complaint("[conv]\n[net]\n").find("does not begin"), std::string::npos);
  EXPECT_NE(complaint("height=3\n[net]\n").find("line 1: 'height=3' stands before any section"),
            std::string::npos);
  expect_refusal("[softmax\n", "line 5: '[softmax' is no section");
  expect_refusal("[]\n", "line 5: '[]' is no section");
  expect_refusal("[softmax]x\n", "is no section");
  expect_refusal("[softmax]\ngroups\n", "line 6: 'groups' is neither");
  expect_refusal("[softmax]\n=1\n", "line 6: '=1' is neither");
  expect_refusal("[softmax]\ngroups=\n", "line 6: 'groups=' is neither");
  expect_refusal("[softmax]\ngroups=1\n#\ngroups=1\n",
                 "line 8: [softmax]: option 'groups' is given twice");
  expect_refusal("[softmax]\ngroups=1#two\n", "option 'groups=1#two' is no whole number");
  expect_refusal(std::string("[soft\0max]\n", 11), "line 5: [soft");
  expect_refusal("[dropout]\n" + std::string(100, 'a') + "=1\n", "aaa...' is not known");
  EXPECT_NE(complaint(std::string(darknet::kMaxCfgBytes + 1, '\n')).find("larger than"),
            std::string::npos);
  std::string many;
  for (std::size_t i = 0; i <= darknet::kMaxSections; ++i) many += "[cost]\n";
  expect_refusal(many, "too many sections");
}

TEST(DarknetText, MayHaveBlanksCommentsAndWindowsLines) {
  EXPECT_EQ(complaint("\t[ net ]\r\n; a\n# b\nhei ght = 2\r\nwidth=2\nchannels=1\n\n[dropout]"),
            "compiled");
}

TEST(DarknetNet, NeedsAnImageOfASaneSize) {
  const auto net = [](const std::string& options) { return complaint("[net]\n" + options); };
  EXPECT_NE(net("width=2\nchannels=1\n").find("option 'height' is missing"), std::string::npos);
  EXPECT_NE(
      net("height=0\nwidth=2\nchannels=1\n").find("line 2: [net]: option 'height=0' is not within"),
      std::string::npos);
  EXPECT_NE(net("height=-5\nwidth=2\nchannels=1\n").find("not within"), std::string::npos);
  EXPECT_NE(net("height=99999999999999999999\n").find("no whole number"), std::string::npos);
  EXPECT_NE(net("height=65536\nwidth=65536\nchannels=65536\n").find("too large"),
            std::string::npos);
  EXPECT_NE(net("height=2\nwidth=2\nchannels=1\ninputs=5\n").find("does not fit"),
            std::string::npos);
  EXPECT_NE(net("height=2\nwidth=2\nchannels=1\ntime_steps=3\n").find("recurrent"),
            std::string::npos);
  EXPECT_NE(net("height=2\nwidth=2\nchannels=1\ncolour=3\n").find("option 'colour=3' is not known"),
            std::string::npos);
  EXPECT_NE(net("height=2\nwidth=2\nchannels=1\n").find("has no layers"), std::string::npos);
}

TEST(DarknetSection, IsRefusedByNameIfItIsNotSupported) {
  for (const char* name : {"lstm", "crnn", "local", "crop", "reorg", "deconvolutional", "net",
                           "Gaussian_yolo", "scale_channels", "CONVOLUTIONAL"}) {
    expect_refusal('[' + std::string(name) + "]\n",
                   "line 5: [" + std::string(name) + "]: this kind of layer is not supported");
  }
  expect_refusal("[region]\n", "[region]: this detection head is not supported");
  expect_refusal("[detection]\n", "the head that is supported is [yolo]");
  expect_refusal("[cost]\n", "has no layers");
}

TEST(DarknetOption, IsRefusedByNameIfItWouldChangeTheResult) {
  const std::pair<const char*, const char*> options[] = {
      {"convolutional", "dilation=2"},
      {"convolutional", "flipped=1"},
      {"convolutional", "binary=1"},
      {"convolutional", "xnor=1"},
      {"convolutional", "antialiasing=1"},
      {"convolutional", "stride_x=2"},
      {"convolutional", "share_index=1"},
      {"convolutional", "dontload=1"},
      {"maxpool", "maxpool_depth=1"},
      {"maxpool", "stride_y=3"},
      {"maxpool", "padding=1024"},
      {"avgpool", "size=2"},
      {"softmax", "temperature=2"},
      {"softmax", "tree=x.tree"},
      {"softmax", "spatial=1"},
      {"upsample", "scale=.5"},
      {"connected", "dontloadscales=1"},
      {"dropout", "frobnicate=1"},
  };
  for (const auto& [section, option] : options) {
    expect_refusal('[' + std::string(section) + "]\n" +
                       (section[0] == 'c' ? "activation=linear\n" : "") + option + "\n",
                   std::string("[") + section + "]: option '" + option + "'");
  }
  // Training only.
  EXPECT_EQ(complaint(cfg_of(1, 1, 1, "[dropout]\nprobability=x\nlearning_rate=3\n")), "compiled");
}

TEST(DarknetOption, IsRefusedOutOfItsRange) {
  const std::pair<const char*, const char*> options[] = {
      {"convolutional", "filters=0"},
      {"convolutional", "filters=-1"},
      {"convolutional", "size=0"},
      {"convolutional", "size=1025"},
      {"convolutional", "stride=0"},
      {"convolutional", "stride=65537"},
      {"convolutional", "groups=0"},
      {"convolutional", "padding=-1"},
      {"convolutional", "pad=2"},
      {"convolutional", "batch_normalize=2"},
      {"convolutional", "filters=1.5"},
      {"convolutional", "filters=x"},
      {"maxpool", "size=0"},
      {"maxpool", "stride=0"},
      {"maxpool", "padding=-1"},
      {"connected", "output=0"},
      {"softmax", "groups=0"},
      {"softmax", "temperature=x"},
      {"softmax", "temperature=nan"},
      {"upsample", "stride=0"},
      {"upsample", "stride=-2"},
  };
  for (const auto& [section, option] : options) {
    const bool activates = std::string(section) == "convolutional";
    expect_refusal(
        '[' + std::string(section) + "]\n" + option + (activates ? "\nactivation=linear\n" : "\n"),
        std::string("line 6: [") + section + "]: option '" + option + "' is no");
  }
  expect_refusal("[softmax]\ngroups=5\n", "does not divide 144");
  expect_refusal("[conv]\ngroups=3\nactivation=linear\n", "cannot be divided into 3 groups");
  expect_refusal("[conv]\nsize=7\nactivation=linear\n", "window of 7 is larger than");
  expect_refusal("[maxpool]\nsize=9\npadding=0\n", "window of 9 is larger than");
}

TEST(DarknetActivation, IsRefusedByName) {
  for (const char* name : {"logistic", "mish", "swish", "tanh", "elu", "relie", "RELU"}) {
    expect_refusal(
        "[convolutional]\nactivation=" + std::string(name) + "\n",
        "line 6: [convolutional]: option 'activation=" + std::string(name) + "' is not supported");
  }
  expect_refusal("[connected]\noutput=1\n", "is missing, and its default, 'logistic'");
}

TEST(DarknetRoute, ReadsEarlierLayersOnly) {
  expect_refusal("[route]\n", "option 'layers' is missing");
  expect_refusal("[route]\nlayers=0\n", "is not within 0 to -1");
  expect_refusal("[dropout]\n[route]\nlayers=1\n", "option 'layers=1' is not within -1 to 0");
  expect_refusal("[dropout]\n[route]\nlayers=2\n[dropout]\n", "is not within -1 to 0");
  expect_refusal("[dropout]\n[route]\nlayers=-2\n", "is not within -1 to 0");
  expect_refusal("[dropout]\n[route]\nlayers=-1,,0\n", "no whole number");
  expect_refusal("[dropout]\n[route]\nlayers=-1,\n", "no whole number");
  expect_refusal("[dropout]\n[maxpool]\nstride=2\n[route]\nlayers=0,1\n", "different sizes");
  expect_refusal("[dropout]\n[route]\nlayers=0\ngroups=3\n", "does not divide 4 channels");
  expect_refusal("[dropout]\n[route]\nlayers=0\ngroups=2\ngroup_id=2\n", "is not within 0 to 1");
  std::string many = "-1";
  for (std::size_t i = 0; i < darknet::Section::kMaxListed; ++i) many += ",-1";
  expect_refusal("[dropout]\n[route]\nlayers=" + many + "\n", "lists too many");
}

TEST(DarknetShortcut, AddsImagesThatFitOnly) {
  expect_refusal("[shortcut]\nfrom=-1\n", "is not within 0 to -1");
  expect_refusal("[shortcut]\n", "option 'from' is missing");
  expect_refusal("[maxpool]\nstride=2\n[upsample]\n[shortcut]\nfrom=0\n",
                 "adds an image of 3 x 3 to one of 6 x 6");
  expect_refusal("[dropout]\n[maxpool]\nsize=3\npadding=0\n[shortcut]\nfrom=0\n",
                 "adds an image of 6 x 6 to one of 4 x 4");
  expect_refusal("[dropout]\n[dropout]\n[shortcut]\nfrom=0\nalpha=.5\n", "option 'alpha=.5'");
  expect_refusal("[dropout]\n[dropout]\n[shortcut]\nfrom=0\nweights_type=per_channel\n",
                 "option 'weights_type=per_channel'");
}

TEST(DarknetYolo, FitsItsInputAndIsTheEnd) {
  expect_refusal("[yolo]\nclasses=1\nnum=2\n",
                 "2 boxes with 5 + 1 numbers each need 12 channels, but 4 come in");
  expect_refusal("[yolo]\nclasses=1\nnum=2\nmask=2\n", "is not within 0 to 1");
  const std::string head = cfg_of(6, 1, 1, "[yolo]\nclasses=1\nnum=1\n");
  EXPECT_NE(complaint(head + "[dropout]\n").find("[dropout]: reads the result of yolo_0"),
            std::string::npos);
  EXPECT_NE(complaint(head + "[route]\nlayers=0\n").find("whose decoding is left to the caller"),
            std::string::npos);
  expect_refusal("[dropout]\n[cost]\n[dropout]\n", "reads the result of cost_1");
}

TEST(DarknetSizes, AreCheckedBeforeTheyAreTaken) {
  expect_refusal("[upsample]\nstride=65536\n", "too large");
  expect_refusal("[conv]\nfilters=268435456\nactivation=linear\n", "too large");
  expect_refusal(
      "[maxpool]\nstride=6\n[conv]\nsize=1\npad=1\nfilters=268435456\nactivation=linear\n",
      "weights would take more than");
  expect_refusal("[connected]\noutput=268435456\nactivation=linear\n", "weights would take more");
  std::string doubling = "[dropout]\n";
  for (int i = 0; i < 40; ++i) doubling += "[route]\nlayers=-1,-1\n";
  expect_refusal(doubling, "too large");
}

TEST(DarknetWeights, MustHaveJustTheNumbersOfTheNetwork) {
  const std::string cfg =
      cfg_of(1, 1, 1, "[conv]\nactivation=linear\n[connected]\noutput=2\nactivation=linear\n");
  const std::vector<std::byte> good = weights_file({1, 2, 3, 4, 5, 6});
  EXPECT_EQ(complaint(cfg, good), "compiled");
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<std::byte> cut(good.begin(),
                                     good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(complaint(cfg, cut), "compiled") << size;
  }
  EXPECT_NE(complaint(cfg, weights_file({1, 2, 3, 4, 5}))
                .find("is too short: connected_1 needs 4 numbers, but only 3 of 5 are left"),
            std::string::npos);
  EXPECT_NE(complaint(cfg, weights_file({1, 2, 3, 4, 5, 6, 7}))
                .find("is too long: the layers of the .cfg need 6 numbers, and it has 7"),
            std::string::npos);
  // The wrong size of header is noticed by the number of bytes that are left.
  EXPECT_NE(complaint(cfg, weights_file({1, 2, 3, 4, 5, 6}, 0, 1, 8)).find("too long"),
            std::string::npos);
  EXPECT_NE(complaint(cfg, weights_file({1, 2, 3, 4, 5, 6}, -1)).find("no weights file"),
            std::string::npos);
  EXPECT_NE(complaint(cfg, weights_file({1, 2, 3, 4, 5, 6}, 0, 1 << 30)).find("no weights file"),
            std::string::npos);
}

TEST(DarknetWeights, WithVariancesBelowZeroAreRefused) {
  const std::string cfg = cfg_of(1, 1, 1, "[conv]\nbatch_normalize=1\nactivation=linear\n");
  EXPECT_EQ(complaint(cfg, weights_file({0, 1, 0, 0, 1})), "compiled");
  EXPECT_NE(complaint(cfg, weights_file({0, 1, 0, -1, 1})).find("is not positive"),
            std::string::npos);
}

TEST(DarknetOptions, OfOtherFormatsAreRefused) {
  CompileOptions options;
  options.input_shapes["data"] = {1, 1, 1, 1};
  EXPECT_THROW(compile_darknet(cfg_of(1, 1, 1, "[dropout]\n"), weights_file({}), "a", options),
               CompileError);
}

}  // namespace
}  // namespace sz::compiler
