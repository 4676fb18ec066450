// Test files by name, the same natively and in WASM (where tests/run puts them into the in-memory file system).
// scripts/test_data.ts collects them in build/test-data:
//   "reference/..."  ../shared/reference as it is, and reference.san packed from it
//   "golden/..."     tests/golden, and golden/san packed
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

// The larger of `largest` and |difference|; not a number counts as infinite (std::max would drop it).
inline double larger(double largest, double difference) {
  return std::isnan(difference) ? INFINITY : std::fmax(largest, std::fabs(difference));
}

// The whole file. A missing file ends the test program: a test that cannot see its data must not pass.
inline std::vector<uint8_t> read_test_file(std::string_view name) {
  const std::string path = std::string(THIMBLE_TEST_DATA_DIR) + "/" + std::string(name);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    std::fprintf(stderr, "test data %s is missing; `npm test` makes it (scripts/test_data.ts)\n", path.c_str());
    std::exit(2);
  }
  std::vector<uint8_t> bytes;
  uint8_t block[65536];
  for (size_t got; (got = std::fread(block, 1, sizeof block, file)) > 0;) {
    bytes.insert(bytes.end(), block, block + got);
  }
  std::fclose(file);
  return bytes;
}
