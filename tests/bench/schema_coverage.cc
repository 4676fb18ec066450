// Which tools of a JSONL file (one tool a line) the grammar can enforce, and why not the others:
//   xz -dc ../shared/data/text/openapi_tools.jsonl.xz | build/native/schema_coverage
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "grammar/tool_schema.h"

namespace {

/// "tools[0] (name).parameters.properties.x.format: int is not ..." -> "format: int is not ...".
std::string reason_of(const std::string& message) {
  const size_t colon = message.find(": ");
  const size_t dot = message.rfind('.', colon);
  return colon == std::string::npos || dot == std::string::npos ? message : message.substr(dot + 1);
}

}  // namespace

int main() {
  size_t tools = 0, compiled = 0;
  double microseconds = 0, slowest = 0;
  std::map<std::string, size_t> reasons;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.empty()) continue;
    ++tools;
    thimble::ToolSet set;
    const auto begin = std::chrono::steady_clock::now();
    const thimble::Status status = thimble::compile_tools("[" + line + "]", {}, set);
    const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
    microseconds += us;
    slowest = std::max(slowest, us);
    compiled += status.ok();
    if (!status.ok()) ++reasons[reason_of(status.message)];
  }
  std::printf("%zu of %zu tools compile (%.2f %%), %.1f us a tool, at most %.0f us\n", compiled, tools,
              100.0 * static_cast<double>(compiled) / static_cast<double>(std::max<size_t>(tools, 1)),
              microseconds / static_cast<double>(std::max<size_t>(tools, 1)), slowest);
  std::vector<std::pair<size_t, std::string>> sorted;
  for (const auto& [reason, count] : reasons) sorted.emplace_back(count, reason);
  std::sort(sorted.rbegin(), sorted.rend());
  for (size_t i = 0; i < sorted.size() && i < 30; ++i) std::printf("%7zu  %s\n", sorted[i].first, sorted[i].second.c_str());
}
