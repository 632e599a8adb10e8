// Messages of DNS from both sides: reading is total, answers of ours are read as they were meant
// and never longer than asked for.
#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "dns/message.h"

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kSizes[] = {512, 1232, 65'535};

void expect(bool truth) {
    if (!truth) std::abort();
}

void check_name(std::string_view text) {
    std::vector<std::byte> message(12);
    if (!dns::write_name(text, message)) {
        expect(message.size() == 12);
        return;
    }
    const auto read = dns::read_name(message, 12);
    expect(read.has_value() && read->text == text && read->end == message.size());
}

void check_query(Bytes input, const dns::Query& query) {
    check_name(query.question.name);
    expect(query.question_bytes.size() <= dns::kMaximumNameBytes + 4);
    const dns::Record record{query.question.name, 5, vsockio::IpAddress::v4(1, 2, 3, 4)};
    const dns::ExtendedError error{dns::kExtendedProhibited,
                                   std::string(base::as_text(input).substr(0, 300))};
    const auto reply = dns::encode_reply(query, {dns::Rcode::refused, {record}, error}, 512);
    expect(reply.size() <= 512);
    const auto read = dns::decode_answer(reply);
    expect(read.ok() && read.value().question == query.question);
    expect(read.value().header.truncated || read.value().records == std::vector{record});
    const auto again = dns::encode_query(1, query.question, true, query.edns);
    expect(dns::decode_query(again).query.question == query.question);
}

void check_answer(Bytes input, const dns::Answer& answer) {
    expect(answer.records.size() <= dns::kMaximumRecords);
    const dns::Chain chain = dns::follow(answer);
    expect(chain.aliases.size() + chain.addresses.size() <= answer.records.size());
    const auto bytes = dns::encode_query(9, answer.question, false, answer.edns);
    dns::Query query = dns::decode_query(bytes).query;
    query.header.id = 9;
    for (const std::size_t size : kSizes) {
        const auto moved = dns::readdress(input, query, size);
        expect(moved.size() <= size);
        const auto read = dns::decode_answer(moved);
        expect(read.ok() && read.value().header.id == 9);
        const auto ours = dns::encode_reply(query, {answer.rcode, answer.records, {}}, size);
        expect(ours.size() <= size);
        const auto own = dns::decode_answer(ours);
        expect(own.ok() && (own.value().header.truncated || own.value().records == answer.records));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes input = std::as_bytes(std::span(data, size));
    check_name(base::as_text(input));
    const dns::DecodedQuery query = dns::decode_query(input);
    if (query.header.has_value() &&
        (query.fault == dns::Rcode::no_error || query.fault == dns::Rcode::bad_version)) {
        check_query(input, query.query);
    }
    const auto answer = dns::decode_answer(input);
    if (answer.ok()) check_answer(input, answer.value());
    return 0;
}
