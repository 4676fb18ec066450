// How a model reads and writes: prompt/FORMAT.md.
#pragma once

#include <cstdint>

namespace thimble {

enum class TextFormat : uint32_t { needle = 0, thimble = 1 };

}  // namespace thimble
