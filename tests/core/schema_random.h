// Seeded random tool lists from the supported subset.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace grammar_test {

class RandomSchemas {
 public:
  explicit RandomSchemas(uint64_t seed) : random_(seed) {}

  std::string tools() {
    std::string out = "[";
    const size_t n = below(3) + 1;
    for (size_t i = 0; i < n; ++i)
      out += (i == 0 ? "" : ",") + std::string("{\"name\":\"") + pick({"a", "ab", "set_light", "é\\\"x", "do it"}) +
             std::to_string(i) + "\",\"parameters\":" + with_defs(object(3)) + "}";
    return out + "]";
  }

 private:
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  bool chance(size_t percent) { return below(100) < percent; }
  std::string pick(const std::vector<std::string>& list) { return list[below(list.size())]; }
  std::string number(int low, int high) { return std::to_string(low + static_cast<int>(below(static_cast<size_t>(high - low + 1)))); }
  std::string decimal() { return number(-20, 20) + pick({"", ".5", ".125", ".05", "e1", "e-2", ".30000000000000004", "e15", "e-14"}); }

  static std::string with_defs(const std::string& object) {
    return "{\"$defs\":{\"color\":{\"enum\":[\"red\",\"green\",\"\"]},\"point\":{\"type\":\"object\",\"required\":[\"x\"],"
           "\"properties\":{\"x\":{\"type\":\"number\"},\"c\":{\"$ref\":\"#/$defs/color\"}}}}," + object.substr(1);
  }

  std::string object(size_t depth) {
    std::string properties, required;
    const size_t n = below(5);
    for (size_t i = 0; i < n; ++i) {
      const std::string key = "\"" + pick({"a", "ab", "abc", "\\\\", "\\\"k", "\\ud83d\\ude00", "\\u0001", "ä"}) + std::to_string(i) + "\"";
      properties += (i == 0 ? "" : ",") + key + ":" + schema(depth - 1);
      if (chance(50)) required += (required.empty() ? "" : ",") + key;
    }
    return "{\"type\":\"object\",\"properties\":{" + properties + "},\"required\":[" + required + "]" +
           pick({"", "", ",\"additionalProperties\":false", ",\"additionalProperties\":true", R"(,"additionalProperties":{"type":"null"})",
                 R"(,"title":"t","description":"d","default":{},"examples":[{}],"$comment":"c","deprecated":true,"readOnly":false)"}) + "}";
  }

  std::string string() {
    if (chance(25)) return R"({"type":"string"})";
    if (chance(25))
      return "{\"type\":\"string\",\"format\":\"" +
             pick({"date", "time", "date-time", "duration", "email", "hostname", "ipv4", "uri", "uuid"}) + "\"" +
             pick({"", "", "", ",\"maxLength\":40", ",\"minLength\":12", ",\"pattern\":\"1\""}) + "}";
    std::string out = R"({"type":"string")";
    if (chance(50))
      out += ",\"pattern\":\"" + pick({"^[a-c]+$", "^(ab|cd)*$", "x", "^\\\\d{2,4}$", "^a?b?c?$", "^[!-~]{3}$", "b$", "^[à-ü]{1,3}$", "^\\\\S.*\\\\s?$",
                                        "^(?:\\\\u{1F600}|\\\\n|\\\"|\\\\\\\\)+$", "^[^a-z]?$", "^$|^\\\\w+-\\\\W$", "(^|,)a($|,)"}) + "\"";
    if (chance(50)) out += ",\"minLength\":" + number(0, 4);
    if (chance(50)) out += ",\"maxLength\":" + number(0, 6);
    return out + "}";
  }

  std::string numeric() {
    if (chance(50)) {
      std::string out = R"({"type":"integer")";
      if (chance(60)) out += ",\"" + pick({"minimum", "exclusiveMinimum"}) + "\":" + number(-150, 60);
      if (chance(60)) out += ",\"" + pick({"maximum", "exclusiveMaximum"}) + "\":" + number(0, 1200);
      if (chance(30)) out += ",\"multipleOf\":" + number(1, 30);
      if (chance(10)) out += ",\"format\":\"" + pick({"int32", "int64"}) + "\"";
      return out + "}";
    }
    std::string out = R"({"type":"number")";
    if (chance(60)) out += ",\"" + pick({"minimum", "exclusiveMinimum"}) + "\":" + decimal();
    if (chance(60)) out += ",\"" + pick({"maximum", "exclusiveMaximum"}) + "\":" + decimal();
    return out + "}";
  }

  std::string choice() {
    return pick({R"({"enum":["a","ab","b"]})", R"({"enum":[1,10,100,-1]})", R"({"enum":[null,true,"x",2.5]})", R"({"const":"só"})",
                 R"({"const":{"a":["b",{}]}})", R"({"enum":["a\"b","\n","\\"]})", R"({"enum":["\ud83d\ude00","\u0000","/","\u2028","\u007f"]})", R"({"enum":[[],[1],[[" "]],{"b":null}]})",
                 R"({"type":"string","enum":["a","bb",3],"minLength":2})", R"({"enum":[1.5,1e3,-0.25,9007199254740991],"maximum":1000})", R"({"type":"boolean"})", R"({"type":"null"})",
                 R"({"type":"integer","enum":[1,5,9],"maximum":6})"});
  }

  std::string choice_of_scalars() { return pick({R"({"enum":["a","ab"]})", R"({"type":"boolean"})", R"({"const":null})"}); }

  std::string array(size_t depth) {
    std::string out = R"({"type":"array")";
    const bool unique = chance(30);
    if (unique) out += ",\"uniqueItems\":true,\"items\":" + pick({R"({"enum":["a","ab","b"]})", R"({"type":"integer","minimum":-2,"maximum":12})",
                         R"({"type":"number","minimum":0,"maximum":0.5})", R"({"type":"string","maxLength":1})", R"({"type":"boolean"})", R"({"type":"string"})"});
    else if (chance(80)) out += ",\"items\":" + schema(depth - 1);
    else if (chance(50)) out += ",\"items\":" + pick({"false", "true"});
    if (!unique && chance(20)) out += ",\"prefixItems\":[" + schema(depth - 1) + "," + schema(depth - 1) + "]";
    if (chance(40)) out += ",\"minItems\":" + number(0, 2);
    if (chance(40)) out += ",\"maxItems\":" + number(1, 4);
    return out + "}";
  }

  std::string joined() {
    return pick({"{\"anyOf\":[" + string() + "," + numeric() + "]}", "{\"anyOf\":[" + choice() + "," + string() + "]}",
                 "{\"anyOf\":[" + choice() + "," + numeric() + "]}",
                 "{\"oneOf\":[" + numeric() + ",{\"type\":\"boolean\"},{\"type\":\"string\",\"maxLength\":2}]}",
                 "{\"anyOf\":[" + array(1) + "," + object(1) + "," + choice_of_scalars() + "]}",
                 "{\"oneOf\":[" + object(1) + "," + string() + "]}", "{\"allOf\":[" + numeric() + "]}",
                 R"({"type":"string","anyOf":[{"minLength":3,"maxLength":5},{"enum":["a"]}]})",
                 R"({"type":["array","boolean"],"items":{"type":"integer"}})", R"({"type":["string","integer","null"]})", R"({"$ref":"#/$defs/color"})", R"({"$ref":"#/$defs/point"})"});
  }

  std::string schema(size_t depth) {
    switch (below(depth == 0 ? 5 : 7)) {
      case 0: return string();
      case 1: return numeric();
      case 2: return choice();
      case 3: return joined();
      case 4: return pick({string(), numeric(), "true", "{\"description\":\"any\"}"});
      case 5: return array(depth);
      default: return object(depth);
    }
  }

  std::mt19937_64 random_;
};

}  // namespace grammar_test
