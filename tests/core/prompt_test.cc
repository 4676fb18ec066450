// The prompt format: pinned to training/render.py by tests/golden/prompt.json, and its refusals.
#include <doctest/doctest.h>

#include <string>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "core/test_data.h"
#include "prompt/prompt.h"

using namespace thimble;

namespace {

std::string dump(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return buffer.GetString();
}

std::string text_of(const std::string& tool) {
  std::vector<ToolText> texts;
  const Status status = thimble_tool_texts("[" + tool + "]", texts);
  INFO(status.message);
  REQUIRE(status.ok());
  REQUIRE(texts.size() == 1);
  return texts[0].text;
}

}  // namespace

TEST_CASE("tool texts are those of training/render.py") {
  const std::vector<uint8_t> bytes = read_test_file("golden/prompt.json");
  rapidjson::Document golden;
  golden.Parse<rapidjson::kParseFullPrecisionFlag>(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  REQUIRE_FALSE(golden.HasParseError());
  size_t compared = 0;
  for (const auto& c : golden["tool_cases"].GetArray()) {
    const std::string want = c["text"].GetString();
    CHECK(text_of(dump(c["tool"])) == want);
    ++compared;
  }
  CHECK(compared >= 25);
}

TEST_CASE("numbers are written as JavaScript writes them") {
  const std::pair<double, const char*> cases[] = {
      {0, "0"},       {-0.0, "0"},          {5, "5"},           {-20, "-20"},
      {0.1, "0.1"},   {1.5e-7, "1.5e-7"},   {1e21, "1e+21"},    {123456789012345680000.0, "123456789012345680000"},
      {1e-6, "0.000001"}, {12.25, "12.25"}, {1e-7, "1e-7"},     {5e-324, "5e-324"}};
  for (const auto& [value, want] : cases) CHECK(number_text(value) == std::string(want));
}

TEST_CASE("names become snake_case as Needle v1 writes them") {
  const std::pair<const char*, const char*> cases[] = {
      {"getWeather", "get_weather"}, {"HTTPServer", "http_server"}, {"get.weather", "get_weather"},
      {"WEB_SEARCH", "web_search"},  {"a--b", "a_b"},               {"_x_", "x"},
      {"v2Search", "v2_search"},     {"écoute", "coute"},           {"", ""}};
  for (const auto& [name, want] : cases) CHECK(to_snake_case(name) == std::string(want));
}

TEST_CASE("Needle v1 reads the flat style, whichever style is given") {
  const auto text = [](const char* tools) {
    std::string out;
    REQUIRE(needle_tools_text(tools, out).ok());
    return out;
  };
  const std::string flat = R"([{"name":"set_light","parameters":{"room":{"type":"string","required":true},"on":{"type":"boolean"},"x":{}}}])";
  CHECK(text(R"([{"name":"setLight","parameters":{"type":"object","properties":{"room":{"type":"string"},"on":{"type":"boolean"},"x":true},
    "required":["room"]},"examples":["on"]}])") == flat);
  CHECK(text(flat.c_str()) == flat);
  CHECK(text(R"([{"name":"t","parameters":{"type":"object","properties":{}}}])") == R"([{"name":"t","parameters":{}}])");
  CHECK(text("[{\"name\":\"\u00e9a\",\"description\":\"\u00e9\x7f\"}]") == R"([{"name":"a","description":"\u00e9\u007f"}])");
}

TEST_CASE("what is no list of tools is refused with the place") {
  std::vector<ToolText> texts;
  std::string needle;
  const std::string deep = "[{\"name\":\"x\",\"parameters\":" + std::string(60, '[') + std::string(60, ']') + "}]";
  for (const std::string& bad : {std::string("{}"), std::string("[{\"name\":"), std::string("[1"),
                                 std::string("\xff"), std::string(), std::string(100000, '['), deep,
                                 "[" + std::string(kMaxToolsBytes, ' ') + "]"}) {
    CHECK(thimble_tool_texts(bad, texts).code == Code::bad_tools);
    CHECK(needle_tools_text(bad, needle).code == Code::bad_tools);
  }
  for (const char* bad : {"[{}]", "[{\"name\":\"\"}]", "[{\"name\":3}]", "[7]"}) {
    const Status status = thimble_tool_texts(bad, texts);
    CHECK(status.code == Code::bad_tools);
    CHECK(status.message.find("tools[0]") != std::string::npos);
  }
}
