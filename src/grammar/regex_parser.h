// Syntax of `pattern`: text to a tree. Private to pattern.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/char_dfa.h"

namespace thimble::regex {

using CharSet = std::vector<CharRange>;  // sorted, disjoint, without surrogates

enum class Kind : uint8_t { set, sequence, choice, repeat, begin, end };
inline constexpr uint32_t kUnbounded = 0xFFFFFFFF;

struct Node {
  Kind kind;
  uint32_t set = 0;                   // of Tree::sets
  uint32_t min = 0, max = 0;          // repeat
  std::vector<uint32_t> children;     // of Tree::nodes
};

struct Tree {
  std::vector<Node> nodes;
  std::vector<CharSet> sets;  // distinct
  uint32_t root = 0;
};

/// False with `why` if `pattern` is outside the subset of pattern.h.
bool parse(std::string_view pattern, Tree& out, std::string& why);

/// Sorted, merged, and cut to what UTF-8 can say.
CharSet normalized(CharSet set);
CharSet complement(const CharSet& set);

}  // namespace thimble::regex
