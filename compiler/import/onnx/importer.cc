#include "compiler/import/onnx/importer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>
#include <set>
#include <unordered_map>
#include <utility>

#include "compiler/import/onnx/node_reader.h"
#include "compiler/import/onnx/operators.h"
#include "compiler/import/onnx/tensor_import.h"

namespace sz::compiler {
namespace {

class Importer final : public GraphBuilder {
 public:
  explicit Importer(const OnnxImportOptions& options) : options_(options) {
    graph_.source = options.source;
    graph_.constant_budget = options.constant_budget;
  }

  Graph run(std::span<const std::byte> bytes) {
    onnx::ModelProto model;
    parse(bytes, model);
    check_model(model);
    const onnx::GraphProto& file = model.graph();
    for (const auto& tensor : file.initializer()) add_initializer(tensor);
    for (const auto& input : file.input()) add_input(input);
    check_overrides();
    for (int i = 0; i < file.node_size(); ++i) add_node(file.node(i), i);
    for (const auto& output : file.output()) add_output(output);
    if (graph_.outputs.empty()) fail(graph_, "the model has no outputs");
    return std::move(graph_);
  }

  ValueId constant(ConstantPtr value) override {
    charge(value->bytes.size());
    return graph_.add_constant("constant_" + std::to_string(graph_.values.size()),
                               std::move(value));
  }
  ValueId temporary() override {
    return graph_.add_value({"value_" + std::to_string(graph_.values.size()), {}, {}, {}});
  }
  void add(Node node) override {
    if (graph_.nodes.size() >= kMaxNodes) fail(graph_, "the model has too many nodes");
    graph_.nodes.push_back(std::move(node));
  }

 private:
  void parse(std::span<const std::byte> bytes, onnx::ModelProto& model) const {
    if (bytes.empty()) fail(graph_, "the file is empty");
    constexpr std::size_t kLimit = std::numeric_limits<int>::max();
    if (bytes.size() > kLimit) fail(graph_, "the file is larger than 2 GiB, protobuf's limit");
    const int size = static_cast<int>(bytes.size());
    google::protobuf::io::ArrayInputStream stream(bytes.data(), size);
    google::protobuf::io::CodedInputStream coded(&stream);
    coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
    if (!model.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
      fail(graph_, "is not an ONNX model, or damaged (protobuf cannot parse it)");
    }
  }

  void check_model(const onnx::ModelProto& model) {
    if (!model.has_graph() || model.opset_import_size() == 0) {
      fail(graph_, "is not an ONNX model (it has no graph or no opset)");
    }
    if (model.ir_version() < 3) {
      fail(graph_, "has IR version " + std::to_string(model.ir_version()) +
                       "; versions from 3 on are supported");
    }
    for (const auto& opset : model.opset_import()) {
      if (!is_default_domain(opset.domain())) continue;  // refused where a node uses it
      if (graph_.opset != 0) fail(graph_, "imports two versions of the default opset");
      graph_.opset = opset.version();
    }
    if (graph_.opset < kMinOpset || graph_.opset > kMaxOpset) {
      fail(graph_, "uses opset " + std::to_string(graph_.opset) + "; supported are " +
                       std::to_string(kMinOpset) + " to " + std::to_string(kMaxOpset));
    }
    if (model.functions_size() > 0) fail(graph_, "defines functions, which are not supported");
    if (model.training_info_size() > 0) {
      fail(graph_, "carries training information; export the model for inference");
    }
    if (model.graph().sparse_initializer_size() > 0) {
      fail(graph_, "has sparse initializers, which are not supported");
    }
    if (model.graph().quantization_annotation_size() > 0) {
      fail(graph_, "has quantization annotations, which are not supported");
    }
    if (model.graph().node_size() > kMaxNodes) {
      fail(graph_, "has " + std::to_string(model.graph().node_size()) + " nodes; the limit is " +
                       std::to_string(kMaxNodes));
    }
  }

  static bool is_default_domain(const std::string& domain) {
    return domain.empty() || domain == "ai.onnx";
  }

  void charge(std::uint64_t bytes) {
    if (bytes > graph_.constant_budget) fail(graph_, "the constants take too much memory");
    graph_.constant_budget -= bytes;
  }

  void define(const std::string& name, ValueId id) {
    if (!names_.emplace(name, id).second) {
      fail(graph_, "the name '" + name + "' is defined twice");
    }
  }

  void add_initializer(const onnx::TensorProto& tensor) {
    const std::string where = graph_.source + ": initializer '" + tensor.name() + "'";
    if (tensor.name().empty()) fail(graph_, "an initializer has no name");
    ConstantPtr value = import_tensor(tensor, where, graph_.constant_budget);
    charge(value->bytes.size());
    define(tensor.name(), graph_.add_constant(tensor.name(), std::move(value)));
  }

  // An input that has an initializer is a constant: its default is what is compiled.
  void add_input(const onnx::ValueInfoProto& input) {
    const std::string& name = input.name();
    if (name.empty()) fail(graph_, "an input of the model has no name");
    if (!input_names_.insert(name).second) fail(graph_, "input '" + name + "' occurs twice");
    if (names_.contains(name)) return;
    if (!input.type().has_tensor_type()) fail(graph_, "input '" + name + "' is not a tensor");
    const auto& type = input.type().tensor_type();
    const auto dtype = import_dtype(type.elem_type());
    if (!dtype) {
      fail(graph_, "input '" + name + "' has elements of " + data_type_name(type.elem_type()) +
                       ", which are not supported");
    }
    const auto given = options_.input_values.find(name);
    if (given != options_.input_values.end()) return bind_input(name, type, given->second);
    const ValueId id = graph_.add_value({name, *dtype, input_shape(name, type), nullptr});
    define(name, id);
    graph_.inputs.push_back(id);
  }

  // The input is a constant from now on, not an input any more.
  void bind_input(const std::string& name, const onnx::TypeProto::Tensor& type,
                  const ConstantPtr& value) {
    bound_.insert(name);
    bool fits = value->dtype == import_dtype(type.elem_type()) &&
                (!type.has_shape() ||
                 value->shape.size() == static_cast<std::size_t>(type.shape().dim_size()));
    for (int i = 0; fits && i < type.shape().dim_size(); ++i) {
      const auto& dim = type.shape().dim(i);
      fits = !dim.has_dim_value() || dim.dim_value() == value->shape[static_cast<std::size_t>(i)];
    }
    if (!fits) {
      fail(graph_, "the value given for input '" + name + "' is " + to_string(value->dtype) + " " +
                       to_string(value->shape) + ", which the input cannot take");
    }
    charge(value->bytes.size());
    define(name, graph_.add_constant(name, value));
  }

  Shape input_shape(const std::string& name, const onnx::TypeProto::Tensor& type) const {
    const auto given = options_.input_shapes.find(name);
    const bool overridden = given != options_.input_shapes.end();
    if (!type.has_shape() && !overridden) {
      fail(graph_, "input '" + name + "' has no shape; state it for this input");
    }
    if (type.has_shape() && overridden &&
        given->second.size() != static_cast<std::size_t>(type.shape().dim_size())) {
      fail(graph_, "input '" + name + "' has " + std::to_string(type.shape().dim_size()) +
                       " dimensions, but the shape given for it is " + to_string(given->second));
    }
    Shape shape = overridden ? given->second : Shape{};
    for (int i = 0; i < type.shape().dim_size(); ++i) {
      const auto& dim = type.shape().dim(i);
      const bool fixed = dim.has_dim_value();
      if (!fixed && !overridden) {
        fail(graph_, "input '" + name + "' leaves dimension " + std::to_string(i) +
                         (dim.dim_param().empty() ? "" : " ('" + dim.dim_param() + "')") +
                         " open; state the shape of this input");
      }
      if (!overridden) shape.push_back(dim.dim_value());
      if (fixed && shape[static_cast<std::size_t>(i)] != dim.dim_value()) {
        fail(graph_, "input '" + name + "' has dimension " + std::to_string(i) + " fixed to " +
                         std::to_string(dim.dim_value()) + "; the shape given for it differs");
      }
    }
    if (!is_sane(shape, DType::kI64)) {
      fail(graph_, "input '" + name + "' has an impossible shape: " + to_string(shape));
    }
    return shape;
  }

  void check_overrides() const {
    for (const auto& [name, value] : options_.input_values) {
      if (!bound_.contains(name))
        fail(graph_, "a value is given for '" + name + "', which is no input");
    }
    for (const auto& [name, shape] : options_.input_shapes) {
      bool found = false;
      for (const ValueId id : graph_.inputs) found = found || graph_.value(id).name == name;
      if (!found) fail(graph_, "a shape is given for '" + name + "', which is no input");
    }
  }

  static std::string node_name(const onnx::NodeProto& node, int index) {
    if (!node.name().empty()) return node.name();
    std::string name = "#" + std::to_string(index);
    if (node.output_size() > 0) name += " making " + node.output(0);
    return name;
  }

  void add_node(const onnx::NodeProto& node, int index) {
    const std::string name = node_name(node, index);
    const std::string where = graph_.source + ": node '" + name + "' (" + node.op_type() + ")";
    const auto refuse = [&](const std::string& what) { throw CompileError(where + ": " + what); };
    if (!is_default_domain(node.domain())) {
      refuse("operators of the domain '" + node.domain() + "' are not supported");
    }
    const bool is_constant = node.op_type() == "Constant";
    if (!is_constant && node.op_type() != "If" && !is_known_operator(node.op_type())) {
      refuse("this operator is not supported");
    }
    bool named = false;
    for (const std::string& output : node.output()) named = named || !output.empty();
    if (!named) refuse("has no output");
    NodeReader reader(node, graph_.opset, where);
    if (is_constant) {
      add_constant_node(node, reader);
    } else if (node.op_type() == "If") {
      add_if(node, reader, name);
    } else {
      import_node(node, reader, name);
    }
  }

  void import_node(const onnx::NodeProto& node, NodeReader& reader, const std::string& name) {
    std::vector<ValueId> outputs;
    // The first output is always there, so that importers need not ask for it.
    for (const std::string& output : node.output()) {
      const bool present = !output.empty() || outputs.empty();
      outputs.push_back(present ? graph_.add_value({output, {}, {}, nullptr}) : kNoValue);
    }
    const std::size_t begin = graph_.nodes.size();
    NodeImport import{reader,     name,    resolve_inputs(node, reader.where()),
                      outputs[0], outputs, *this};
    import_operator(node.op_type(), import);
    std::set<ValueId> made;
    for (std::size_t i = begin; i < graph_.nodes.size(); ++i) made.insert(graph_.nodes[i].output);
    // Outputs that are not implemented (masks, statistics) may exist as long as nobody reads them.
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::string& output = node.output(static_cast<int>(i));
      if (output.empty()) continue;
      if (made.contains(outputs[i])) {
        define(output, outputs[i]);
      } else {
        missing_.emplace(output, reader.where());
      }
    }
  }

  // Both branches are read; folding takes one of them.
  void add_if(const onnx::NodeProto& node, NodeReader& reader, const std::string& name) {
    reader.expect_inputs(1, 1);
    if (node.output_size() != 1) reader.refuse("has several outputs, which is not implemented");
    const onnx::GraphProto* then_graph = reader.graph("then_branch");
    const onnx::GraphProto* else_graph = reader.graph("else_branch");
    if (then_graph == nullptr || else_graph == nullptr) reader.refuse("lacks a branch");
    reader.finish();
    auto branches = std::make_shared<Branches>();
    const std::vector<ValueId> inputs = resolve_inputs(node, reader.where());
    branches->then_nodes = branch(*then_graph, reader, &branches->then_result);
    branches->else_nodes = branch(*else_graph, reader, &branches->else_result);
    const ValueId output = graph_.add_value({node.output(0), {}, {}, nullptr});
    add({Op::kIf, name, inputs, output, IfAttributes{std::move(branches)}, {}});
    define(node.output(0), output);
  }

  // The nodes of a graph within the graph, which sees all names around it.
  std::vector<Node> branch(const onnx::GraphProto& file, NodeReader& reader, ValueId* result) {
    constexpr int kMostNested = 8;
    if (++nested_ > kMostNested) reader.refuse("is nested too deeply");
    if (file.input_size() != 0 || file.output_size() != 1) {
      reader.refuse("has a branch that takes inputs, or has not just one output");
    }
    const auto names = names_;
    const auto missing = missing_;
    std::vector<Node> outer = std::exchange(graph_.nodes, {});
    for (const auto& tensor : file.initializer()) add_initializer(tensor);
    for (int i = 0; i < file.node_size(); ++i) add_node(file.node(i), i);
    *result = resolve(file.output(0).name(), reader.where());
    names_ = names;
    missing_ = missing;
    --nested_;
    return std::exchange(graph_.nodes, std::move(outer));
  }

  std::vector<ValueId> resolve_inputs(const onnx::NodeProto& node, const std::string& where) const {
    std::vector<ValueId> inputs;
    for (const std::string& name : node.input()) {
      inputs.push_back(name.empty() ? kNoValue : resolve(name, where));
    }
    while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
    return inputs;
  }

  ValueId resolve(const std::string& name, const std::string& where) const {
    const auto found = names_.find(name);
    if (found != names_.end()) return found->second;
    const auto secondary = missing_.find(name);
    if (secondary != missing_.end()) {
      throw CompileError(where + ": reads '" + name + "', a further output of " +
                         secondary->second + ", which is not implemented");
    }
    throw CompileError(where + ": reads '" + name +
                       "', which nothing before it makes (the graph is incomplete, not sorted, "
                       "or has a cycle)");
  }

  void add_constant_node(const onnx::NodeProto& node, NodeReader& reader) {
    reader.expect_inputs(0, 0);
    ConstantPtr value;
    if (const auto* tensor = reader.tensor("value")) {
      value =
          import_tensor(*tensor, reader.where() + ": attribute 'value'", graph_.constant_budget);
    } else if (reader.has("value_float")) {
      const float number = reader.real("value_float", 0);
      value = make_f32({}, std::span(&number, 1));
    } else if (reader.has("value_int")) {
      const std::int64_t number = reader.integer("value_int", 0);
      value = make_i64({}, std::span(&number, 1));
    } else if (reader.has("value_floats")) {
      const auto numbers = reader.reals("value_floats");
      value = make_f32({static_cast<std::int64_t>(numbers.size())}, numbers);
    } else if (reader.has("value_ints")) {
      const auto numbers = reader.integers("value_ints");
      value = make_i64({static_cast<std::int64_t>(numbers.size())}, numbers);
    } else {
      reader.finish();
      reader.refuse("has no value");
    }
    reader.finish();
    charge(value->bytes.size());
    define(node.output(0), graph_.add_constant(node.output(0), std::move(value)));
  }

  void add_output(const onnx::ValueInfoProto& output) {
    if (!output_names_.insert(output.name()).second) {
      fail(graph_, "output '" + output.name() + "' occurs twice");
    }
    graph_.outputs.push_back(resolve(output.name(), graph_.source + ": the list of outputs"));
    DeclaredOutput& declared = graph_.declared_outputs.emplace_back();
    declared.name = output.name();
    const auto& type = output.type().tensor_type();
    for (int i = 0; i < type.shape().dim_size(); ++i) {
      const auto& dim = type.shape().dim(i);
      declared.dims.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
    }
    declared.has_shape = type.has_shape();
  }

  const OnnxImportOptions& options_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> names_;
  std::unordered_map<std::string, std::string> missing_;  // further outputs -> who makes them
  std::set<std::string> input_names_, output_names_;
  std::set<std::string> bound_;  // inputs that a given value has made constants
  int nested_ = 0;               // branches around the node that is read
};

}  // namespace

Graph import_onnx(std::span<const std::byte> bytes, const OnnxImportOptions& options) {
  return Importer(options).run(bytes);
}

}  // namespace sz::compiler
