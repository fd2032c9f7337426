// What the layers of small networks compute, against what Darknet's rules say, by hand.
#include "compiler/import/darknet/importer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "compiler/compile.h"
#include "compiler/import/darknet/layers.h"
#include "compiler/testing/darknet_files.h"
#include "compiler/testing/onnx_builder.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

using testing::cfg_of;
using testing::random_floats;
using testing::random_weights;
using testing::run_darknet;
using testing::weights_file;
using Floats = std::vector<float>;

void expect_near(const Floats& got, const Floats& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(expected[i]))) << i;
}

// One output of a network without weights.
Floats run_plain(const std::string& cfg, const Floats& input) {
  return run_darknet(cfg, weights_file({}), input).at(0);
}

TEST(DarknetConvolutional, TakesBiasesScalesMeansVariancesAndThenWeights) {
  const std::string cfg =
      cfg_of(2, 1, 1, "[convolutional]\nfilters=2\nbatch_normalize=1\nactivation=linear\n");
  // Biases, scales, means, variances, weights.
  const Floats numbers = {1, 2, 3, 4, 5, 6, 0.25f, 4, 7, 8, 9, 10};
  const Floats y = run_darknet(cfg, weights_file(numbers), {2, 3}).at(0);
  // Filter 0: (2*7 + 3*8 - 5) * 3 / 0.5 + 1; filter 1: (2*9 + 3*10 - 6) * 4 / 2 + 2.
  expect_near(y, {199, 86});
}

TEST(DarknetConvolutional, DividesByTheDeviationPlusAMillionth) {
  const std::string cfg =
      cfg_of(1, 1, 1, "[convolutional]\nbatch_normalize=1\nactivation=linear\n");
  const Floats y = run_darknet(cfg, weights_file({0, 1, 0, 1e-12f, 1}), {1}).at(0);
  EXPECT_NEAR(y.at(0), 1.0 / 2e-6, 10);  // with a variance of 1e-12: 1 / (1e-6 + 1e-6)
}

TEST(DarknetConvolutional, PadsByHalfItsSizeOrByANumber) {
  const auto run = [](const std::string& options) {
    return run_darknet(cfg_of(1, 1, 3, "[conv]\nsize=3\nactivation=linear\n" + options),
                       weights_file({0, 0, 0, 0, 1, 10, 100, 0, 0, 0}), {1, 2, 3})
        .at(0);
  };
  expect_near(run("pad=1\n"), {210, 321, 32});
  expect_near(run("pad=0\npadding=1\n"), {210, 321, 32});
  expect_near(run("pad=1\npadding=7\n"), {210, 321, 32});
  // Two rows and columns on each side: only the middle row of the result sees the image.
  expect_near(run("padding=2\n"), {0, 0, 0, 0, 0, 100, 210, 321, 32, 3, 0, 0, 0, 0, 0});
}

TEST(DarknetConvolutional, DividesChannelsIntoGroups) {
  const std::string cfg =
      cfg_of(2, 1, 1, "[convolutional]\nfilters=4\ngroups=2\nactivation=linear\n");
  const Floats y = run_darknet(cfg, weights_file({0, 0, 0, 1, 1, 2, 3, 4}), {5, 7}).at(0);
  expect_near(y, {5, 10, 21, 29});
}

TEST(DarknetActivation, IsOneOfFour) {
  const auto run = [](const std::string& name) {
    return run_darknet(cfg_of(1, 1, 3, "[convolutional]\nactivation=" + name + "\n"),
                       weights_file({0, 1}), {-2, 3, 9})
        .at(0);
  };
  expect_near(run("linear"), {-2, 3, 9});
  expect_near(run("relu"), {0, 3, 9});
  expect_near(run("relu6"), {0, 3, 6});
  expect_near(run("leaky"), {-0.2f, 3, 9});
}

TEST(DarknetMaxPool, PadsBehindByDefault) {
  EXPECT_EQ(run_plain(cfg_of(1, 1, 5, "[maxpool]\nsize=2\nstride=2\n"), {1, 2, 3, 4, 5}),
            (Floats{2, 4, 5}));
  // Of the same size as the input, as in YOLOv3-tiny.
  EXPECT_EQ(run_plain(cfg_of(1, 1, 4, "[maxpool]\nsize=2\nstride=1\n"), {4, 3, 9, 1}),
            (Floats{4, 9, 9, 1}));
  // Of three, one stands before and one behind.
  EXPECT_EQ(run_plain(cfg_of(1, 1, 4, "[maxpool]\nsize=3\nstride=1\n"), {4, 3, 2, 1}),
            (Floats{4, 4, 3, 2}));
  EXPECT_EQ(run_plain(cfg_of(1, 3, 4, "[maxpool]\nsize=3\nstride=1\npadding=0\n"),
                      {4, 3, 2, 1, 0, 0, 0, 5, 0, 0, 0, 0}),
            (Floats{4, 5}));
  EXPECT_EQ(run_plain(cfg_of(1, 1, 4, "[maxpool]\nstride=2\npadding=1\n"), {1, 2, 3, 4}),
            (Floats{2, 4}));
}

TEST(DarknetAveragePool, TakesTheWholeImage) {
  EXPECT_EQ(run_plain(cfg_of(2, 1, 2, "[avgpool]\n"), {1, 3, 10, 20}), (Floats{2, 15}));
}

TEST(DarknetConnected, ReadsTheImageInDarknetsOrderAndNormalisesBehindTheWeights) {
  const std::string head = cfg_of(2, 1, 2, "");
  const Floats x = {1, 2, 3, 4};
  const Floats rows = {1, 10, 100, 1000, 2, 0, 0, 0};
  Floats numbers = {5, 6};
  numbers.insert(numbers.end(), rows.begin(), rows.end());
  const std::string plain = head + "[connected]\noutput=2\nactivation=linear\n";
  expect_near(run_darknet(plain, weights_file(numbers), x).at(0), {4326, 8});
  for (const float value : {2.0f, 3.0f, 21.0f, 1.0f, 4.0f, 0.25f}) numbers.push_back(value);
  const std::string normalised =
      head + "[connected]\noutput=2\nactivation=relu\nbatch_normalize=1\n";
  // (4321 - 21) * 2 / 2 + 5; (2 - 1) * 3 / 0.5 + 6.
  const Floats y = run_darknet(normalised, weights_file(numbers), x).at(0);
  EXPECT_NEAR(y.at(0), 4305, 0.05);
  EXPECT_NEAR(y.at(1), 12, 1e-4);
}

TEST(DarknetConnected, TurnsTheMatricesOfMarkedFiles) {
  const std::string cfg = cfg_of(2, 1, 1, "[connected]\noutput=3\nactivation=linear\n");
  const Floats straight = {0, 0, 0, 1, 2, 3, 4, 5, 6};
  const Floats turned = {0, 0, 0, 1, 3, 5, 2, 4, 6};
  const Floats expected = run_darknet(cfg, weights_file(straight), {7, 9}).at(0);
  expect_near(expected, {25, 57, 89});
  for (const auto& [major, minor] : {std::pair{1001, 2}, {0, 1002}}) {
    EXPECT_EQ(run_darknet(cfg, weights_file(turned, major, minor, 4), {7, 9}).at(0), expected);
  }
}

TEST(DarknetSoftmax, RunsOverEverythingOrOverEachGroup) {
  const auto sum = [](const Floats& y, std::size_t begin, std::size_t end) {
    float total = 0;
    for (std::size_t i = begin; i < end; ++i) total += y[i];
    return total;
  };
  const Floats x = {0, 1, 2, 3, 4, 5};
  const Floats all = run_plain(cfg_of(3, 1, 2, "[softmax]\n"), x);
  EXPECT_NEAR(sum(all, 0, 6), 1, 1e-6);
  EXPECT_NEAR(all[5] / all[0], std::exp(5.0), 1e-2);
  const Floats groups = run_plain(cfg_of(3, 1, 2, "[softmax]\ngroups=2\n"), x);
  EXPECT_NEAR(sum(groups, 0, 3), 1, 1e-6);
  EXPECT_NEAR(sum(groups, 3, 6), 1, 1e-6);
}

TEST(DarknetRoute, JoinsLayersAndTakesGroups) {
  const std::string cfg = cfg_of(2, 1, 1,
                                 "[dropout]\n"                                      // 0
                                 "[convolutional]\nfilters=2\nactivation=linear\n"  // 1
                                 "[route]\nlayers=-1,0\n"                           // 2
                                 "[route]\nlayers=2\ngroups=2\ngroup_id=1\n"        // 3
                                 "[route]\nlayers=-1,2\ngroups=2\n");               // 4
  const auto weights = weights_file({0, 0, 10, 0, 0, 100});
  // Layer 2: 10, 200, 1, 2; layer 3: 1, 2; layer 4: half of 3, half of 2.
  EXPECT_EQ(run_darknet(cfg, weights, {1, 2}).at(0), (Floats{1, 10, 200}));
}

TEST(DarknetShortcut, AddsThenActivates) {
  const std::string cfg = cfg_of(
      1, 1, 2, "[dropout]\n[conv]\nactivation=linear\n[shortcut]\nfrom=0\nactivation=leaky\n");
  expect_near(run_darknet(cfg, weights_file({0, -3}), {1, -5}).at(0), {-0.2f, 10});
}

// As in Darknet's own ResNet: every second pixel of the first layer, onto the channels that it has.
TEST(DarknetShortcut, AddsSmallerAndNarrowerImagesAsFarAsTheyGo) {
  const Floats x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  // To two channels of 2 x 2: 10 x and 100 x of every second pixel. The first gets x.
  const std::string wide = cfg_of(1, 4, 4,
                                  "[dropout]\n"
                                  "[conv]\nfilters=2\nstride=2\nactivation=linear\n"
                                  "[shortcut]\nfrom=0\n");
  expect_near(run_darknet(wide, weights_file({0, 0, 10, 100}), x).at(0),
              {11, 33, 99, 121, 100, 300, 900, 1100});
  // From two channels to one: the second is left out.
  const std::string narrow = cfg_of(2, 1, 2,
                                    "[dropout]\n"
                                    "[conv]\nfilters=1\nactivation=linear\n"
                                    "[shortcut]\nfrom=0\n");
  expect_near(run_darknet(narrow, weights_file({0, 10, 100}), {1, 2, 3, 4}).at(0), {311, 422});
}

TEST(DarknetUpsample, RepeatsPixels) {
  EXPECT_EQ(run_plain(cfg_of(1, 1, 2, "[upsample]\n"), {1, 2}), (Floats{1, 1, 2, 2, 1, 1, 2, 2}));
  EXPECT_EQ(run_plain(cfg_of(1, 1, 2, "[upsample]\nstride=1\n"), {1, 2}), (Floats{1, 2}));
}

// A vector is an image of one pixel for layers that want one.
TEST(DarknetLayers, FollowOnEachOtherInAnyOrder) {
  const std::string cfg =
      cfg_of(3, 2, 2,
             "[connected]\noutput=4\nactivation=relu\n"
             "[conv]\nfilters=3\nactivation=leaky\nbatch_normalize=1\n"
             "[route]\nlayers=0,1\n[maxpool]\n[softmax]\n[upsample]\n[avgpool]\n"
             "[connected]\noutput=2\nactivation=linear\n[dropout]\n[cost]\n");
  const auto weights = weights_file(random_weights(cfg, 3));
  const auto outputs = run_darknet(cfg, weights, random_floats(12, 1));
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].size(), 2u);
  CompileOptions reference;
  reference.reference_kernels = true;
  EXPECT_EQ(testing::run_package(compile_darknet(cfg, weights, "t", reference).package,
                                 {random_floats(12, 1)}),
            outputs);
}

TEST(DarknetYolo, TurnsWhatItReadsIntoOutputs) {
  const std::string yolo = "[yolo]\nclasses=1\nnum=2\nanchors=1,2,3,4\n";
  const std::string cfg = cfg_of(6, 1, 1,
                                 "[dropout]\n" + yolo + "mask=1\n" +
                                     "[route]\nlayers=0\n"
                                     "[upsample]\n" +
                                     yolo + "mask=0\n");
  DarknetImportOptions options;
  const Graph graph = import_darknet(cfg, weights_file({}), options);
  ASSERT_EQ(graph.declared_outputs.size(), 2u);
  EXPECT_EQ(graph.declared_outputs[0].name, "yolo_1");
  EXPECT_EQ(graph.declared_outputs[0].dims, (Shape{1, 6, 1, 1}));
  EXPECT_EQ(graph.declared_outputs[1].name, "yolo_4");
  EXPECT_EQ(graph.declared_outputs[1].dims, (Shape{1, 6, 2, 2}));
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "data");
  const auto outputs = run_darknet(cfg, weights_file({}), {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(outputs.at(0), (Floats{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(outputs.at(1).size(), 24u);
}

TEST(DarknetWeights, HaveAHeaderOfOneOfTwoSizes) {
  const std::string cfg = cfg_of(1, 1, 1, "[convolutional]\nactivation=linear\n");
  for (const auto& [major, minor, seen] :
       {std::tuple{0, 1, 4}, {0, 2, 8}, {0, 3, 8}, {1, 0, 8}, {1000, 0, 4}, {2000, 0, 4}}) {
    const auto file = weights_file({1, 2}, major, minor, static_cast<std::size_t>(seen));
    EXPECT_EQ(run_darknet(cfg, file, {3}).at(0), (Floats{7})) << major << '.' << minor;
  }
}

TEST(DarknetGraph, NamesValuesByTheirLayers) {
  const std::string cfg = cfg_of(1, 1, 1, "[conv]\nbatch_normalize=1\nactivation=leaky\n");
  const Graph graph = import_darknet(cfg, weights_file({1, 2, 3, 4, 5}), {});
  ASSERT_EQ(graph.nodes.size(), 3u);
  EXPECT_EQ(graph.value(graph.nodes[0].output).name, "conv_0.Conv");
  EXPECT_EQ(graph.value(graph.nodes[1].output).name, "conv_0.BatchNormalization");
  EXPECT_EQ(graph.value(graph.nodes[2].output).name, "conv_0");
}

TEST(DarknetPackage, SaysWhereItComesFrom) {
  const std::string cfg = cfg_of(1, 1, 1, "[dropout]\n");
  const CompileResult result = compile_darknet(cfg, weights_file({}), "a/net.cfg", {});
  EXPECT_EQ(result.report.format, "darknet");
  EXPECT_EQ(result.report.model, "net");
  EXPECT_NE(to_text(result.report).find("(darknet)"), std::string::npos);
}

}  // namespace
}  // namespace sz::compiler
