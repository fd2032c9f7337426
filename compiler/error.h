// What the compiler throws when a model cannot be compiled.
#pragma once

#include <stdexcept>

namespace sz::compiler {

// what() is one sentence: the file, the node with its operator, what is wrong, and, where there is
// something, what to do.
class CompileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A defect of the compiler itself: it made something that its own checks refuse.
class InternalError : public CompileError {
 public:
  using CompileError::CompileError;
};

}  // namespace sz::compiler
