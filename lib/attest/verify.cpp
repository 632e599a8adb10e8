// The steps about the document's content, and the order of all of them; the chain has a file of
// its own.
#include "attest/verify.h"

#include <algorithm>

#include "attest/chain.h"
#include "base/format.h"
#include "base/text.h"
#include "crypto/digest.h"

namespace attest {

using base::Error;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::string_view kNames[] = {
    "kind",  "root",  "certificate", "rights",     "validity",  "issuer", "signature",
    "debug", "nonce", "user_data",   "public_key", "module_id", "age",    "pcrs"};
static_assert(std::size(kNames) == static_cast<std::size_t>(Step::pcrs) + 1);

constexpr std::size_t kShownBytes = 64;

std::string show(const std::optional<Bytes>& field) {
    if (!field) return "none";
    const auto shown = std::span(*field).first(std::min(field->size(), kShownBytes));
    return fmt::format("{} bytes{}{}{}", field->size(), field->empty() ? "" : " ",
                       base::to_hex(shown), shown.size() < field->size() ? "..." : "");
}

std::string in_seconds(milliseconds time) {
    return fmt::format("{}.{:03} s", time.count() / 1000, time.count() % 1000);
}

// What the content is held against, and at which time.
struct Question {
    const Document& document;
    const Settings& settings;
    std::optional<milliseconds> now;  // absent: stored evidence
};

std::optional<Failure> field_failure(Step step, const Bytes& expected,
                                     const std::optional<Bytes>& seen) {
    if (seen && crypto::equal_in_constant_time(expected, *seen)) return std::nullopt;
    return Failure{step, "", show(expected), show(seen)};
}

std::optional<Failure> debug_failure(const Document& document) {
    const auto found = document.pcrs.find(0);
    if (found == document.pcrs.end()) return Failure{Step::debug, "PCR0", "a value", "absent"};
    const auto zeros = std::ranges::count(found->second, std::byte{0});
    if (static_cast<std::size_t>(zeros) < found->second.size()) return std::nullopt;
    return Failure{Step::debug, "PCR0", "a measurement", "all zero, as in debug mode"};
}

std::optional<Failure> age_failure(const Question& question) {
    const milliseconds age = *question.now - question.document.timestamp;
    const Settings& settings = question.settings;
    if (settings.maximum_age && age > *settings.maximum_age) {
        return Failure{Step::age, "",
                       fmt::format("at most {} old", in_seconds(*settings.maximum_age)),
                       in_seconds(age)};
    }
    if (-age > settings.maximum_lead) {
        return Failure{
            Step::age, "",
            fmt::format("at most {} ahead of this clock", in_seconds(settings.maximum_lead)),
            in_seconds(-age)};
    }
    return std::nullopt;
}

std::optional<Failure> register_failure(const Expectations& expected, const Document& document) {
    const auto difference = first_difference(expected, document.pcrs);
    if (!difference) return std::nullopt;
    return Failure{Step::pcrs, fmt::format("PCR{}", difference->index), difference->expected,
                   difference->seen};
}

// Runs one step; false ends the judgement.
bool take(Verdict& verdict, Step step, std::optional<Failure> failure) {
    if (failure) {
        verdict.failure = std::move(failure);
        return false;
    }
    verdict.passed.push_back(step);
    return true;
}

void judge_content(const Question& question, Verdict& verdict) {
    const auto& [document, settings, now] = question;
    if (!settings.allow_debug && !take(verdict, Step::debug, debug_failure(document))) return;
    struct Field {
        Step step;
        const std::optional<Bytes>& expected;
        const std::optional<Bytes>& seen;
    };
    const Field fields[] = {{Step::nonce, settings.nonce, document.nonce},
                            {Step::user_data, settings.user_data, document.user_data},
                            {Step::public_key, settings.public_key, document.public_key}};
    for (const Field& field : fields) {
        if (!field.expected) continue;
        if (!take(verdict, field.step, field_failure(field.step, *field.expected, field.seen))) {
            return;
        }
    }
    if (settings.module_id) {
        std::optional<Failure> failure;
        if (document.module_id != *settings.module_id) {
            failure = Failure{Step::module_id, "", base::quote(*settings.module_id),
                              base::quote(document.module_id)};
        }
        if (!take(verdict, Step::module_id, std::move(failure))) return;
    }
    if (now && !take(verdict, Step::age, age_failure(question))) return;
    if (settings.pcrs) take(verdict, Step::pcrs, register_failure(*settings.pcrs, document));
}

Result<void> check_settings(const Settings& settings, bool stored) {
    if (settings.pcrs && settings.pcrs->empty()) {
        return Error::usage("the expected registers are none", "");
    }
    if (settings.nonce && settings.nonce->empty()) return Error::usage("the nonce is empty", "");
    if (!stored && !settings.nonce && !settings.maximum_age) {
        return Error::usage("neither a nonce nor an age: nothing would show that it is fresh", "");
    }
    return {};
}

// A module whose clock is a little before ours may have a certificate that is not in force yet by
// ours. Going forward revives nothing that expired.
seconds chain_time(const Question& question) {
    const milliseconds time = question.document.timestamp;
    if (!question.now) return std::chrono::floor<seconds>(time);
    const milliseconds now = *question.now;
    const bool small_lead = time > now && time - now <= question.settings.maximum_lead;
    return std::chrono::floor<seconds>(small_lead ? time : now);
}

Result<Verdict> judge(const Question& question, LinkCache* cache) {
    TRY(check_settings(question.settings, !question.now));
    Verdict verdict;
    if (question.document.kind == Kind::emulated) {
        if (!question.settings.allow_emulated) {
            verdict.failure = Failure{Step::kind, "", "a signed document",
                                      "one of an emulated module, which nobody signed"};
            return verdict;
        }
    } else {
        verdict.passed.push_back(Step::kind);
        TRY(judge_chain(question.document, question.settings.root, chain_time(question), cache,
                        verdict));
    }
    if (!verdict.failure) judge_content(question, verdict);
    return verdict;
}

}  // namespace

std::string_view name_of(Step step) {
    return kNames[static_cast<std::size_t>(step)];
}

bool Verdict::proven() const {
    return accepted() && std::ranges::count(passed, Step::signature) == 1;
}

std::string describe(const Verdict& verdict) {
    if (verdict.proven()) return "accepted, and proven by the pinned root";
    if (verdict.accepted()) {
        return "accepted, but nothing is proven: an emulated module made it, which does not sign";
    }
    const Failure& failure = *verdict.failure;
    return fmt::format("rejected at {}{}{}: expected {}, seen {}", name_of(failure.step),
                       failure.place.empty() ? "" : ", ", failure.place, failure.expected,
                       failure.seen);
}

Result<Verdict> verify(const Document& document, const Settings& settings, milliseconds now,
                       LinkCache* cache) {
    return judge({document, settings, now}, cache);
}

Result<Verdict> verify_stored(const Document& document, const Settings& settings,
                              LinkCache* cache) {
    return judge({document, settings, std::nullopt}, cache);
}

}  // namespace attest
