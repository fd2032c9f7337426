// Tables for people.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace sz::cli {

// Rows under a header; columns as wide as their widest cell, two blanks apart.
class Table {
 public:
  enum class Align { kLeft, kRight };

  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column.
  void add(std::vector<std::string> cells);
  void print(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Bytes with thousands separated, e.g. "4,997,120".
std::string grouped(std::uint64_t number);

// A number with this many digits behind the point.
std::string fixed(double number, int digits);

// Bytes in MiB with two digits, e.g. "4.77 MiB".
std::string mib(std::uint64_t bytes);

}  // namespace sz::cli
