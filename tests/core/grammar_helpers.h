// Short ways to compile tools and to follow a text through their grammar.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "core/test_data.h"
#include "grammar/call_grammar.h"
#include "grammar/tool_schema.h"
#include "grammar/vocabulary.h"

namespace grammar_test {

inline thimble::ToolSet compile(const std::string& tools, bool spoken_dates = false) {
  thimble::ToolSet set;
  thimble::SchemaOptions options;
  options.spoken_dates = spoken_dates;
  const thimble::Status status = thimble::compile_tools(tools, options, set);
  INFO(tools);
  INFO(status.message);
  REQUIRE(status.ok());
  return set;
}

/// One tool t with one optional parameter x.
inline std::string tool_of(const std::string& schema) {
  return R"([{"name":"t","parameters":{"type":"object","properties":{"x":)" + schema + "}}}]";
}

/// Follows texts. The state after `text`, or where the first illegal byte stands.
class Trace {
 public:
  explicit Trace(const std::string& tools, const thimble::CallOptions& options = {}, bool spoken_dates = false)
      : grammar_(compile(tools, spoken_dates)) {
    const thimble::Status status = grammar_.start(options, start_);
    INFO(status.message);
    REQUIRE(status.ok());
  }

  /// Bytes of `text` that are legal.
  size_t legal_bytes(std::string_view text) {
    state_ = start_;
    for (size_t i = 0; i < text.size(); ++i) {
      if (!grammar_.legal(state_, static_cast<uint8_t>(text[i]))) return i;
      grammar_.advance(state_, static_cast<uint8_t>(text[i]));
    }
    return text.size();
  }
  bool accepts(std::string_view text) { return legal_bytes(text) == text.size() && grammar_.finished(state_); }
  /// The legal bytes after `text`, in ASCII order; beyond ASCII one '*'.
  std::string next(std::string_view text) {
    REQUIRE(legal_bytes(text) == text.size());
    std::string out;
    const thimble::ByteSet set = grammar_.next_bytes(state_);
    for (size_t b = 0; b < 128; ++b)
      if (set[b]) out += static_cast<char>(b);
    for (size_t b = 128; b < 256; ++b)
      if (set[b]) return out + '*';
    return out;
  }
  std::string forced(std::string_view text) {
    REQUIRE(legal_bytes(text) == text.size());
    return grammar_.forced_run(state_);
  }
  /// The text that follows `text` as long as one byte only is legal, asked for or not.
  std::string only_way(std::string text) {
    const size_t begin = text.size();
    for (std::string one; (one = next(text)).size() == 1;) text += one;
    return text.substr(begin);
  }

 private:
  thimble::CallGrammar grammar_;
  thimble::CallState start_, state_;
};

/// Whether the value of tool_of(schema) can be `json`, written as answer_text.
inline bool allows(const std::string& schema, const std::string& json, bool spoken_dates = false) {
  Trace trace(tool_of(schema), {}, spoken_dates);
  return trace.accepts(R"([{"name":"t","arguments":{"x":)" + json + "}}]");
}

struct Pieces {
  std::vector<uint8_t> section;
  thimble::Tokenizer tokenizer;
  thimble::Vocabulary vocabulary;
};

/// The vocabulary of the model that ships.
inline const Pieces& pieces() {
  static const Pieces made = [] {
    Pieces p;
    p.section = read_test_file("tokenizer/thimble.section");
    return p;
  }();
  static const bool ready = [] {
    Pieces& p = const_cast<Pieces&>(made);
    return thimble::Tokenizer::parse(p.section, p.tokenizer).ok() &&
           thimble::Vocabulary::create(p.tokenizer, p.vocabulary).ok();
  }();
  REQUIRE(ready);
  return made;
}

}  // namespace grammar_test
