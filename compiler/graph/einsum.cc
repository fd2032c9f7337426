#include "compiler/graph/einsum.h"

#include <algorithm>
#include <cctype>

namespace sz::compiler {
namespace {

constexpr const char* kDots = "...";

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// Replaces "..." by the letters of `count` dimensions, and checks the others.
std::string spelled(const Graph& graph, const Node& node, const std::string& term,
                    std::size_t count) {
  std::string letters;
  const std::size_t dots = term.find(kDots);
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (i == dots) {
      for (std::size_t k = count; k-- > 0;) letters += static_cast<char>('0' + k);
      i += 2;
    } else if (!is_letter(term[i])) {
      fail(graph, node, "its equation has '" + term + "', which is no list of letters");
    } else {
      letters += term[i];
    }
  }
  return letters;
}

std::vector<std::string> split_terms(const std::string& text) {
  std::vector<std::string> terms(1);
  for (const char c : text) {
    if (c == ',') {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  return terms;
}

void add_operand(const Graph& graph, const Node& node, const std::string& letters,
                 const Shape& shape, Einsum& einsum) {
  if (letters.size() != shape.size()) {
    fail(graph, node,
         "its equation gives " + std::to_string(letters.size()) + " letters to an operand of " +
             to_string(shape));
  }
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (letters.find(letters[i]) != i) {
      fail(graph, node, "diagonals (a letter twice in one operand) are not implemented");
    }
    const auto [at, fresh] = einsum.sizes.emplace(letters[i], shape[i]);
    if (!fresh && at->second != shape[i]) {
      fail(graph, node,
           std::string("the dimension '") + letters[i] + "' is " + std::to_string(at->second) +
               " and " + std::to_string(shape[i]) + "; broadcasting is not implemented");
    }
  }
  einsum.operands.push_back(letters);
}

// What an equation without "->" means: "...", then the letters that occur once, in order.
std::string implied_output(const Einsum& einsum) {
  std::map<char, int> counts;
  for (const std::string& operand : einsum.operands) {
    for (const char letter : operand) ++counts[letter];
  }
  std::string output;
  for (char dots = '9'; dots >= '0'; --dots) {
    if (counts.contains(dots)) output += dots;
  }
  for (const auto& [letter, count] : counts) {
    if (count == 1 && is_letter(letter)) output += letter;
  }
  return output;
}

}  // namespace

Einsum parse_einsum(const Graph& graph, const Node& node) {
  const std::string& equation = node.get<EinsumAttributes>().equation;
  const std::size_t arrow = equation.find("->");
  const auto terms = split_terms(equation.substr(0, arrow));
  if (terms.size() != node.inputs.size()) {
    fail(graph, node,
         "its equation has " + std::to_string(terms.size()) + " operands, not " +
             std::to_string(node.inputs.size()));
  }
  Einsum einsum;
  std::size_t most_dots = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Shape& shape = graph.shape(node.inputs[i]);
    const bool dots = terms[i].find(kDots) != std::string::npos;
    const std::size_t named = terms[i].size() - (dots ? 3 : 0);
    if (dots && named > shape.size()) {
      fail(graph, node, "its equation has more letters than the operand " + to_string(shape));
    }
    const std::size_t count = dots ? shape.size() - named : 0;
    most_dots = std::max(most_dots, count);
    add_operand(graph, node, spelled(graph, node, terms[i], count), shape, einsum);
  }
  if (arrow == std::string::npos) {
    einsum.output = implied_output(einsum);
    return einsum;
  }
  einsum.output = spelled(graph, node, equation.substr(arrow + 2), most_dots);
  for (std::size_t i = 0; i < einsum.output.size(); ++i) {
    const char letter = einsum.output[i];
    if (!einsum.sizes.contains(letter) || einsum.output.find(letter) != i) {
      fail(graph, node, "the result of its equation has a dimension twice or from nowhere");
    }
  }
  return einsum;
}

}  // namespace sz::compiler
