// What a finished answer says: calls, or why there is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer/calibration.h"
#include "answer/evidence.h"
#include "answer/writer.h"

namespace thimble {

/// Paths are JSON arrays of keys and indices, from the arguments down, as the value was said: ["to",0].
struct ArgumentEvidence {
  std::string path;
  float confidence = 0;
  std::optional<QuerySpan> span;  // bytes of the query; none if the value was not taken from it
};

struct InvalidValue {
  std::string path;
  std::string value;  // JSON text
};

struct AnsweredCall {
  std::string tool;
  std::string arguments;             // JSON object; without what is missing or invalid
  std::vector<std::string> missing;  // required parameters that were not said; inner ones as "outer.inner"
  std::vector<InvalidValue> invalid;
  float confidence = 0;
  std::vector<ArgumentEvidence> evidence;  // of every string, number and boolean
};

struct Answer {
  enum class Outcome { call, irrelevant, missing, invalid };

  Outcome outcome = Outcome::irrelevant;
  /// Sum of the log-probabilities of all decisions, and what the calibration makes of it.
  double log_probability = 0;
  float confidence = 1;
  std::vector<AnsweredCall> calls;
};

/// Tokens of one answer.
struct AnswerCounts {
  size_t query = 0;   // of the query segment
  size_t answer = 0;  // written so far
  size_t forced = 0;  // of these: taken without logits
  size_t passes = 0;  // calls of the decoder
};

/// `writer` is done. `query`: the text that was answered.
///
/// Confidence is one function of a sum of log-probabilities (Calibration): of all decisions for the answer, of
/// those that begin in the call for a call, of those that begin between the value before and the end of the
/// value for an argument (its key, if it could have been another, and its value). So an argument is never less
/// certain than its call, nor a call than the answer.
Answer read_answer(const AnswerWriter& writer, std::string_view query, const Calibration& calibration);

/// As web/engine.ts declares it: spans in UTF-16 units.
std::string to_json(const Answer& answer, std::string_view query, const AnswerCounts& counts);

}  // namespace thimble
