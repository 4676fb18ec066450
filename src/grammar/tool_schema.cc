#include "grammar/tool_schema.h"

#include <algorithm>

#include "grammar/schema_compiler.h"
#include "prompt/json.h"
#include "prompt/prompt.h"

namespace thimble {

namespace {

/// This model has no null for an argument that was not said: it leaves the key out.
void leave_nothing_required(ObjectSpec& arguments) {
  std::fill(arguments.next_required.begin(), arguments.next_required.end(), static_cast<uint32_t>(arguments.properties.size()));
}

}  // namespace

Status compile_tools(std::string_view tools_json, const SchemaOptions& options, ToolSet& out) {
  rapidjson::Document tools;
  if (Status s = json::parse_array(tools_json, tools); !s.ok()) return s;
  if (tools.Size() > kMaxTools) return {Code::bad_tools, "tools: more than " + std::to_string(kMaxTools)};
  const bool needle = options.format == TextFormat::needle;
  ToolSet set;
  set.format = options.format;
  set.literals = {{{"null"}}, {{"false", "null", "true"}}};  // ToolSet::kNullLiteral, kAnyScalars
  set.strings.push_back({.ascii = needle});
  set.numbers.emplace_back(/*integer=*/false, /*trailing_zeros=*/needle);
  SchemaCompiler compiler(options, set);
  const json::Value no_parameters(rapidjson::kObjectType);
  for (const json::Value& tool : tools.GetArray()) {
    const std::string path = "tools[" + std::to_string(set.tools.size()) + "]";
    const json::Value* name = json::string_member(tool, "name");
    if (name == nullptr || name->GetStringLength() == 0)
      return {Code::bad_tools, path + ": an object with a non-empty string `name` is needed"};
    ToolSpec spec{std::string(json::view(*name)), {}, 0};
    spec.written_name = needle ? to_snake_case(spec.name) : spec.name;
    for (const ToolSpec& other : set.tools)
      if (other.written_name == spec.written_name)
        return {Code::bad_tools, other.name == spec.name ? path + ": a second tool named " + spec.name
                                                         : path + " (" + spec.name + "): this model calls it " + spec.written_name +
                                                               ", and " + other.name + " as well; rename one"};
    const json::Value* parameters = json::member(tool, "parameters");
    if (parameters != nullptr && !parameters->IsObject())
      return {Code::bad_tools, path + ".parameters: a JSON Schema of an object is needed"};
    if (Status s = compiler.arguments(parameters == nullptr ? no_parameters : *parameters, path + " (" + spec.name + ").parameters",
                                      spec.arguments);
        !s.ok())
      return s;
    if (needle) leave_nothing_required(set.objects[spec.arguments]);
    set.tools.push_back(std::move(spec));
  }
  out = std::move(set);
  return {};
}

}  // namespace thimble
