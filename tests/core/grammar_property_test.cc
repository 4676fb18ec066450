// Random schemas x an adversarial model: whatever legal bytes or tokens are chosen, every finished
// answer parses and fits its schema, and there is always a legal choice.
// THIMBLE_WALKS and THIMBLE_SEED set their number and the seed.
#include <map>

#include "core/grammar_helpers.h"
#include "core/schema_random.h"
#include "core/schema_validator.h"
#include "grammar/token_mask.h"

using namespace grammar_test;
using namespace thimble;

namespace {

constexpr size_t kWalksPerSchema = 8;
constexpr size_t kWordyBytes = 150;   // from here on the walk prefers to close what is open
constexpr size_t kLongestAnswer = 4000;

// By index: comparing RapidJSON's mutable iterators is ambiguous in C++20.
rapidjson::Value::Member& member_at(rapidjson::Value& object, rapidjson::SizeType i) {
  return *(object.MemberBegin() + static_cast<std::ptrdiff_t>(i));
}

/// Strips the space that begins every string value.
void strip(rapidjson::Value& v, rapidjson::Document::AllocatorType& memory) {
  if (v.IsString()) {
    const std::string text(v.GetString(), v.GetStringLength());
    REQUIRE(text.substr(0, 1) == " ");
    v.SetString(text.data() + 1, static_cast<rapidjson::SizeType>(text.size() - 1), memory);
  }
  if (v.IsArray())
    for (auto& item : v.GetArray()) strip(item, memory);
  if (v.IsObject())
    for (rapidjson::SizeType i = 0; i < v.MemberCount(); ++i) strip(member_at(v, i).value, memory);
}

bool is_required(const rapidjson::Value& schema, const rapidjson::Value& key) {
  for (const auto& name : schema["required"].GetArray())
    if (name == key) return true;
  return false;
}

/// Arguments as the page gets them, after those that were not said are taken out of the question.
bool call_is_valid(const rapidjson::Value& schema, rapidjson::Value& arguments, rapidjson::Document::AllocatorType& memory) {
  const Validator validator(schema);
  for (rapidjson::SizeType i = 0; i < arguments.MemberCount(); ++i) {
    auto& member = member_at(arguments, i);
    for (rapidjson::SizeType j = 0; j < i; ++j)
      if (member_at(arguments, j).name == member.name) return false;
    strip(member.value, memory);
    if (!schema["properties"].HasMember(member.name)) return false;
    const bool missing = member.value.IsNull() && is_required(schema, member.name);
    if (!missing && !validator.valid(schema["properties"][member.name], member.value)) return false;
  }
  for (const auto& name : schema["required"].GetArray())
    if (!arguments.HasMember(name)) return false;
  return true;
}

bool answer_is_valid(const rapidjson::Document& tools, std::string_view text, uint32_t max_calls) {
  rapidjson::Document answer;
  answer.Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  if (answer.HasParseError() || !answer.IsArray() || answer.Size() > max_calls) return false;
  for (auto& call : answer.GetArray()) {
    const rapidjson::Value* of = nullptr;
    for (const auto& tool : tools.GetArray())
      if (tool["name"] == call["name"]) of = &tool;
    if (of == nullptr || call.MemberCount() != 2) return false;
    if (!call_is_valid((*of)["parameters"], call["arguments"], answer.GetAllocator())) return false;
  }
  return true;
}

struct Random {
  std::mt19937_64 engine;
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(engine); }
};

/// Closing bytes are preferred when a walk has become long, so that it ends.
int choose_byte(const ByteSet& legal, size_t written, Random& random) {
  const bool hurry = random.below(4) < (written > kWordyBytes ? 3u : 1u);
  if (hurry)
    for (const char closing : std::string_view("\"]}"))
      if (legal[static_cast<uint8_t>(closing)]) return closing;
  if (legal.none()) return -1;
  ByteSet some = legal;  // rather ASCII: patterns are
  if (random.below(4) != 0) some &= ~(~ByteSet() << 128);
  if (some.none()) some = legal;
  size_t nth = random.below(some.count());
  for (int b = 0;; ++b)
    if (some[static_cast<size_t>(b)] && nth-- == 0) return b;
}

/// The answer; empty if it was still open when the walk was given up.
std::string walk_bytes(CallGrammar& grammar, const CallOptions& options, Random& random) {
  CallState state;
  REQUIRE(grammar.start(options, state).ok());
  std::string text;
  while (!grammar.finished(state) && text.size() < kLongestAnswer) {
    const int byte = choose_byte(grammar.next_bytes(state), text.size(), random);
    INFO(text);
    REQUIRE(byte >= 0);
    grammar.advance(state, static_cast<uint8_t>(byte));
    text += static_cast<char>(byte);
  }
  return grammar.finished(state) ? text : "";
}

TokenId choose_token(std::span<const uint64_t> mask, const Vocabulary& vocabulary, size_t written, Random& random) {
  std::vector<TokenId> legal, closing;
  for (size_t w = 0; w < mask.size(); ++w)
    for (uint64_t word = mask[w]; word != 0; word &= word - 1) {
      TokenId id = static_cast<TokenId>(w * 64);
      while ((word >> (id % 64) & 1) == 0) ++id;
      legal.push_back(id);
      if (vocabulary.bytes(id).find_first_of("\"]}") != std::string::npos) closing.push_back(id);
    }
  if (!closing.empty() && random.below(4) < (written > kWordyBytes ? 3u : 1u)) legal = closing;
  return legal.empty() ? -1 : legal[random.below(legal.size())];
}

std::string walk_tokens(TokenGrammar& grammar, const CallOptions& options, Random& random) {
  REQUIRE(grammar.start(options).ok());
  std::vector<TokenId> taken;
  while (!grammar.done() && grammar.text().size() < kLongestAnswer) {
    grammar.take_forced(taken);
    if (grammar.done()) break;
    const TokenId token = choose_token(grammar.mask(), pieces().vocabulary, grammar.text().size(), random);
    INFO(std::string(grammar.text()));
    REQUIRE(token >= 0);
    taken.push_back(token);
    REQUIRE(grammar.accept(token));
  }
  std::string spelled;
  for (const TokenId id : taken) spelled += pieces().vocabulary.bytes(id);
  CHECK(spelled.substr(pieces().vocabulary.leading_space()) == grammar.text());
  return grammar.done() ? std::string(grammar.text()) : "";
}

CallOptions random_options(Random& random) {
  CallOptions options;
  options.tool_choice = random.below(4) == 0 ? ToolChoice::automatic : ToolChoice::required;
  options.max_calls = static_cast<uint32_t>(random.below(3) + 1);
  return options;
}

void check_walks(size_t walks, size_t seed, bool tokens) {
  Random random{std::mt19937_64(seed)};
  RandomSchemas schemas(seed);
  size_t refused = 0, compiled = 0, done = 0, open = 0;
  std::map<std::string, size_t> reasons;
  while (done < walks) {
    const std::string text = schemas.tools();
    ToolSet set;
    if (const Status s = compile_tools(text, {}, set); !s.ok()) {
      ++refused;
      ++reasons[s.message.substr(s.message.rfind(": "))];
      continue;
    }
    ++compiled;
    rapidjson::Document tools;
    tools.Parse<rapidjson::kParseFullPrecisionFlag>(text.c_str());
    CallGrammar grammar(set);
    TokenGrammar token_grammar(pieces().vocabulary, set);
    for (size_t i = 0; i < kWalksPerSchema && done < walks; ++i, ++done) {
      const CallOptions options = random_options(random);
      const std::string answer = tokens ? walk_tokens(token_grammar, options, random) : walk_bytes(grammar, options, random);
      if (answer.empty()) {
        ++open;
        continue;
      }
      INFO(text);
      INFO(answer);
      REQUIRE(answer_is_valid(tools, answer, options.max_calls));
    }
  }
  CHECK(refused < compiled);
  CHECK(open * 20 < walks);
  MESSAGE(done << " walks over " << compiled << " tool lists valid; " << refused << " lists refused, " << open << " walks given up");
  for (const auto& [reason, count] : reasons) MESSAGE("  " << count << reason);
}

}  // namespace

TEST_CASE("property: random legal bytes always end in valid calls") {
  check_walks(number_from_environment("THIMBLE_WALKS", 2000), number_from_environment("THIMBLE_SEED", 1), false);
}

TEST_CASE("property: random legal tokens always end in valid calls") {
  check_walks(number_from_environment("THIMBLE_WALKS", 2000) / 4, number_from_environment("THIMBLE_SEED", 1), true);
}
