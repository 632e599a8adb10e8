// Evidence, against expectations or memory.
#include "judge.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "attest/root.h"
#include "attest/verify.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "known_enclaves_file.h"
#include "say.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

constexpr std::size_t kMaximumFile = std::size_t{64} * 1024;
constexpr unsigned kShownRegisters[] = {0, 1, 2, 8};

Result<crypto::Link> root_of(const std::string& file) {
    if (file.empty()) return attest::aws_nitro_root();
    const std::string content = TRY(base::read_file(file, kMaximumFile));
    return attest::read_root(content, file);
}

// A cache that cannot be read or written only costs time.
attest::LinkCache load_cache(const std::string& file) {
    attest::LinkCache cache;
    if (::access(file.c_str(), R_OK) != 0) return cache;
    const Result<std::string> text = base::read_file(file, kMaximumFile);
    if (text.ok()) (void)cache.add_text(text.value());
    return cache;
}

Result<void> save_cache(const attest::LinkCache& cache, const std::string& file) {
    TRY(base::make_parents(file, 0700));
    base::OutputFile output = TRY(base::OutputFile::create(file, 0600));
    TRY(base::write_all(output.fd(), base::as_bytes(cache.to_text()), file));
    return output.commit();
}

Result<attest::Settings> settings_for(std::span<const std::byte> nonce,
                                      std::span<const std::byte> binding,
                                      const JudgeSettings& wanted) {
    attest::Settings settings(TRY(root_of(wanted.root_file)));
    settings.nonce.emplace(nonce.begin(), nonce.end());
    settings.user_data.emplace(binding.begin(), binding.end());
    settings.allow_debug = wanted.allow_debug;
    settings.allow_emulated = wanted.allow_emulated;
    if (!wanted.expectations_file.empty()) {
        const std::string text = TRY(base::read_file(wanted.expectations_file, kMaximumFile));
        Result<attest::Expectations> expected = attest::parse_expectations(text);
        if (!expected.ok()) return std::move(expected).error().at(wanted.expectations_file);
        settings.pcrs = std::move(expected).value();
    }
    return settings;
}

std::string hint_for(attest::Step step) {
    switch (step) {
        case attest::Step::kind:
            return "an emulated enclave proves nothing; --allow-emulated accepts it for tests";
        case attest::Step::debug:
            return "the enclave runs in debug mode and proves nothing; --allow-debug accepts it";
        case attest::Step::nonce:
        case attest::Step::user_data:
            return "the evidence was made for another connection: somebody may be in the middle";
        case attest::Step::pcrs: return "another image runs there than the one that --pcrs tells";
        default: return "the evidence is not genuine";
    }
}

void tell_registers(const Accepted& accepted) {
    for (const unsigned index : kShownRegisters) {
        const auto found = accepted.pcrs.find(index);
        if (found == accepted.pcrs.end()) continue;
        if (index > 2 &&
            std::ranges::all_of(found->second, [](std::byte b) { return b == std::byte{0}; })) {
            continue;
        }
        say(fmt::format("  PCR{} {}", index, base::to_hex(found->second)));
    }
}

// The registers that are remembered; a document without one of them has it as zeros.
Measured measured(const Accepted& accepted) {
    const auto get = [&](unsigned index) {
        Register value{};
        const auto found = accepted.pcrs.find(index);
        if (found != accepted.pcrs.end() && found->second.size() == value.size()) {
            std::ranges::copy(found->second, value.begin());
        }
        return value;
    };
    Measured seen{get(0), get(1), get(2), {}, !accepted.proven};
    if (get(8) != Register{}) seen.pcr8 = get(8);
    return seen;
}

Result<void> compare_with_memory(Accepted& accepted, const JudgeSettings& settings) {
    const Measured seen = measured(accepted);
    const std::vector<KnownEnclave> known = TRY(load_known(settings.known_file));
    const Recognition recognition = recognise(known, settings.address, seen);
    if (recognition.answer == Recognition::Answer::same) {
        accepted.by = "known";
        return {};
    }
    const std::string address = base::escape(to_string(settings.address));
    if (recognition.answer == Recognition::Answer::changed) {
        const Change& change = recognition.changes.front();
        return Error(
                   ExitCode::refused,
                   fmt::format("the enclave at {} is not the one seen before: {} was {} and is {}",
                               address, change.what, change.expected, change.seen))
            .with_hint(fmt::format("if its image was replaced, remove its line from {}; --pcrs "
                                   "needs no memory",
                                   settings.known_file));
    }
    accepted.by = "first seen";
    say(fmt::format("accepting what runs at {} without an expectation, and remembering it:",
                    address));
    tell_registers(accepted);
    return remember(settings.known_file, settings.address, seen);
}

}  // namespace

Result<Accepted> judge(std::span<const std::byte> document, std::span<const std::byte> nonce,
                       std::span<const std::byte> binding, const JudgeSettings& wanted) {
    Result<attest::Document> decoded = attest::decode(document);
    if (!decoded.ok()) {
        Error error = std::move(decoded).error();
        error.code = ExitCode::refused;
        return error;
    }
    const attest::Settings settings = TRY(settings_for(nonce, binding, wanted));
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    attest::LinkCache cache = load_cache(wanted.verified_file);
    const std::string known_before = cache.to_text();
    const attest::Verdict verdict = TRY(attest::verify(decoded.value(), settings, now, &cache));
    if (cache.to_text() != known_before) (void)save_cache(cache, wanted.verified_file);
    if (!verdict.accepted()) {
        return Error(ExitCode::refused, "the evidence is " + attest::describe(verdict))
            .with_hint(hint_for(verdict.failure->step));
    }
    Accepted accepted;
    accepted.module_id = base::escape(decoded.value().module_id);
    accepted.proven = verdict.proven();
    accepted.pcrs = decoded.value().pcrs;
    if (!accepted.proven) {
        say("WARNING: the evidence is emulated and proves nothing about what runs there");
    }
    if (settings.pcrs.has_value()) {
        accepted.by = "expected";
        return accepted;
    }
    TRY(compare_with_memory(accepted, wanted));
    return accepted;
}

}  // namespace pipeline
