// Runs the tests that conformance_prepare has compiled and compares with what ONNX expects:
//
//   conformance_run FOLDER --backend tee|host
//
// FOLDER holds folders with model.szp, input_0 ... and output_0 ... as raw tensors, or those
// tensors in folders set_0, set_1 ... below. A line for each model: its name, "right" and the
// largest error, relative to the largest value expected, or "wrong" or "failed" and why. Exit
// status 1 if any is not right. Tolerance: |y - expected| <= 1e-7 + 1e-3 |expected|, ONNX's own for
// floats, and equality for everything else; a file `tolerance` beside the model ("absolute
// relative") says otherwise.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace {

namespace fs = std::filesystem;

struct Tolerance {
  double absolute = 1e-7, relative = 1e-3;  // of floats
  double steps = 0;                         // of integers
};

Tolerance read_tolerance(const fs::path& folder) {
  Tolerance tolerance;
  std::ifstream file(folder / "tolerance");
  if (file >> tolerance.absolute >> tolerance.relative) tolerance.steps = tolerance.absolute;
  return tolerance;
}

std::vector<std::byte> read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

struct Verdict {
  bool right = true;
  double error = 0;  // largest |y - expected| over the largest |expected|
  std::string why;

  void blame(const std::string& text) {
    if (right) why = text;
    right = false;
  }
};

void compare_floats(const sz::Tensor& y, const std::vector<std::byte>& expected,
                    const Tolerance& tolerance, Verdict* verdict) {
  std::vector<float> wanted(expected.size() / sizeof(float));
  std::memcpy(wanted.data(), expected.data(), expected.size());
  const auto got = y.f32();
  double largest = 0;
  double furthest = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double a = got[i];
    const double b = wanted[i];
    if (std::isfinite(b)) largest = std::max(largest, std::abs(b));
    if (std::isnan(a) && std::isnan(b)) continue;
    if (a == b) continue;  // infinities too
    const double off = std::abs(a - b);
    if (!(off <= tolerance.absolute + tolerance.relative * std::abs(b)) || std::isinf(b)) {
      verdict->blame("element " + std::to_string(i) + " is " + std::to_string(a) + ", not " +
                     std::to_string(b));
    }
    furthest = std::max(furthest, off);
  }
  verdict->error = std::max(verdict->error, largest == 0 ? furthest : furthest / largest);
}

// Element `i` of a tensor of integers like `like`.
std::int64_t integer(const sz::Tensor& like, const std::vector<std::byte>& data, std::size_t i) {
  const std::size_t size = sz::element_bytes(like.info.type);
  std::int64_t value = 0;
  std::memcpy(&value, data.data() + i * size, size);
  if (like.info.type == sz::ElementType::kI8) return static_cast<std::int8_t>(value);
  if (like.info.type == sz::ElementType::kI32) return static_cast<std::int32_t>(value);
  return value;
}

void compare(const sz::Tensor& y, const std::vector<std::byte>& expected, std::size_t index,
             const Tolerance& tolerance, Verdict* verdict) {
  const std::string where = "output " + std::to_string(index) + ": ";
  if (y.data.size() != expected.size()) return verdict->blame(where + "another size");
  if (y.info.type == sz::ElementType::kF32) return compare_floats(y, expected, tolerance, verdict);
  const std::size_t count = expected.size() / sz::element_bytes(y.info.type);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t a = integer(y, y.data, i);
    const std::int64_t b = integer(y, expected, i);
    if (std::abs(static_cast<double>(a) - static_cast<double>(b)) > tolerance.steps) {
      return verdict->blame(where + "element " + std::to_string(i) + " is " + std::to_string(a) +
                            ", not " + std::to_string(b));
    }
  }
}

void run_set(sz::Session& session, const sz::Package& package, const fs::path& folder,
             const Tolerance& tolerance, Verdict* verdict) {
  std::vector<sz::Tensor> inputs;
  for (const sz::TensorInfo& info : package.inputs()) {
    inputs.push_back({info, read(folder / ("input_" + std::to_string(inputs.size())))});
  }
  const std::vector<sz::Tensor> outputs = session.run(inputs);
  std::size_t compared = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const fs::path expected = folder / ("output_" + std::to_string(i));
    if (!fs::exists(expected)) continue;
    compare(outputs[i], read(expected), i, tolerance, verdict);
    ++compared;
  }
  if (compared == 0) verdict->blame("there is nothing to compare with");
}

Verdict run_case(sz::Session& session, const fs::path& folder) {
  const sz::Package package = sz::Package::open((folder / "model.szp").string());
  const Tolerance tolerance = read_tolerance(folder);
  session.load(package);
  Verdict verdict;
  if (!fs::exists(folder / "set_0")) run_set(session, package, folder, tolerance, &verdict);
  for (int i = 0; fs::exists(folder / ("set_" + std::to_string(i))); ++i) {
    run_set(session, package, folder / ("set_" + std::to_string(i)), tolerance, &verdict);
  }
  return verdict;
}

int run(const fs::path& root, sz::Backend backend) {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().filename() == "model.szp") cases.push_back(entry.path().parent_path());
  }
  std::sort(cases.begin(), cases.end());
  bool all_right = !cases.empty();
  sz::Session session = sz::Session::open(backend);
  for (const fs::path& folder : cases) {
    const std::string name = fs::relative(folder, root).string();
    try {
      const Verdict verdict = run_case(session, folder);
      all_right = all_right && verdict.right;
      if (verdict.right) {
        std::printf("%s right %.3g\n", name.c_str(), verdict.error);
      } else {
        std::printf("%s wrong %s\n", name.c_str(), verdict.why.c_str());
      }
    } catch (const sz::Error& error) {
      all_right = false;
      std::printf("%s failed %s\n", name.c_str(), error.what());
    }
    std::fflush(stdout);
  }
  return all_right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || std::strcmp(argv[2], "--backend") != 0) {
    std::fprintf(stderr, "usage: conformance_run FOLDER --backend tee|host\n");
    return 2;
  }
  try {
    return run(argv[1], sz::parse_backend(argv[3]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance_run: %s\n", error.what());
    return 1;
  }
}
