// Random schemas x an adversarial model: whatever legal bytes or tokens are chosen, there is always a
// legal choice, masks are what they are defined to be, and what is finished is JSON. That it is valid,
// tests/property shows, with validators that share nothing with us.
#include "core/grammar_helpers.h"
#include "core/grammar_walks.h"
#include "core/schema_random.h"
#include "prompt/json.h"

using namespace grammar_test;
using namespace thimble;

namespace {

constexpr size_t kWalks = 1200, kWalksPerList = 8;

bool is_answer(const std::string& text, uint32_t max_calls) {
  rapidjson::Document answer;
  answer.Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  return !answer.HasParseError() && answer.IsArray() && answer.Size() <= max_calls;
}

}  // namespace

TEST_CASE("property: random legal bytes and tokens always end in answers") {
  Random random{std::mt19937_64(1)};
  RandomSchemas schemas(1);
  const TokenWalker walker(pieces().vocabulary);
  TokenGrammar by_token(pieces().vocabulary, ToolSets());
  size_t lists = 0, given_up = 0, refused = 0;
  while (lists * kWalksPerList < kWalks) {
    const std::string tools = schemas.tools();
    ToolSet set;
    if (!compile_tools(tools, {}, set).ok()) {
      ++refused;
      continue;
    }
    ++lists;
    const auto shared = std::make_shared<const ToolSet>(std::move(set));
    CallGrammar by_byte(ToolSets{shared});
    by_token.set_tools({shared});
    for (size_t i = 0; i < kWalksPerList; ++i) {
      const CallOptions options = random_options(random);
      const Walk walk = i % 2 == 0 ? walk_bytes(by_byte, options, random) : walker.walk(by_token, options, random);
      INFO(tools);
      INFO(walk.text);
      REQUIRE(walk.fault == "");
      if (walk.finished) REQUIRE(is_answer(walk.text, options.max_calls));
      given_up += !walk.finished;
    }
  }
  CHECK(refused < lists);
  CHECK(given_up * 20 < kWalks);
}
