// The tokenizer against the real SentencePiece (goldens) and against sections that it must refuse.
// build/test-data/tokenizer/<name>.section is packed by js/pack/sentencepiece.ts from the model
// that tests/golden/make_tokenizer_golden.py names <name>.
#include "tokenizer/tokenizer.h"

#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <cmath>
#include <cstring>

#include "core/test_data.h"
#include "prompt/prompt.h"
#include "tokenizer/flags.h"

using thimble::Code;
using thimble::PieceType;
using thimble::Status;
using thimble::TokenId;
using thimble::Tokenizer;
using Ids = std::vector<TokenId>;

namespace {

rapidjson::Document read_json(std::string_view name) {
  const std::vector<uint8_t> bytes = read_test_file(name);
  rapidjson::Document document;
  document.Parse(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  REQUIRE_FALSE(document.HasParseError());
  return document;
}

/// A parsed tokenizer with the section that it views.
struct Loaded {
  explicit Loaded(const std::string& name)
      : section(read_test_file("tokenizer/" + name + ".section")) {
    const Status status = Tokenizer::parse(section, tokenizer);
    REQUIRE_MESSAGE(status.ok(), status.message);
  }
  std::vector<uint8_t> section;
  Tokenizer tokenizer;
};

std::string string_of(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

Ids ids_of(const rapidjson::Value& array) {
  Ids ids;
  for (const auto& id : array.GetArray()) ids.push_back(id.GetInt());
  return ids;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Ids encode(const Tokenizer& tokenizer, std::string_view text) {
  Ids ids;
  const Status status = tokenizer.encode(text, ids);
  REQUIRE_MESSAGE(status.ok(), status.message);
  return ids;
}

/// Builds a section by hand. As constructed it is valid: six specials, "a", "b", "ab".
struct Section {
  struct Piece {
    std::string text;
    float score;
    uint8_t type;
  };
  uint32_t flags = 0;
  int32_t pad = 0, eos = 1, bos = 2;
  std::string unk_surface = "?";
  std::vector<Piece> pieces = {{"<pad>", 0, 3},       {"</s>", 0, 3},    {"<s>", 0, 3},
                               {"<unk>", 0, 2},       {"<tool_call>", 0, 3},
                               {"<tools>", 0, 3},     {"a", -1, 1},      {"b", -2, 1},
                               {"ab", -0.5f, 1}};

  std::vector<uint8_t> bytes() const {
    std::string text, scores, offsets, types;
    const auto put = [](std::string& out, auto value) {
      out.append(reinterpret_cast<const char*>(&value), sizeof value);
    };
    for (const Piece& piece : pieces) {
      put(scores, piece.score);
      put(offsets, static_cast<uint32_t>(text.size()));
      put(types, piece.type);
      text += piece.text;
    }
    put(offsets, static_cast<uint32_t>(text.size()));
    std::string out;
    for (const size_t word : {size_t{flags}, pieces.size(), text.size(), unk_surface.size()}) {
      put(out, static_cast<uint32_t>(word));
    }
    for (const int32_t id : {pad, eos, bos}) put(out, id);
    out += scores + offsets + types + text + unk_surface;
    return {out.begin(), out.end()};
  }
};

/// The message of the refusal; fails the test if the section is accepted or blamed on other code.
std::string refusal(const std::vector<uint8_t>& bytes) {
  Tokenizer tokenizer;
  const Status status = Tokenizer::parse(bytes, tokenizer);
  CHECK(status.code == Code::bad_tokenizer);
  CHECK(tokenizer.size() == 0);
  return status.message;
}

std::string refusal(const Section& section) { return refusal(section.bytes()); }

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("encoding and decoding give SentencePiece's answers for every golden text and model") {
  const rapidjson::Document golden = read_json("golden/tokenizer.json");
  std::vector<std::string> texts;
  for (const auto& text : golden["texts"].GetArray()) texts.push_back(from_hex(string_of(text)));
  REQUIRE(texts.size() > 300);
  REQUIRE(golden["models"].MemberCount() == 8);
  for (const auto& model : golden["models"].GetObject()) {
    const std::string name = string_of(model.name);
    CAPTURE(name);
    const Loaded loaded(name);
    const auto& ids = model.value["encode"];
    REQUIRE(ids.Size() == texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(texts[i]);
      CHECK(encode(loaded.tokenizer, texts[i]) == ids_of(ids[static_cast<unsigned>(i)]));
    }
    for (const auto& pair : model.value["decode"].GetArray()) {
      CHECK(loaded.tokenizer.decode(ids_of(pair[0])) == string_of(pair[1]));
    }
  }
}

TEST_CASE("query and encoder ids of all 36 reference cases are identical") {
  const Loaded loaded("reference");
  const Tokenizer& tokenizer = loaded.tokenizer;
  const rapidjson::Document reference = read_json("reference/cases.json");
  const size_t max_length = reference["config"]["max_seq_len"].GetUint();
  REQUIRE(reference["cases"].Size() == 36);
  for (const auto& reference_case : reference["cases"].GetArray()) {
    const std::string query = string_of(reference_case["query"]);
    CAPTURE(query);
    Ids ids = encode(tokenizer, query);
    CHECK(ids == ids_of(reference_case["query_ids"]));

    std::string tools;
    REQUIRE(thimble::needle_tools_text(string_of(reference_case["tools"]), tools).ok());
    ids.push_back(tokenizer.tools());
    for (const TokenId id : encode(tokenizer, tools)) ids.push_back(id);
    ids.resize(std::min(ids.size(), max_length));
    CHECK(ids == ids_of(reference_case["encoder_ids"]));
  }
}

TEST_CASE("special pieces of both models have the ids that the prompt format states") {
  for (const char* name : {"reference", "thimble"}) {
    const Loaded loaded(name);
    const Tokenizer& t = loaded.tokenizer;
    CHECK(Ids{t.pad(), t.eos(), t.bos(), t.unk(), t.tool_call(), t.tools()} ==
          Ids{0, 1, 2, 3, 4, 5});
    CHECK(t.piece(t.tools()) == "<tools>");
    CHECK(t.type(t.eos()) == PieceType::control);
    CHECK(t.type(t.unk()) == PieceType::unknown);
  }
}

TEST_CASE("text that spells a control piece of our model is ordinary text and comes back") {
  const Loaded loaded("thimble");
  const Tokenizer& t = loaded.tokenizer;
  for (const char* text : {"<tools>", "<tool_call>", "</s>", "a <s> b", "<unk>", "<0x41>"}) {
    const Ids ids = encode(t, text);
    for (const TokenId id : ids) CHECK(t.type(id) == PieceType::normal);
    CHECK(t.decode(ids) == text);
  }
}

TEST_CASE("our model keeps every valid text: white space, control characters, any script") {
  const Loaded loaded("thimble");
  for (const char* text : {" ", "  two  spaces  ", "\ttab\n\r\n", "\x01\x7f", "日本語 مرحبا 😀",
                           "e\xCC\x81", "\xEF\xBF\xBD", "0123456789"}) {
    CHECK(loaded.tokenizer.decode(encode(loaded.tokenizer, text)) == text);
  }
}

TEST_CASE("piece, type and byte_value are safe for every id") {
  const Loaded loaded("thimble");
  const Tokenizer& t = loaded.tokenizer;
  const auto size = static_cast<TokenId>(t.size());
  for (const TokenId id : {-1, INT32_MIN, size, INT32_MAX}) {
    CHECK(t.piece(id).empty());
    CHECK(t.type(id) == PieceType::unknown);
    CHECK(t.byte_value(id) == -1);
    CHECK(t.decode(Ids{id, id}).empty());
  }
  std::vector<int> seen(256);
  for (TokenId id = 0; id < size; ++id) {
    CHECK((t.byte_value(id) >= 0) == (t.type(id) == PieceType::byte));
    if (t.byte_value(id) >= 0) ++seen[static_cast<size_t>(t.byte_value(id))];
  }
  CHECK(seen == std::vector<int>(256, 1));
}

TEST_CASE("encode appends, and refuses a text beyond its limit without touching the output") {
  const Loaded loaded("thimble");
  Ids ids = {7};
  REQUIRE(loaded.tokenizer.encode("hello", ids).ok());
  CHECK(ids.size() > 1);
  CHECK(ids[0] == 7);
  const Ids before = ids;
  const std::string long_text(Tokenizer::kMaxTextBytes + 1, 'a');
  const Status status = loaded.tokenizer.encode(long_text, ids);
  CHECK(status.code == Code::bad_input);
  CHECK(contains(status.message, "1048577 bytes"));
  CHECK(ids == before);
}

TEST_CASE("the longest allowed text of one repeated letter is encoded") {
  const Loaded loaded("thimble");
  const std::string text(Tokenizer::kMaxTextBytes, 'a');
  CHECK(loaded.tokenizer.decode(encode(loaded.tokenizer, text)) == text);
}

TEST_CASE("the hand-made section is accepted and merges") {
  const std::vector<uint8_t> bytes = Section{}.bytes();
  Tokenizer tokenizer;
  REQUIRE(Tokenizer::parse(bytes, tokenizer).ok());
  CHECK(encode(tokenizer, "abxyb") == Ids{8, 3, 7});
  CHECK(tokenizer.decode(Ids{8, 3, 7}) == "ab?b");
}

TEST_CASE("a control piece is not matched even where merging would spell it") {
  Section section;
  section.pieces[8].type = 3;  // "ab"
  const std::vector<uint8_t> bytes = section.bytes();
  Tokenizer tokenizer;
  REQUIRE(Tokenizer::parse(bytes, tokenizer).ok());
  CHECK(encode(tokenizer, "ab") == Ids{6, 7});
}

TEST_CASE("a section cut off anywhere, or with a byte too many, is refused") {
  std::vector<uint8_t> bytes = Section{}.bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A copy of exactly this size, so that the sanitizer sees any read past the end.
    refusal(std::vector<uint8_t>(bytes.begin(), bytes.begin() + static_cast<long>(size)));
  }
  bytes.push_back(0);
  CHECK(contains(refusal(bytes), "declared"));
}

TEST_CASE("counts that would overflow or allocate too much are refused") {
  const std::vector<uint8_t> good = Section{}.bytes();
  for (const size_t field : {1, 2, 3}) {
    for (const uint32_t value : {0u, 10u, 65537u, 0x7fffffffu, 0xffffffffu}) {
      std::vector<uint8_t> bytes = good;
      std::memcpy(bytes.data() + 4 * field, &value, 4);
      refusal(bytes);
    }
  }
  for (size_t i = 0; i <= Section{}.pieces.size(); ++i) {  // offsets
    for (const uint32_t value : {0xffffffffu, 0x80000000u, 1000u}) {
      std::vector<uint8_t> bytes = good;
      std::memcpy(bytes.data() + 28 + 4 * (Section{}.pieces.size() + i), &value, 4);
      refusal(bytes);
    }
  }
}

TEST_CASE("each broken rule of the format is refused with a message that names it") {
  const auto broken = [](auto change) {
    Section section;
    change(section);
    return refusal(section);
  };
  CHECK(contains(broken([](Section& s) { s.flags = 32; }), "flags"));
  CHECK(contains(broken([](Section& s) { s.flags = thimble::kByteFallback; }), "256 byte pieces"));
  CHECK(contains(broken([](Section& s) { s.unk_surface = "\xff"; }), "unknown surface"));
  CHECK(contains(broken([](Section& s) { s.unk_surface.assign(257, 'x'); }), "unknown surface"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].text = ""; }), "piece 6 is empty"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].text.assign(257, 'x'); }), "longer"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].text = "\xc0\x80"; }), "UTF-8"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].text = std::string(1, '\0'); }), "UTF-8"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].text = "b"; }), "piece 7 is there twice"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].text = "<s>"; }), "piece 6 is there twice"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].score = NAN; }), "score"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].score = -INFINITY; }), "score"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].type = 0; }), "type"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].type = 7; }), "type"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].type = 2; }), "second unknown"));
  CHECK(contains(broken([](Section& s) { s.pieces[3].type = 3; }), "no unknown piece"));
  CHECK(contains(broken([](Section& s) { s.pieces[6].type = 6; }), "without byte fallback"));
  CHECK(contains(broken([](Section& s) { s.pad = 6; }), "control"));
  CHECK(contains(broken([](Section& s) { s.eos = -1; }), "control"));
  CHECK(contains(broken([](Section& s) { s.bos = 9; }), "control"));
  CHECK(contains(broken([](Section& s) { s.pieces[5].text = "<tool>"; }), "<tools>"));
  CHECK(contains(broken([](Section& s) { s.pieces[4].type = 1; }), "piece 4"));
}

TEST_CASE("byte pieces must be spelled <0x00> to <0xFF>, all 256") {
  Section section;
  section.flags = thimble::kByteFallback;
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    section.pieces.push_back({text, 0, 6});
  }
  const std::vector<uint8_t> bytes = section.bytes();
  Tokenizer tokenizer;
  REQUIRE(Tokenizer::parse(bytes, tokenizer).ok());
  CHECK(encode(tokenizer, "a\xff") == Ids{6, 9 + 0xEF, 9 + 0xBF, 9 + 0xBD});
  CHECK(tokenizer.decode(Ids{9 + 0xE2, 9 + 0x82, 6, 9 + 0xC3, 9 + 0xA9}) ==
        "\xEF\xBF\xBD\xEF\xBF\xBD" "a\xC3\xA9");
  section.pieces[9 + 0xAB].text = "<0xab>";
  CHECK(contains(refusal(section), "<0x00> to <0xFF>"));
}
