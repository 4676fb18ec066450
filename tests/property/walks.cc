// walks NUMBER SEED TOKENIZER_SECTION: that many walks through the grammars of random tool lists, three of four byte by
// byte and the others token by token, as lines of JSON for tests/property/main.ts:
//   {"tools":[...],"maxCalls":3,"answers":["[...]",...]}
// and a last line {"walks":N,"givenUp":N,"lists":N,"refused":{"why":N}}. Exit code 1 with a message if the grammar breaks its word.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/grammar_walks.h"
#include "core/schema_random.h"
#include "grammar/tool_schema.h"
#include "prompt/json.h"

using namespace grammar_test;
using namespace thimble;

namespace {

constexpr size_t kWalksPerList = 64;

bool read_file(const char* path, std::vector<uint8_t>& out) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  uint8_t block[65536];
  for (size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;) out.insert(out.end(), block, block + n);
  std::fclose(file);
  return true;
}

std::string quoted(std::string_view text) {
  std::string out;
  json::append_string(text, json::Strings::utf8, out);
  return out;
}

struct Totals {
  size_t walks = 0, given_up = 0, lists = 0;
  std::map<std::string, size_t> refused;
};

/// False after a fault, which it prints.
bool walk_list(const std::string& tools, TokenGrammar& by_token, const TokenWalker& walker, size_t walks, Random& random, Totals& totals) {
  ToolSet set;
  if (const Status s = compile_tools(tools, {}, set); !s.ok()) {
    ++totals.refused[s.message.substr(s.message.rfind(": ") + 2)];
    return true;
  }
  ++totals.lists;
  const auto shared = std::make_shared<const ToolSet>(std::move(set));
  CallGrammar by_byte(ToolSets{shared});
  by_token.set_tools({shared});
  std::string answers;
  for (size_t i = 0; i < walks; ++i, ++totals.walks) {
    const CallOptions options = random_options(random);
    const Walk walk = i % 4 != 0 ? walk_bytes(by_byte, options, random) : walker.walk(by_token, options, random);
    if (!walk.fault.empty()) {
      std::fprintf(stderr, "%s\ntools: %s\nanswer: %s\n", walk.fault.c_str(), tools.c_str(), walk.text.c_str());
      return false;
    }
    totals.given_up += !walk.finished;
    if (walk.finished) answers += (answers.empty() ? "" : ",") + quoted(walk.text);
  }
  std::printf("{\"tools\":%s,\"maxCalls\":3,\"answers\":[%s]}\n", tools.c_str(), answers.c_str());
  return true;
}

void print(const Totals& totals) {
  std::string refused;
  for (const auto& [why, count] : totals.refused) refused += (refused.empty() ? "" : ",") + quoted(why) + ":" + std::to_string(count);
  std::printf("{\"walks\":%zu,\"givenUp\":%zu,\"lists\":%zu,\"refused\":{%s}}\n", totals.walks, totals.given_up, totals.lists, refused.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<uint8_t> section;
  Tokenizer tokenizer;
  Vocabulary vocabulary;
  if (argc != 4 || !read_file(argv[3], section) || !Tokenizer::parse(section, tokenizer).ok() ||
      !Vocabulary::create(tokenizer, vocabulary).ok()) {
    std::fprintf(stderr, "usage: walks NUMBER SEED TOKENIZER_SECTION\n");
    return 2;
  }
  const size_t walks = std::strtoull(argv[1], nullptr, 10), seed = std::strtoull(argv[2], nullptr, 10);
  Random random{std::mt19937_64(seed)};
  RandomSchemas schemas(seed);
  const TokenWalker walker(vocabulary);
  TokenGrammar by_token(vocabulary, ToolSets());
  Totals totals;
  while (totals.walks < walks)
    if (!walk_list(schemas.tools(), by_token, walker, std::min(kWalksPerList, walks - totals.walks), random, totals)) return 1;
  print(totals);
  return 0;
}
