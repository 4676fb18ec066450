// The formats of JSON Schema as patterns. Where the RFC and common validators differ, the strings
// are those that all of them accept.
#include <array>
#include <string>

#include "grammar/pattern.h"

namespace thimble {
namespace {

const std::string kDate =
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
    "02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|"
    "([02468][048]|[13579][26])00)-02-29)";
const std::string kTime =
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
const std::string kClock = "T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S)";
const std::string kDays = "([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)";
const std::string kLabel = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?";
const std::string kHost = kLabel + "(\\." + kLabel + "){0,5}";
const std::string kOctet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const std::string kUriChar = "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})";

struct Format {
  const char* name;
  std::string pattern;
  std::shared_ptr<const CharDfa> dfa;  // made when first asked for
};

std::array<Format, 9>& formats() {
  static std::array<Format, 9> table = {{
      {"date", kDate, nullptr},
      {"time", kTime, nullptr},
      {"date-time", kDate + "T" + kTime, nullptr},
      {"duration", "P([0-9]+W|" + kDays + "(" + kClock + ")?|" + kClock + ")", nullptr},
      {"email", "[A-Za-z0-9_+-]{1,30}(\\.[A-Za-z0-9_+-]{1,30}){0,1}@" + kLabel + "(\\." + kLabel + "){1,4}", nullptr},
      {"hostname", kHost, nullptr},
      {"ipv4", kOctet + "(\\." + kOctet + "){3}", nullptr},
      {"uri", "[A-Za-z][A-Za-z0-9+.-]*://" + kHost + "(:[0-9]{1,5})?(/" + kUriChar + "*)?(\\?(" +
                  kUriChar + "|\\?)*)?(#(" + kUriChar + "|\\?)*)?", nullptr},
      {"uuid", "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", nullptr},
  }};
  return table;
}

}  // namespace

std::shared_ptr<const CharDfa> format_dfa(std::string_view name) {
  for (Format& format : formats()) {
    if (name != format.name) continue;
    std::string why;
    if (format.dfa == nullptr) format.dfa = compile_pattern("^(" + format.pattern + ")$", why);
    return format.dfa;
  }
  return nullptr;
}

bool is_spoken_format(std::string_view format) {
  return format == "date" || format == "time" || format == "date-time" || format == "duration";
}

}  // namespace thimble
