// Two tools that have something of everything, and answers with them.
#pragma once

#include <string>
#include <vector>

namespace grammar_test {

inline const std::string kTools = R"([
  {"name":"set_light","parameters":{"type":"object","required":["room"],"properties":{
    "room":{"type":"string"},"level":{"type":"integer","minimum":0,"maximum":100},"color":{"enum":["red","warm white"]}}}},
  {"name":"send_message","parameters":{"type":"object","required":["to","text"],"properties":{
    "to":{"type":"string","format":"email"},"text":{"type":"string","maxLength":12},
    "tags":{"type":"array","uniqueItems":true,"items":{"type":"string","maxLength":4}},
    "code":{"type":"string","pattern":"^[A-Z]{2}-[0-9]+$"},"mode":{"anyOf":[{"const":"auto pilot"},{"type":"string","pattern":"^a"}]}}}}])";

inline const std::vector<std::string> kAnswers = {
    R"([])",
    R"([{"name":"set_light","arguments":{"room":" kitchen","level":20,"color":" warm white"}}])",
    R"([{"name":"set_light","arguments":{"room":null}},{"name":"set_light","arguments":{"room":" a \"b\" 日本 😀\n","level":100}}])",
    R"([{"name":"send_message","arguments":{"to":" ada@example.org","text":" hello you","tags":[" a"," bcde"," \u0001"],"code":" AB-12","mode":" auto pilot"}}])"};

}  // namespace grammar_test
