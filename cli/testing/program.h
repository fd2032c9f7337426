// The program as a user runs it: arguments in; output, messages and exit status out. For tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/npy.h"

namespace sz::cli::testing {

using nlohmann::json;

struct Result {
  int status = -1;
  std::string out;
  std::string err;
};

class Cli : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "smartzone_cli_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::vector<std::byte>& bytes) const {
    std::ofstream file(path(name), std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  std::string write_f32(const std::string& name, const std::vector<std::int64_t>& shape,
                        const std::vector<float>& values) const {
    std::vector<std::byte> data(values.size() * sizeof(float));
    std::memcpy(data.data(), values.data(), data.size());
    return write(name, format_npy(ElementType::kF32, shape, data));
  }
  static std::string read(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  // Runs `smartzone ARGUMENTS`; `setting` goes before it, e.g. "NAME=value".
  Result run(const std::string& arguments, const std::string& setting = "") const {
    const std::string command = "cd '" + folder_.string() + "' && " + setting + " " +
                                SMARTZONE_PROGRAM + " " + arguments + " > '" + path(".out") +
                                "' 2> '" + path(".err") + "'";
    const int status = std::system(command.c_str());
    Result result;
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    result.out = read(path(".out"));
    result.err = read(path(".err"));
    return result;
  }

  json run_json(const std::string& arguments) const {
    const Result result = run("--json --backend host " + arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return json::parse(result.out);
  }

  std::filesystem::path folder_;
};

}  // namespace sz::cli::testing
