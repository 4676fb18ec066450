// An engine with a model file of the test data.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "core/test_data.h"
#include "engine.h"

inline std::unique_ptr<thimble::Engine> load_engine(const char* name) {
  const std::vector<uint8_t> file = read_test_file(name);
  auto engine = std::make_unique<thimble::Engine>(thimble::best_kernels(), size_t{64} << 20);
  for (size_t at = 0; at < file.size();) {
    const std::span<uint8_t> room = engine->loader().next();
    REQUIRE_FALSE(room.empty());
    const size_t n = std::min(room.size(), file.size() - at);
    std::memcpy(room.data(), file.data() + at, n);
    REQUIRE(engine->loader().advance(n).ok());
    at += n;
  }
  const thimble::Status opened = engine->open();
  INFO(opened.message);
  REQUIRE(opened.ok());
  return engine;
}
