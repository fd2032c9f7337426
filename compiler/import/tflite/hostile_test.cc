// What is refused, and in which words: the tensor, the operator, the table.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "compiler/compile.h"
#include "compiler/testing/onnx_builder.h"
#include "compiler/testing/tflite_builder.h"

namespace sz::compiler {
namespace {

using testing::random_floats;
using testing::TfliteBuilder;
namespace tfl = testing::tfl;
using tfl::Operation;
using tfl::Options;
using tfl::TensorType;
constexpr auto kF32 = TensorType::FLOAT32;
constexpr auto kNone = tfl::Activation::NONE;

std::string complaint(const std::vector<std::byte>& file) {
  CompileOptions options;
  options.constant_budget = 1 << 20;
  try {
    compile_tflite(file, "net.tflite", options);
  } catch (const InternalError& error) {
    ADD_FAILURE() << error.what();
  } catch (const CompileError& error) {
    return error.what();
  }
  return "compiled";
}

// Tensors of the model below.
enum : std::size_t { kInput, kWeights, kBias, kConv, kShape, kFlat };

// A convolution of f32 (or quantised) values, flattened.
TfliteBuilder model(TensorType type = kF32, tfl::Padding padding = tfl::Padding::VALID,
                    int stride = 1, tfl::Activation activation = kNone) {
  TfliteBuilder b;
  const bool quantised = type != kF32;
  const testing::TfliteScaling scaling =
      quantised ? testing::TfliteScaling{{0.5f}, {0}, 0} : testing::TfliteScaling{};
  const testing::TfliteScaling channels =
      quantised ? testing::TfliteScaling{{0.5f, 0.25f}, {0, 0}, 0} : testing::TfliteScaling{};
  const auto in = b.input("x", type, {1, 2, 2, 1}, scaling);
  const auto weights =
      quantised ? b.bytes(type, {2, 1, 1, 1}, {3, 4}, channels) : b.floats({2, 1, 1, 1}, {3, 4});
  const auto bias = quantised ? b.integers({2}, {5, 6}) : b.floats({2}, {5, 6});
  const auto conv = b.tensor("conv", type, {1, 2, 2, 2}, scaling);
  const auto shape = b.integers({2}, {1, 8});
  const auto flat = b.output("flat", type, {1, 8}, scaling);
  b.op(Operation::CONV_2D, Options::Conv2DOptions, {in, weights, bias}, {conv},
       tfl::CreateConv2DOptions, padding, stride, stride, activation, 1, 1);
  b.op(Operation::RESHAPE, {conv, shape}, {flat});
  return b;
}

using Change = std::function<void(TfliteBuilder&)>;

// Whether the model with a change is refused with `words`.
void expect_refusal(const Change& change, const std::string& words, TensorType type = kF32) {
  TfliteBuilder b = model(type);
  change(b);
  const std::string text = complaint(b.file());
  EXPECT_NE(text.find(words), std::string::npos) << words << "\n" << text;
  EXPECT_EQ(text.rfind("net.tflite: ", 0), 0u) << text;
}

TEST(TfliteFile, CompilesAsItStands) {
  EXPECT_EQ(complaint(model().file()), "compiled");
  EXPECT_EQ(complaint(model(TensorType::INT8).file()), "compiled");
  EXPECT_EQ(complaint(model(kF32, tfl::Padding::SAME, 1, tfl::Activation::RELU6).file()),
            "compiled");
}

TEST(TfliteFile, IsRefusedIfItIsNone) {
  EXPECT_NE(complaint({}).find("is not a TensorFlow Lite model"), std::string::npos);
  std::vector<std::byte> file = model().file();
  file[5] = std::byte{'X'};
  EXPECT_NE(complaint(file).find("the identifier 'TFL3' is missing"), std::string::npos);
  expect_refusal([](TfliteBuilder& b) { b.version = 2; }, "has version 2 of the format");
  expect_refusal([](TfliteBuilder& b) { b.subgraphs = 2; }, "has 2 subgraphs");
  expect_refusal([](TfliteBuilder& b) { b.subgraphs = 0; }, "has 0 subgraphs");
  expect_refusal([](TfliteBuilder& b) { b.outputs().clear(); }, "has no outputs");
}

TEST(TfliteFile, IsRefusedAtEveryLength) {
  const std::vector<std::byte> file = model().file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    // Behind the last byte that a table needs, there is nothing but padding.
    const std::string text =
        complaint({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)});
    if (size + 16 < file.size()) {
      EXPECT_NE(text, "compiled") << size;
    }
  }
}

// A flipped bit may still be a model, another one; but nothing worse than a refusal happens.
TEST(TfliteFile, SurvivesEveryFlippedBit) {
  for (const TensorType type : {kF32, TensorType::INT8, TensorType::UINT8}) {
    const std::vector<std::byte> file = model(type).file();
    std::size_t refused = 0;
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
      std::vector<std::byte> changed = file;
      changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      refused += complaint(changed) != "compiled";
    }
    EXPECT_GT(refused, file.size());
  }
}

TEST(TfliteTensor, MustFitItsBuffer) {
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kWeights].buffer = 99; },
                 "tensor 1 'constant' has its values in buffer 99, which does not exist");
  expect_refusal([](TfliteBuilder& b) { b.buffers()[1].pop_back(); },
                 "has 7 bytes of values; 2x1x1x1 of FLOAT32 are 8");
  expect_refusal([](TfliteBuilder& b) { b.buffers()[1].resize(9); }, "has 9 bytes of values");
  expect_refusal([](TfliteBuilder& b) { b.buffer_offset = 4096; },
                 "has its values outside of the tables");
}

TEST(TfliteTensor, MustHaveASaneShape) {
  expect_refusal(
      [](TfliteBuilder& b) {
        b.tensors()[kInput].shape = {1, 2, -2, 1};
      },
      "tensor 0 'x' has an impossible shape: 1x2x-2x1");
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kConv].shape[1] = 1 << 30; },
                 "impossible shape");
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kInput].shape = {1, 1, 1, 1, 1, 1, 1}; },
                 "impossible shape");
  expect_refusal(
      [](TfliteBuilder& b) {
        b.tensors()[kInput].signature = {-1, 2, 3, 1};
      },
      "contradicts its signature");
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kInput].signature = {1}; },
                 "contradicts its signature");
  expect_refusal(
      [](TfliteBuilder& b) {
        b.tensors()[kConv].shape = {1, 2, 2, 3};
      },
      "operator 0 (CONV_2D): its result would be 1x2x2x2");
  expect_refusal(
      [](TfliteBuilder& b) {
        b.tensors()[kFlat].shape = {2, 4};
      },
      "operator 1 (RESHAPE): is to make 1x8, but tensor 5 'flat' is declared as 2x4");
}

TEST(TfliteTensor, MustHaveATypeThatIsKnown) {
  for (const TensorType type : {TensorType::FLOAT16, TensorType::STRING, TensorType::INT16,
                                TensorType::INT4, TensorType::COMPLEX64, TensorType::FLOAT64}) {
    expect_refusal([&](TfliteBuilder& b) { b.tensors()[kInput].type = type; },
                   "tensor 0 'x' is " + std::string(tfl::EnumNameTensorType(type)) +
                       ", which is not supported");
  }
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kInput].type = static_cast<TensorType>(77); },
                 "is of type 77");
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kConv].type = TensorType::INT32; },
                 "reads FLOAT32 and writes INT32");
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kInput].variable = true; }, "is a variable");
  expect_refusal([](TfliteBuilder& b) { b.tensors()[kWeights].sparse = true; }, "is sparse");
}

// The verifier lets them pass. Found by tflite_fuzz: UBSan ended it.
TEST(TfliteQuantization, MayHaveZeroPointsAtAnyMultipleOfFour) {
  std::vector<std::byte> file = model(TensorType::INT8).file();
  const auto* network = tfl::GetModel(file.data());
  const auto* tensor = network->subgraphs()->Get(0)->tensors()->Get(kInput);
  const auto* table = reinterpret_cast<const flatbuffers::Table*>(tensor->quantization());
  const auto* field = table->GetAddressOf(tfl::Quantization::VT_ZERO_POINT);
  ASSERT_NE(field, nullptr);
  const auto at = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(field) - file.data());
  file.resize((file.size() + 7) / 8 * 8);
  const auto offset = static_cast<std::uint32_t>(file.size() - at);
  std::memcpy(file.data() + at, &offset, sizeof(offset));
  // A length of 1 at a multiple of 8, and a zero point of 0 behind it.
  file.resize(file.size() + 16);
  file[at + offset] = std::byte{1};
  EXPECT_EQ(complaint(file), "compiled");
  file[at + offset + 5] = std::byte{1};
  EXPECT_NE(complaint(file).find("the zero point 256, which INT8 does not reach"),
            std::string::npos)
      << complaint(file);
}

TEST(TfliteQuantization, IsChecked) {
  const auto refused = [](const Change& change, const std::string& words) {
    expect_refusal(change, words, TensorType::INT8);
  };
  using Scaling = testing::TfliteScaling;
  const auto scaled = [](std::size_t tensor, Scaling scaling) {
    return [=](TfliteBuilder& b) { b.tensors()[tensor].scaling = scaling; };
  };
  refused(scaled(kInput, {{0.0f}, {0}, 0}), "has a scale that is not a positive number");
  refused(scaled(kInput, {{-1.0f}, {0}, 0}), "not a positive number");
  refused(scaled(kInput, {{INFINITY}, {0}, 0}), "not a positive number");
  refused(scaled(kInput, {{NAN}, {0}, 0}), "not a positive number");
  refused(scaled(kInput, {{1.0f}, {128}, 0}), "the zero point 128, which INT8 does not reach");
  refused(scaled(kInput, {{1.0f}, {1LL << 40}, 0}), "does not reach");
  refused(scaled(kInput, {{1.0f}, {0, 0}, 0}), "has 1 scales, but 2 zero points");
  refused(scaled(kInput, {{}, {}, 0}), "8-bit values without a scale");
  refused(scaled(kInput, {{1.0f, 1.0f}, {0, 0}, 1}), "has a scale for each channel");
  refused(scaled(kWeights, {{1.0f, 1.0f}, {0, 0}, 4}), "2 scales along dimension 4");
  refused(scaled(kWeights, {{1.0f, 1.0f}, {0, 0}, -1}), "2 scales along dimension -1");
  refused(scaled(kWeights, {{1.0f, 1.0f, 1.0f}, {0, 0, 0}, 0}), "3 scales along dimension 0");
  refused(scaled(kWeights, {{1.0f, 1.0f}, {0, 1}, 0}), "have zero points; of INT8 they must be 0");
  refused([](TfliteBuilder& b) { b.tensors()[kInput].details = 1; },
          "is quantised in a way of its own");
  refused([](TfliteBuilder& b) { b.tensors()[kBias].type = TensorType::FLOAT32; },
          "its bias, tensor 2 'constant', must be 2 constants of INT32");
  refused(scaled(kFlat, {{1.0f}, {0}, 0}), "different scales");
  refused([](TfliteBuilder& b) { b.tensors()[kInput].type = TensorType::UINT8; },
          "operator 0 (CONV_2D)");
}

TEST(TfliteOperator, IsRefusedByNameAndIndex) {
  const auto code = [](Operation operation) {
    return [=](TfliteBuilder& b) { b.operators()[1].code = operation; };
  };
  expect_refusal(code(Operation::LSTM), "operator 1 (LSTM): this operation is not supported");
  expect_refusal(code(Operation::WHILE), "operator 1 (WHILE): this operation is not supported");
  expect_refusal(code(Operation::BATCH_MATMUL), "operator 1 (BATCH_MATMUL)");
  expect_refusal(code(static_cast<Operation>(9999)),
                 "operator 1 (builtin 9999): this operation is not supported");
  expect_refusal(code(Operation::CUSTOM),
                 "operator 1 (CUSTOM): the custom operation 'custom' is not supported");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].changes_input = true; },
                 "operator 0 (CONV_2D): writes to an input");
}

TEST(TfliteOperator, ReadsAndWritesTensorsThatExist) {
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].inputs[0] = 6; },
                 "operator 0 (CONV_2D): an input is tensor 6, which does not exist");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].inputs[0] = -2; }, "is tensor -2");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].outputs[0] = -1; },
                 "an output is tensor -1");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].outputs.clear(); }, "has no output");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].inputs[0] = kFlat; },
                 "reads tensor 5 'flat', which nothing before it writes");
  expect_refusal([](TfliteBuilder& b) { b.operators()[1].outputs[0] = kConv; },
                 "an output is tensor 3 'conv', which is a constant or written before");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].outputs[0] = kWeights; },
                 "which is a constant or written before");
  expect_refusal([](TfliteBuilder& b) { b.inputs().push_back(0); }, "written before");
  expect_refusal([](TfliteBuilder& b) { b.inputs() = {6}; }, "is tensor 6, which does not exist");
  expect_refusal([](TfliteBuilder& b) { b.outputs() = {-1}; }, "is tensor -1");
  expect_refusal([](TfliteBuilder& b) { b.operators().clear(); }, "which nothing before it writes");
}

TEST(TfliteOperator, HasTheOperandsItNeeds) {
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].inputs.resize(1); },
                 "has 1 inputs and 1 outputs, which does not fit");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].inputs[1] = -1; }, "input 1 is missing");
  expect_refusal(
      [](TfliteBuilder& b) {
        b.operators()[0].inputs = {0, 0, -1};
      },
      "its weights must be known when the model is compiled");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].inputs[1] = kBias; },
                 "its weights, tensor 2 'constant', must have rank 4");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].inputs[2] = 4; }, "its bias");
  expect_refusal([](TfliteBuilder& b) { b.operators()[0].options_type = Options::AddOptions; },
                 "operator 0 (CONV_2D): its options are missing, or those of another operation");
  expect_refusal(
      [](TfliteBuilder& b) { b.operators()[0].code = Operation::DEPTHWISE_CONV_2D; },
      "operator 0 (DEPTHWISE_CONV_2D): its options are missing, or those of another operation");
  expect_refusal([](TfliteBuilder& b) { b.operators()[1].inputs[1] = 0; },
                 "the shape must be known when the model is compiled");
}

TEST(TfliteOptions, AreRefusedOutOfTheirRange) {
  const auto text = [](tfl::Padding padding, int stride, tfl::Activation activation) {
    return complaint(model(kF32, padding, stride, activation).file());
  };
  EXPECT_NE(text(tfl::Padding::VALID, 0, kNone).find("strides 0 is not within"), std::string::npos);
  EXPECT_NE(text(tfl::Padding::VALID, -1, kNone).find("strides -1"), std::string::npos);
  EXPECT_NE(text(static_cast<tfl::Padding>(7), 1, kNone).find("its padding 7 is not known"),
            std::string::npos);
  EXPECT_NE(complaint(model(TensorType::INT8, tfl::Padding::VALID, 1, tfl::Activation::TANH).file())
                .find("activation TANH"),
            std::string::npos);
  EXPECT_NE(text(tfl::Padding::VALID, 1, tfl::Activation::SIGN_BIT).find("activation SIGN_BIT"),
            std::string::npos);
  EXPECT_NE(text(tfl::Padding::VALID, 1, static_cast<tfl::Activation>(99)).find("activation 99"),
            std::string::npos);
}

TEST(TfliteOptions, OfHybridAndShuffledLayersAreRefused) {
  const auto layer = [](TensorType weights_type, tfl::WeightsFormat format) {
    TfliteBuilder b;
    const auto in = b.input("x", kF32, {1, 2});
    const auto weights = weights_type == kF32
                             ? b.floats({1, 2}, {1, 2})
                             : b.bytes(weights_type, {1, 2}, {1, 2}, {{1.0f}, {0}, 0});
    const auto out = b.output("y", kF32, {1, 1});
    b.op(Operation::FULLY_CONNECTED, Options::FullyConnectedOptions, {in, weights, -1}, {out},
         tfl::CreateFullyConnectedOptions, kNone, format, false, false);
    return complaint(b.file());
  };
  EXPECT_EQ(layer(kF32, tfl::WeightsFormat::DEFAULT), "compiled");
  EXPECT_NE(layer(TensorType::INT8, tfl::WeightsFormat::DEFAULT).find("is hybrid"),
            std::string::npos);
  EXPECT_NE(layer(kF32, tfl::WeightsFormat::SHUFFLED4x16INT8).find("weights are shuffled"),
            std::string::npos);
}

TEST(TfliteConstants, AreHeldToTheBudget) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 1 << 19});
  const auto much = b.floats({1, 1 << 19}, std::vector<float>(1 << 19));
  const auto out = b.output("y", kF32, {1, 1 << 19});
  b.op(Operation::ADD, Options::AddOptions, {in, much}, {out}, tfl::CreateAddOptions, kNone);
  EXPECT_NE(complaint(b.file()).find("operator 0 (ADD): the constants take too much memory"),
            std::string::npos);
}

TEST(TfliteCompile, RefusesWhatBelongsToOtherFormats) {
  CompileOptions options;
  options.weights_path = "x.weights";
  EXPECT_THROW(compile_tflite(model().file(), "m.tflite", options), CompileError);
  options.weights_path = "";
  options.input_shapes["x"] = {1, 4, 4, 1};
  EXPECT_THROW(compile_tflite(model().file(), "m.tflite", options), CompileError);
  const std::vector<std::byte> file = model().file();
  EXPECT_EQ(model_format("m.tflite", {}), ModelFormat::kTflite);
  EXPECT_EQ(model_format("model", file), ModelFormat::kTflite);
}

}  // namespace
}  // namespace sz::compiler
