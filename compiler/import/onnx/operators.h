// The ONNX operators that the compiler knows.
#pragma once

#include <map>
#include <string>

#include "compiler/graph/graph.h"
#include "compiler/import/onnx/node_reader.h"

namespace sz::compiler {

// The importer's side of what an operator needs beside its own node.
class GraphBuilder {
 public:
  virtual ValueId constant(ConstantPtr value) = 0;
  // A value between two nodes that stand for one of the file.
  virtual ValueId temporary() = 0;
  virtual void add(Node node) = 0;

 protected:
  ~GraphBuilder() = default;
};

// What one node of the file gives: usually one node of the graph.
struct NodeImport {
  NodeReader& reader;
  std::string name;             // for messages
  std::vector<ValueId> inputs;  // kNoValue where the name is empty
  ValueId output;                // the first one
  // All of them; kNoValue where the name is empty. Those that no added node makes count as not
  // implemented: reading them is refused.
  std::vector<ValueId> outputs;
  GraphBuilder& builder;
};

// Reads one kind of node.
using OnnxImporter = void (*)(NodeImport&);
using OnnxImporters = std::map<std::string, OnnxImporter>;

// Adds the node that stands for `n`, with its inputs and output.
void emit(NodeImport& n, Op op, Attributes attributes = {}, ops::Clamp activation = {});

// True if `op_type` of the default domain is implemented. Constant is the importer's own business.
bool is_known_operator(const std::string& op_type);

// Adds what stands for the node. Throws CompileError for attributes, inputs or opsets whose
// meaning is not implemented.
void import_operator(const std::string& op_type, NodeImport& node);

}  // namespace sz::compiler
