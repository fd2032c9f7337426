// A plan as a table or as JSON, for people and scripts. Host only; needs no model compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sz::package {

// The bytes are no plan. what() is one sentence.
class PlanReportError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Name of an operator code ("Conv2d") and of a kernel ("vector"); "?" for unknown numbers.
std::string_view operator_name(std::uint16_t op);
std::string_view kernel_name(std::uint16_t kernel);

// The plan as a table: regions, entry points with their tensors, tensors with place and shape,
// steps in order. Its structure has been checked (package/plan_reader.h), its meaning has not.
// Throws PlanReportError.
std::string inspect_plan(std::span<const std::byte> plan);

// The same as JSON: {"version", "weights_bytes", "arena_bytes", "scratch_bytes",
// "state_bytes", "language_bytes", "weights_sha256", "tensors": [{"region", "offset", "dtype", "dims", "pitch"}],
// "steps": [{"op", "kernel", "inputs", "outputs", "attributes"}],
// "entries": [{"kind", "steps", "inputs", "outputs"}]}. Operands are numbers of tensors, null
// where absent; dims are in memory order. Throws PlanReportError.
std::string inspect_plan_json(std::span<const std::byte> plan);

}  // namespace sz::package
