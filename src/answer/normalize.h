// Values that were said in a form that the schema does not have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "grammar/tool_schema.h"

namespace thimble {

/// `said`: a string, number, boolean or null as answer_text (src/prompt/FORMAT.md). The value of `spec`
/// that it means, as answer_text: itself if it fits; a member of an enum in another case, with other
/// spaces, dashes or quotes; a number given as text, with separators of thousands, a sign of percent or
/// spaces ("1,500", "20 %"); text in another case where the schema has a pattern. Nothing else is guessed.
std::optional<std::string> normalized(const ToolSet& tools, const ValueSpec& spec, std::string_view said);

/// The characters of a string written as answer_text, without its extra space.
std::string string_of(std::string_view text, TextFormat format);

}  // namespace thimble
