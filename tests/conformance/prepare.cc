// Compiles ONNX's backend tests for the device:
//
//   conformance_prepare TESTS OUT
//
// TESTS: the folder with INDEX.tsv. For each test that compiles, OUT/<suite>/<test> gets the
// package and the raw tensors for conformance_run. OUT/compiled.json says what became of each test:
// whether it compiled, which of its inputs had to be known then, or the reason of the refusal.
#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/compile.h"
#include "tests/conformance/onnx_case.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sz::conformance::OnnxCase;

void write(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file) throw std::runtime_error(path.string() + ": cannot be written");
}

// What one attempt to compile gave.
struct Attempt {
  std::vector<std::byte> package;
  std::string refusal, defect;
};

Attempt compile(const OnnxCase& test, const std::set<std::size_t>& bound) {
  sz::compiler::CompileOptions options;
  for (const std::size_t i : bound) options.input_values[test.input_names[i]] = test.inputs[i];
  Attempt attempt;
  try {
    const auto bytes = std::as_bytes(std::span(test.model));
    attempt.package = sz::compiler::compile_onnx(bytes, test.name, options).package;
  } catch (const sz::compiler::InternalError& error) {
    attempt.defect = error.what();
  } catch (const sz::compiler::CompileError& error) {
    attempt.refusal = error.what();
  }
  return attempt;
}

// The sets of inputs to fix when the model is compiled, the smallest first: none; each integer or
// small one alone; all of those; all but the first; all.
std::vector<std::set<std::size_t>> binding_attempts(const OnnxCase& test) {
  std::vector<std::set<std::size_t>> attempts = {{}};
  std::set<std::size_t> shapes, rest, all;
  for (std::size_t i = 0; i < test.inputs.size(); ++i) {
    const sz::compiler::Constant& value = *test.inputs[i];
    const bool integers = value.dtype == sz::DType::kI64 || value.dtype == sz::DType::kI32;
    if (i > 0 && (integers || value.shape.size() <= 1)) shapes.insert(i);
    if (i > 0) rest.insert(i);
    all.insert(i);
  }
  for (const std::size_t one : rest) attempts.push_back({one});
  attempts.push_back(shapes);
  attempts.push_back(rest);
  attempts.push_back(all);
  return attempts;
}

void keep(const OnnxCase& test, const std::set<std::size_t>& bound, const Attempt& attempt,
          const fs::path& folder) {
  fs::create_directories(folder);
  write(folder / "model.szp", attempt.package);
  std::size_t next = 0;
  for (std::size_t i = 0; i < test.inputs.size(); ++i) {
    if (bound.contains(i)) continue;
    write(folder / ("input_" + std::to_string(next++)), test.inputs[i]->bytes);
  }
  for (std::size_t i = 0; i < test.outputs.size(); ++i) {
    write(folder / ("output_" + std::to_string(i)), test.outputs[i]->bytes);
  }
}

json prepare(const OnnxCase& test, const fs::path& folder) {
  json entry = {{"test", test.name}, {"operators", test.operators}};
  const auto refused = [&](const std::string& why) {
    entry["state"] = "refused";
    entry["reason"] = why;
    return entry;
  };
  if (!test.unreadable.empty()) return refused(test.unreadable);
  std::string first_refusal;
  for (const auto& bound : binding_attempts(test)) {
    const Attempt attempt = compile(test, bound);
    if (!attempt.defect.empty()) {
      entry["state"] = "defect";
      entry["reason"] = attempt.defect;
      return entry;
    }
    if (!attempt.package.empty()) {
      keep(test, bound, attempt, folder);
      entry["state"] = "compiled";
      entry["bound"] = json::array();
      for (const std::size_t i : bound) entry["bound"].push_back(test.input_names[i]);
      entry["inputs"] = test.inputs.size();
      return entry;
    }
    // Values that the network computes may be needed as constants: only then does it help to fix
    // inputs. The first refusal that names another reason is the one to report.
    if (first_refusal.empty() ||
        first_refusal.find("known when the model is compiled") != std::string::npos) {
      first_refusal = attempt.refusal;
    }
  }
  return refused(first_refusal);
}

int run(const fs::path& tests, const fs::path& out) {
  std::ifstream index(tests / "INDEX.tsv");
  std::string line;
  std::getline(index, line);  // the heading
  json all = json::array();
  while (std::getline(index, line)) {
    const std::string name = line.substr(0, line.find('\t'));
    all.push_back(prepare(sz::conformance::read_case(tests / name, name), out / name));
  }
  if (all.empty()) throw std::runtime_error((tests / "INDEX.tsv").string() + ": lists no tests");
  std::ofstream(out / "compiled.json") << all.dump(1) << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: conformance_prepare TESTS OUT\n");
    return 2;
  }
  try {
    fs::create_directories(argv[2]);
    return run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance_prepare: %s\n", error.what());
    return 1;
  }
}
