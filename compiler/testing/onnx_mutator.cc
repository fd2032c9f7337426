#include "compiler/testing/onnx_mutator.h"

#include <iterator>
#include <string>
#include <vector>

namespace sz::compiler::testing {
namespace {

constexpr const char* kOperators[] = {"Add",
                                      "AveragePool",
                                      "BatchNormalization",
                                      "Cast",
                                      "Clip",
                                      "Concat",
                                      "Constant",
                                      "Conv",
                                      "Div",
                                      "Dropout",
                                      "Gather",
                                      "Flatten",
                                      "Gemm",
                                      "Identity",
                                      "MatMul",
                                      "MaxPool",
                                      "GlobalAveragePool",
                                      "Mul",
                                      "Pad",
                                      "Relu",
                                      "ReduceMean",
                                      "Reshape",
                                      "Shape",
                                      "ConstantOfShape",
                                      "Slice",
                                      "Softmax",
                                      "Squeeze",
                                      "Sub",
                                      "Sum",
                                      "Transpose",
                                      "Unsqueeze",
                                      "If",
                                      "GlobalMaxPool"};
constexpr const char* kAttributes[] = {"axis",    "axes",     "perm",      "kernel_shape",
                                       "strides", "pads",     "dilations", "group",
                                       "alpha",   "beta",     "transA",    "transB",
                                       "to",      "keepdims", "epsilon",   "auto_pad",
                                       "min",     "max",      "ceil_mode", "count_include_pad",
                                       "value",   "start",    "end",       "allowzero"};
constexpr std::int64_t kNumbers[] = {0,    1,     2,          3,         7,         -1,       -2,
                                     1024, 65536, 2147483647, INT64_MAX, INT64_MIN, 1LL << 31};

class Mutator {
 public:
  Mutator(onnx::ModelProto& model, std::mt19937& random)
      : model_(model), graph_(*model.mutable_graph()), random_(random) {}

  void run() {
    switch (pick(10)) {
      case 0:
        return change_operator();
      case 1:
        return change_operand();
      case 2:
      case 3:
        return change_attribute();
      case 4:
        return add_attribute();
      case 5:
        return change_initializer();
      case 6:
        return change_input();
      case 7:
        return move_nodes();
      case 8:
        return copy_node();
      default:
        if (model_.opset_import_size() == 0) model_.add_opset_import();
        model_.mutable_opset_import(0)->set_version(6 + pick(21));
    }
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  std::int64_t number() {
    return pick(2) ? kNumbers[pick(std::size(kNumbers))] : static_cast<std::int64_t>(pick(12));
  }
  onnx::NodeProto* node() {
    return graph_.node_size() ? graph_.mutable_node(pick(graph_.node_size())) : nullptr;
  }

  std::string name() {
    std::vector<std::string> names = {"", "nowhere"};
    for (const auto& n : graph_.node())
      names.insert(names.end(), n.output().begin(), n.output().end());
    for (const auto& tensor : graph_.initializer()) names.push_back(tensor.name());
    for (const auto& input : graph_.input()) names.push_back(input.name());
    return names[static_cast<std::size_t>(pick(static_cast<int>(names.size())))];
  }

  void change_operator() {
    if (auto* n = node()) n->set_op_type(kOperators[pick(std::size(kOperators))]);
  }

  void change_operand() {
    auto* n = node();
    if (!n) return;
    if (n->input_size() == 0 || pick(4) == 0) {
      n->add_input(name());
    } else if (pick(6) == 0) {
      n->mutable_input()->RemoveLast();
    } else {
      n->set_input(pick(n->input_size()), name());
    }
  }

  void change_numbers(google::protobuf::RepeatedField<std::int64_t>& numbers) {
    if (numbers.empty() || pick(4) == 0) {
      numbers.Add(number());
    } else if (pick(4) == 0) {
      numbers.RemoveLast();
    } else {
      numbers.Set(pick(numbers.size()), number());
    }
  }

  void change_attribute() {
    auto* n = node();
    if (!n || n->attribute_size() == 0) return;
    auto& attribute = *n->mutable_attribute(pick(n->attribute_size()));
    switch (attribute.type()) {
      case onnx::AttributeProto::INT:
        return attribute.set_i(number());
      case onnx::AttributeProto::FLOAT:
        return attribute.set_f(static_cast<float>(number()));
      case onnx::AttributeProto::INTS:
        return change_numbers(*attribute.mutable_ints());
      default:
        n->mutable_attribute()->RemoveLast();
    }
  }

  void add_attribute() {
    auto* n = node();
    if (!n) return;
    auto& attribute = *n->add_attribute();
    attribute.set_name(kAttributes[pick(std::size(kAttributes))]);
    if (pick(2)) {
      attribute.set_type(onnx::AttributeProto::INT);
      attribute.set_i(number());
      return;
    }
    attribute.set_type(onnx::AttributeProto::INTS);
    for (int i = pick(5); i > 0; --i) attribute.add_ints(number());
  }

  void change_initializer() {
    if (graph_.initializer_size() == 0) return;
    auto& tensor = *graph_.mutable_initializer(pick(graph_.initializer_size()));
    switch (pick(4)) {
      case 0:
        return change_numbers(*tensor.mutable_dims());
      case 1:
        return tensor.set_data_type(pick(14));
      case 2:
        return tensor.mutable_raw_data()->resize(static_cast<std::size_t>(pick(64)));
      default:
        return change_numbers(*tensor.mutable_int64_data());
    }
  }

  void change_input() {
    if (graph_.input_size() == 0) return;
    auto& type = *graph_.mutable_input(pick(graph_.input_size()))->mutable_type();
    auto& shape = *type.mutable_tensor_type()->mutable_shape();
    if (shape.dim_size() == 0 || pick(6) == 0) shape.add_dim();
    shape.mutable_dim(pick(shape.dim_size()))->set_dim_value(number());
  }

  void move_nodes() {
    if (graph_.node_size() < 2) return;
    if (pick(3) == 0) return graph_.mutable_node()->RemoveLast();
    graph_.mutable_node()->SwapElements(pick(graph_.node_size()), pick(graph_.node_size()));
  }

  void copy_node() {
    if (graph_.node_size() == 0) return;
    onnx::NodeProto copy = graph_.node(pick(graph_.node_size()));
    if (copy.output_size()) copy.set_output(0, copy.output(0) + "'");
    *graph_.add_node() = copy;
    if (copy.output_size() && pick(2)) graph_.add_output()->set_name(copy.output(0));
  }

  onnx::ModelProto& model_;
  onnx::GraphProto& graph_;
  std::mt19937& random_;
};

}  // namespace

void mutate(onnx::ModelProto& model, std::mt19937& random) { Mutator(model, random).run(); }

}  // namespace sz::compiler::testing
