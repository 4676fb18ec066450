// Regular expressions of JSON Schema's `pattern`, and the formats that are defined by one.
//
// The subset of ECMAScript's syntax (with its flag u: by code points) that describes regular
// languages: literals, `.`, classes, \d \D \w \W \s \S, \t \n \v \f \r \0 \cX \xhh \uhhhh \u{h},
// escaped punctuation, groups (captures and names are ignored), alternation, greedy and lazy
// quantifiers, ^ and $ anywhere. Refused: look-around, back-references, \b, \B, \p{...}, and
// expressions whose automaton has more than kMaxStates states.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "grammar/char_dfa.h"

namespace thimble {

inline constexpr size_t kMaxPatternBytes = 4096;

/// The strings in which `pattern` matches somewhere, as JSON Schema has it. On failure returns
/// nullptr and `why` says what cannot be compiled.
std::shared_ptr<const CharDfa> compile_pattern(std::string_view pattern, std::string& why);

/// The automaton of a format of JSON Schema: date, time, date-time, duration (RFC 3339; seconds
/// below 60), email, hostname, ipv4, uri, uuid. nullptr for others.
std::shared_ptr<const CharDfa> format_dfa(std::string_view format);

/// date, time, date-time and duration: what may be said in words.
bool is_spoken_format(std::string_view format);

}  // namespace thimble
