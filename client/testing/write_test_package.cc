// Writes the package that c_api_test.c opens: write_test_package FILE
#include <fstream>

#include "client/testing/test_package.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::vector<std::byte> bytes = sz::client::testing::add_package(5000);
  std::ofstream file(argv[1], std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return file.flush() ? 0 : 1;
}
