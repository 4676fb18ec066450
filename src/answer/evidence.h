// Evidence: the words of the query that a value was taken from.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace thimble {

/// Bytes [begin, end) of the query.
struct QuerySpan {
  size_t begin = 0, end = 0;
};

/// Where `text` stands in `query`: letters in any case, any white space for a space. Whole words come
/// before beginnings of words, places outside `taken` before others, then the first place. None inside
/// a word, except in scripts without spaces.
std::optional<QuerySpan> find_text(std::string_view query, std::string_view text, std::span<const QuerySpan> taken);

/// Where the number stands in `query`, in digits ("1,500", "-3.5") or in English words ("twenty-five");
/// also without its sign.
std::optional<QuerySpan> find_number(std::string_view query, double number, std::span<const QuerySpan> taken);

}  // namespace thimble
