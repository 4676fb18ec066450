// Tool lists as the model reads them; FORMAT.md beside this file is the definition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "status.h"
#include "text_format.h"

namespace thimble {

/// Nesting of a tool list beyond which it is refused: deeper schemas are no tool's.
inline constexpr int kMaxToolDepth = 48;
/// Length of a tool list beyond which it is refused: no context holds that many tools.
inline constexpr size_t kMaxToolsBytes = size_t{1} << 20;

struct ToolText {
  std::string name;
  std::string text;  // the `tool_text` production
};

/// Format `thimble`: one text a tool, in the order given. `tools_json` is a JSON array of
/// {name, description?, parameters? (JSON Schema of an object, or the flat style), examples?}.
/// Code::bad_tools with the place otherwise.
Status thimble_tool_texts(std::string_view tools_json, std::vector<ToolText>& out);

/// Format `needle`: the whole list as one JSON text with snake_case names.
Status needle_tools_text(std::string_view tools_json, std::string& out);

/// camelCase, PascalCase, dotted and dashed names in snake_case, as Needle v1 does it.
std::string to_snake_case(std::string_view name);

/// A string value as answer_text.
void append_string_value(std::string_view text, TextFormat format, std::string& out);

/// JavaScript's String(value) for a finite number.
std::string number_text(double value);

}  // namespace thimble
