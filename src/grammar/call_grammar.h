// The language of answers: answer_text of src/prompt/FORMAT.md for a list of tools, byte by byte. A text
// that was never refused can always be completed, and every complete text is a list of calls that
// fit their tools.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/scalar_state.h"
#include "grammar/tool_schema.h"
#include "status.h"

namespace thimble {

enum class ToolChoice { automatic, none, required, named };

struct CallOptions {
  ToolChoice tool_choice = ToolChoice::automatic;
  std::string_view tool;    // for ToolChoice::named
  uint32_t max_calls = 16;  // at least 1
};

/// Where in the language a text stands. Trivially copyable, about half a KB.
struct CallState {
  enum Phase : uint8_t {
    lead,          // ' ': some tokenizers put one in front of every text
    open,          // '[' comes
    first_call,    // '{' or ']'
    next_call,     // '{'
    head,          // inside {"name":"
    name,          // inside a tool's name; its closing quote is part of it
    middle,        // inside ,"arguments":{
    object_first,  // '"' or '}'
    key_quote,     // '"'
    key,           // inside a key; its closing quote is part of it
    colon,
    array_first,   // ']' or an item
    value,         // before or inside a value
    after_value,   // ',' or the container's bracket
    call_end,      // '}'
    after_call,    // ',' or ']'
    finished,
  };
  struct Frame {
    uint32_t spec = 0;   // of the objects or arrays of CallGrammar::set
    uint32_t count = 0;  // object: properties passed; array: items begun
    bool is_array = false;
  };

  Phase phase = open;
  bool fresh = false;  // at the first byte of a value
  bool may_be_null = false;  // fresh: a required argument that was perhaps not said
  uint8_t depth = 0;
  uint8_t scalar_count = 0;
  uint8_t used_count = 0;
  uint16_t position = 0;     // head, middle: bytes read
  uint32_t calls = 0;
  uint32_t tool = 0;         // of CallGrammar; from the end of its name on
  uint32_t value_spec = kNoSpec;  // fresh: of the values of CallGrammar::set
  LiteralState names;             // name, key: among the sorted texts
  std::array<Frame, kMaxValueDepth> frames;
  std::array<ScalarState, kMaxAlternatives + 1> scalars;
  std::array<uint64_t, kMaxUnique> used;  // keys of the items of the innermost array with uniqueItems
};

/// Tool lists that were compiled apart, each once: a query's grammar takes those that it needs.
using ToolSets = std::vector<std::shared_ptr<const ToolSet>>;

class CallGrammar {
 public:
  CallGrammar() = default;
  /// The tools of all lists. Copies no list, only sorts the names.
  explicit CallGrammar(ToolSets sets);
  explicit CallGrammar(ToolSet set);

  /// Fails with bad_tools if two tools have the same name, with bad_input if the options cannot be
  /// met: no tool to call, no such tool, max_calls 0.
  Status start(const CallOptions& options, CallState& out);

  bool legal(const CallState& s, uint8_t byte) const;
  /// Only for a legal byte.
  void advance(CallState& s, uint8_t byte) const;
  bool finished(const CallState& s) const { return s.phase == CallState::finished; }
  ByteSet next_bytes(const CallState& s) const;
  /// The longest text that must follow, because at each byte only one is legal; `s` moves behind it.
  /// It ends before a byte that is asked() for.
  std::string forced_run(CallState& s) const;
  /// Inside a number or a string that is none of finitely many: what comes next is asked for even if
  /// only one byte is legal, because whoever wants another byte there means a value that is forbidden
  /// (15 and its end, where 100 is the maximum and 150 was said).
  bool asked(const CallState& s) const;
  /// Opens the value at which or in which `s` stands to any string, number, boolean or null. `written`:
  /// the value's text so far. False, and nothing changes, if it stands at no value or none of these
  /// begins so.
  bool widen(CallState& s, std::string_view written) const;

  size_t tool_count() const { return tools_.size(); }
  const ToolSpec& tool(size_t i) const { return tools_[i].set->tools[tools_[i].index]; }
  /// The list that tool(i) is in.
  const ToolSet& set_of(size_t i) const { return *tools_[i].set; }
  /// The list that the tool of the current call is in. Only from the end of its name on.
  const ToolSet& set(const CallState& s) const { return *tools_[s.tool].set; }
  /// Keys that the array around `s` holds already, if its items must differ.
  std::span<const uint64_t> used(const CallState& s) const;

 private:
  bool in_unique(const CallState& s) const;
  bool scalars_complete(const CallState& s) const;
  bool value_legal(const CallState& s, uint8_t byte) const;
  bool after_value_legal(const CallState& s, uint8_t byte) const;
  bool item_may_follow(const CallState& s) const;
  bool named_legal(const CallState& s, uint8_t byte) const;
  bool key_legal(const CallState& s, uint8_t byte) const;
  uint32_t last_key(const CallState& s) const;
  void add_legal(const CallState& s, std::string_view bytes, ByteSet& out) const;
  void add_value_bytes(const CallState& s, ByteSet& out) const;

  void begin_value(CallState& s, uint32_t value, bool may_be_null) const;
  void begin_item(CallState& s) const;
  void value_advance(CallState& s, uint8_t byte) const;
  void close_scalars(CallState& s) const;
  void after_value_advance(CallState& s, uint8_t byte) const;
  void close(CallState& s) const;
  void open_object(CallState& s, uint32_t object) const;
  void key_advance(CallState& s, uint8_t byte) const;
  void name_advance(CallState& s, uint8_t byte) const;

  struct Tool {
    const ToolSet* set;
    uint32_t index;  // of set->tools
  };

  ToolSets sets_;
  std::vector<Tool> tools_;
  std::vector<std::string> name_texts_;   // sorted: JSON text of the name without its first quote
  std::vector<uint32_t> name_tool_;       // of tools_, for each of name_texts_
  uint32_t first_name_ = 0, last_name_ = 0;  // what the options leave
  ToolChoice choice_ = ToolChoice::automatic;
  uint32_t max_calls_ = 1;
};

}  // namespace thimble
