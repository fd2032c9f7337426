// Types and shapes of one family of operators each (infer_<family>.cc).
#pragma once

#include <optional>

#include "compiler/graph/shape_inference.h"

namespace sz::compiler {

// Nothing where the operator is not of the family. Throws CompileError.
std::optional<TypedShape> infer_movement(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_elementwise(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_reduction(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_attention(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_matrix(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_normalization(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_recurrent(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_window(const Graph& graph, const Node& node);
std::optional<TypedShape> infer_quantized(const Graph& graph, const Node& node);

}  // namespace sz::compiler
