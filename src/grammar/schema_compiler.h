// One tool's JSON Schema into a ToolSet. Private to tool_schema.cc.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/tool_schema.h"
#include "prompt/json.h"

namespace thimble {

class SchemaCompiler {
 public:
  SchemaCompiler(const SchemaOptions& options, ToolSet& set) : options_(options), set_(set) {}

  /// Appends the objects that `parameters` describes; `object` is the outermost. `path` names it in
  /// messages.
  Status arguments(const json::Value& parameters, std::string path, uint32_t& object);

 private:
  using Value = json::Value;
  struct Kinds {  // bits of the types that a schema admits
    enum : unsigned { string = 1, integer = 2, number = 4, boolean = 8, null = 16, array = 32, object = 64 };
  };

  class Segment {  // a part of path_ while it lives
   public:
    Segment(SchemaCompiler& compiler, std::string_view text) : compiler_(compiler), size_(compiler.path_.size()) {
      (compiler_.path_ += '.') += text;
    }
    Segment(SchemaCompiler& compiler, std::string_view text, size_t index) : Segment(compiler, text) {
      ((compiler_.path_ += '[') += std::to_string(index)) += ']';
    }
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;
    ~Segment() { compiler_.path_.resize(size_); }

   private:
    SchemaCompiler& compiler_;
    size_t size_;
  };

  // All of these return false after refuse().
  bool value(const Value& schema, uint32_t& id);
  bool value_of_keywords(const Value& schema, uint32_t& id);
  bool check_keywords(const Value& schema);
  bool reference(const Value& schema, uint32_t& id);
  bool combine(const Value& schema, const char* keyword, uint32_t& id);
  bool merge(const ValueSpec& part, bool exclusive, const char* keyword, ValueSpec& into);
  bool disjoint(const ValueSpec& a, const ValueSpec& b) const;
  bool choices(const Value& schema, ValueSpec& out);
  bool fits(const Value& choice, const std::string& text, const Value& schema, unsigned kinds,
            const ValueSpec& strings, const ValueSpec& numbers) const;
  bool kinds_of(const Value& schema, unsigned& kinds);
  bool kind_named(std::string_view name, unsigned& kinds);
  bool scalars(const Value& schema, unsigned kinds, ValueSpec& out);
  bool string(const Value& schema, ValueSpec& out);
  bool automaton(const Value& schema, StringSpec& spec);
  bool narrow(std::shared_ptr<const CharDfa> with, const char* keyword, StringSpec& spec);
  bool number(const Value& schema, bool integer, ValueSpec& out);
  bool bound(const Value& schema, bool upper, NumberRange& range);
  bool multiple(const Value& schema, NumberRange& range);
  bool array(const Value& schema, ValueSpec& out);
  bool items(const Value& schema, ArraySpec& spec);
  bool unique(ArraySpec& spec);
  bool object(const Value& properties, const std::vector<std::string_view>& required, uint32_t& index);
  bool object(const Value& schema, ValueSpec& out);
  bool required_names(const Value& schema, std::vector<std::string_view>& out);
  bool flat_arguments(const Value& parameters, uint32_t& index);
  bool count(const Value& schema, const char* keyword, uint32_t& out);

  bool add(ValueSpec spec, uint32_t& id);
  bool add_literals(std::vector<std::string> texts, ValueSpec& out);
  bool check_height(uint32_t id);
  uint32_t height_of(const ValueSpec& spec) const;

  bool refuse(std::string_view keyword, std::string_view why);
  /// refuse(), unless the caller checks such keywords itself.
  bool unenforced(std::string_view keyword, std::string_view why);

  const SchemaOptions& options_;
  ToolSet& set_;
  const Value* root_ = nullptr;
  bool flat_ = false;
  std::string path_;
  size_t depth_ = 0;
  size_t literal_bytes_ = 0;
  std::map<std::string, uint32_t, std::less<>> references_;  // kNoSpec: being compiled
  std::vector<uint32_t> heights_;                            // of set_.values
  Status status_;
};

}  // namespace thimble
