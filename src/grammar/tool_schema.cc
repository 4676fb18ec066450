#include "grammar/tool_schema.h"

#include <algorithm>

#include "grammar/schema_compiler.h"
#include "prompt/json.h"

namespace thimble {

Status compile_tools(std::string_view tools_json, const SchemaOptions& options, ToolSet& out) {
  rapidjson::Document tools;
  if (Status s = json::parse_array(tools_json, tools); !s.ok()) return s;
  if (tools.Size() > kMaxTools) return {Code::bad_tools, "tools: more than " + std::to_string(kMaxTools)};
  ToolSet set;
  set.literals = {{{"null"}}, {{"false", "null", "true"}}};  // ToolSet::kNullLiteral, kAnyScalars
  set.strings.emplace_back();
  set.numbers.emplace_back(/*integer=*/false);
  SchemaCompiler compiler(options, set);
  const json::Value no_parameters(rapidjson::kObjectType);
  for (const json::Value& tool : tools.GetArray()) {
    const std::string path = "tools[" + std::to_string(set.tools.size()) + "]";
    const json::Value* name = json::string_member(tool, "name");
    if (name == nullptr || name->GetStringLength() == 0)
      return {Code::bad_tools, path + ": an object with a non-empty string `name` is needed"};
    ToolSpec spec{std::string(json::view(*name)), 0};
    for (const ToolSpec& other : set.tools)
      if (other.name == spec.name) return {Code::bad_tools, path + ": a second tool named " + spec.name};
    const json::Value* parameters = json::member(tool, "parameters");
    if (parameters != nullptr && !parameters->IsObject())
      return {Code::bad_tools, path + ".parameters: a JSON Schema of an object is needed"};
    if (Status s = compiler.arguments(parameters == nullptr ? no_parameters : *parameters, path + " (" + spec.name + ").parameters",
                                      spec.arguments);
        !s.ok())
      return s;
    set.tools.push_back(std::move(spec));
  }
  out = std::move(set);
  return {};
}

}  // namespace thimble
