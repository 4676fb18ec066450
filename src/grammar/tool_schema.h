// The tool list as the grammar needs it: JSON Schema read, checked and compiled. SCHEMA.md says which
// keywords are understood and what is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/char_dfa.h"
#include "grammar/number_range.h"
#include "status.h"
#include "text_format.h"

namespace thimble {

inline constexpr uint32_t kNoLimit = 0xFFFFFFFF;
inline constexpr uint32_t kNoSpec = 0xFFFFFFFF;

/// A finite set of values (enum, const, boolean, null) as answer_text, sorted, distinct.
struct LiteralSpec {
  std::vector<std::string> texts;
};

/// Lengths in code points. With an automaton, `min` is already part of it.
struct StringSpec {
  uint32_t min = 0, max = kNoLimit;
  std::shared_ptr<const CharDfa> dfa = nullptr;  // nullptr: any string
  bool ascii = false;  // text format needle: all else is written as \uxxxx, and no space stands in front
};

enum class ScalarKind : uint8_t { literal, string, number };
struct Scalar {
  ScalarKind kind;
  uint32_t spec;  // index into the ToolSet's list of that kind
};

/// What may stand as one value: any of `scalars`, or an array, or an object. What begins with the
/// same bracket is never both, so one byte decides.
struct ValueSpec {
  std::vector<Scalar> scalars;
  uint32_t array = kNoSpec;
  uint32_t object = kNoSpec;
};

struct ArraySpec {
  std::vector<uint32_t> prefix;  // values of the first items
  uint32_t items = kNoSpec;      // value of the others; none may follow if kNoSpec
  uint32_t min = 0, max = kNoLimit;
  bool unique = false;           // then `items` has exactly one scalar, and max <= kMaxUnique
};

struct Property {
  std::string key;
  uint32_t value;
  bool required;
};

struct ObjectSpec {
  std::vector<Property> properties;   // in the order of the schema
  std::vector<std::string> key_texts; // sorted: JSON text of the key without its first quote
  std::vector<uint32_t> key_property; // property of key_texts[i]
  std::vector<uint32_t> next_required;  // [i]: the first required property from i on, or their number
};

struct ToolSpec {
  std::string name;
  std::string written_name;  // in answer_text
  uint32_t arguments;  // of ToolSet::objects
};

struct ToolSet {
  static constexpr uint32_t kNullLiteral = 0;  // literals[0] is {null}
  /// In every list: false, null or true; any string; any number.
  static constexpr Scalar kAnyScalars[] = {{ScalarKind::literal, 1}, {ScalarKind::string, 0}, {ScalarKind::number, 0}};

  TextFormat format = TextFormat::thimble;
  std::vector<ToolSpec> tools;
  std::vector<ValueSpec> values;
  std::vector<LiteralSpec> literals;
  std::vector<StringSpec> strings;
  std::vector<NumberRange> numbers;
  std::vector<ArraySpec> arrays;
  std::vector<ObjectSpec> objects;
};

inline constexpr size_t kMaxValueDepth = 12;       // arrays and objects inside one another
inline constexpr size_t kMaxAlternatives = 4;      // scalars of one value
inline constexpr size_t kMaxUnique = 16;           // items of an array with uniqueItems
inline constexpr size_t kMaxProperties = 256;      // of one object
inline constexpr size_t kMaxTools = 512;

struct SchemaOptions {
  /// Strings with format date, time, date-time or duration may be any words: the caller turns them
  /// into the format afterwards.
  bool spoken_dates = false;
  /// If given, keywords that cannot be enforced are listed here as "path: keyword" for the caller
  /// to check after decoding, instead of being refused.
  std::vector<std::string>* unenforced = nullptr;
  /// Of the answers.
  TextFormat format = TextFormat::thimble;
};

/// `tools_json` as in prompt/prompt.h. Code::bad_tools names the path, the keyword and what to do;
/// `out` is then unchanged.
Status compile_tools(std::string_view tools_json, const SchemaOptions& options, ToolSet& out);

}  // namespace thimble
