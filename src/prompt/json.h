// RapidJSON as this folder uses it: iterative, UTF-8 checked, bounded in depth. Private.
#pragma once

#include <string>
#include <string_view>

#define RAPIDJSON_HAS_STDSTRING 1
#include <rapidjson/document.h>

#include "status.h"
#include "text_format.h"

namespace thimble::json {

using Value = rapidjson::Value;

/// Parses any JSON text; false if it is none.
bool parse(std::string_view text, rapidjson::Document& out);
/// Parses a JSON array; Code::bad_tools names the byte where it stops being one.
Status parse_array(std::string_view text, rapidjson::Document& out);

inline std::string_view view(const Value& string) {
  return {string.GetString(), string.GetStringLength()};
}

/// The member, or nullptr when `object` is no object or lacks it.
const Value* member(const Value& object, const char* key);
/// The member if it is a string (object, array), else nullptr.
const Value* string_member(const Value& object, const char* key);
const Value* object_member(const Value& object, const char* key);
const Value* array_member(const Value& object, const char* key);

/// Whether parameters are a JSON Schema and not the flat style: `properties` has only schemas as members (the flat
/// style may have a parameter of that name).
bool is_schema(const Value& parameters);

enum class Numbers { javascript, python };
/// How a string is written: as it is with the least escapes, or everything but ASCII escaped.
enum class Strings { utf8, ascii };
/// Of an answer.
inline Strings strings_of(TextFormat format) { return format == TextFormat::needle ? Strings::ascii : Strings::utf8; }

void append_string(std::string_view text, Strings style, std::string& out);
void append_number(const Value& number, Numbers style, std::string& out);
/// Compact JSON. The depth was checked by parse_array.
void append_value(const Value& value, Strings strings, Numbers numbers, std::string& out);

}  // namespace thimble::json
