// Lines, and what differs between two measurements.
#include "known_enclaves.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace pipeline {

namespace {

using base::Error;
using base::Result;

constexpr std::size_t kMaxKnown = 4096;

std::string encode_address(const vsockio::Address& address) {
    std::string text;
    for (const char character : vsockio::to_string(address)) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte <= 0x20 || byte >= 0x7F || byte == '%' || byte == '#') {
            text += fmt::format("%{:02X}", byte);
        } else {
            text += character;
        }
    }
    return text;
}

std::optional<std::string> decode_percent(std::string_view text) {
    std::string decoded;
    while (!text.empty()) {
        if (text[0] != '%') {
            decoded += text[0];
            text.remove_prefix(1);
            continue;
        }
        const auto byte = base::from_hex(text.substr(1, 2));
        if (text.size() < 3 || !byte.ok()) return std::nullopt;
        decoded += static_cast<char>(byte.value()[0]);
        text.remove_prefix(3);
    }
    return decoded;
}

std::optional<Register> parse_register(std::string_view word, std::string_view name) {
    if (!word.starts_with(name)) return std::nullopt;
    const auto bytes = base::from_hex(word.substr(name.size()));
    Register value;
    if (!bytes.ok() || bytes.value().size() != value.size()) return std::nullopt;
    std::copy(bytes.value().begin(), bytes.value().end(), value.begin());
    return value;
}

// What is wrong with which word, from 0; nullopt when nothing is.
struct Problem {
    std::size_t word;
    std::string reason;
};

std::optional<Problem> read_line(const std::vector<std::string_view>& words, KnownEnclave& known) {
    const auto spelled = decode_percent(words[0]);
    if (!spelled) return Problem{0, "a % is not followed by two digits"};
    const auto address = vsockio::parse_address(*spelled);
    if (!address.ok()) return Problem{0, address.error().message};
    known.address = address.value();
    std::size_t next = 1;
    const auto take = [&](std::string_view name, Register& value) {
        const auto found = next < words.size() ? parse_register(words[next], name) : std::nullopt;
        if (!found) return false;
        value = *found;
        ++next;
        return true;
    };
    Measured& measured = known.measured;
    if (!take("pcr0=", measured.pcr0)) return Problem{next, "expected pcr0= and 96 digits"};
    if (!take("pcr1=", measured.pcr1)) return Problem{next, "expected pcr1= and 96 digits"};
    if (!take("pcr2=", measured.pcr2)) return Problem{next, "expected pcr2= and 96 digits"};
    Register pcr8;
    if (take("pcr8=", pcr8)) measured.pcr8 = pcr8;
    if (next < words.size() && words[next] == "emulated") {
        measured.emulated = true;
        ++next;
    }
    if (next < words.size()) return Problem{next, "expected pcr8=, emulated or the line's end"};
    return std::nullopt;
}

std::string shown(const std::optional<Register>& value) {
    return value ? base::to_hex(*value) : "none";
}

auto find_address(auto& known, const vsockio::Address& address) {
    return std::find_if(known.begin(), known.end(),
                        [&](const KnownEnclave& each) { return each.address == address; });
}

}  // namespace

Result<std::vector<KnownEnclave>> parse_known(std::string_view text, std::string_view file) {
    const auto bad = [&](std::size_t line, std::size_t column, std::string_view why) {
        return Error(base::ExitCode::config, fmt::format("{}:{}:{}: {}", file, line, column, why));
    };
    if (text.size() > kMaxKnownBytes) return bad(1, 1, "the file is too large");
    std::vector<KnownEnclave> all;
    std::size_t number = 0;
    for (const std::string_view line : base::split(text, '\n')) {
        ++number;
        if (base::trim(line).empty() || line[0] == '#') continue;
        const std::vector<std::string_view> words = base::split(line, ' ');
        KnownEnclave known;
        if (const auto problem = read_line(words, known)) {
            const std::size_t word = std::min(problem->word, words.size() - 1);
            const auto column = static_cast<std::size_t>(words[word].data() - line.data()) + 1;
            return bad(number, problem->word < words.size() ? column : line.size() + 1,
                       problem->reason);
        }
        if (find_address(all, known.address) != all.end()) {
            return bad(number, 1, "this address was there before");
        }
        if (all.size() == kMaxKnown) return bad(number, 1, "too many enclaves");
        all.push_back(std::move(known));
    }
    return all;
}

std::string known_text(const std::vector<KnownEnclave>& known) {
    std::string text;
    for (const KnownEnclave& each : known) {
        const Measured& measured = each.measured;
        text += fmt::format("{} pcr0={} pcr1={} pcr2={}", encode_address(each.address),
                            base::to_hex(measured.pcr0), base::to_hex(measured.pcr1),
                            base::to_hex(measured.pcr2));
        if (measured.pcr8) text += fmt::format(" pcr8={}", base::to_hex(*measured.pcr8));
        text += measured.emulated ? " emulated\n" : "\n";
    }
    return text;
}

Recognition recognise(const std::vector<KnownEnclave>& known, const vsockio::Address& address,
                      const Measured& seen) {
    Recognition recognition;
    const auto found = find_address(known, address);
    if (found == known.end()) return recognition;
    const Measured& expected = found->measured;
    const auto compare = [&](std::string what, std::string before, std::string now) {
        if (before == now) return;
        recognition.changes.push_back({std::move(what), std::move(before), std::move(now)});
    };
    compare("PCR0", shown(expected.pcr0), shown(seen.pcr0));
    compare("PCR1", shown(expected.pcr1), shown(seen.pcr1));
    compare("PCR2", shown(expected.pcr2), shown(seen.pcr2));
    compare("PCR8", shown(expected.pcr8), shown(seen.pcr8));
    compare("emulated", expected.emulated ? "yes" : "no", seen.emulated ? "yes" : "no");
    recognition.answer =
        recognition.changes.empty() ? Recognition::Answer::same : Recognition::Answer::changed;
    return recognition;
}

std::vector<KnownEnclave> remembered(std::vector<KnownEnclave> known,
                                     const vsockio::Address& address, const Measured& seen) {
    const auto found = find_address(known, address);
    if (found == known.end()) {
        if (known.size() == kMaxKnown) known.erase(known.begin());
        known.push_back({address, seen});
    } else {
        found->measured = seen;
    }
    return known;
}

}  // namespace pipeline
