// The stub of --dns between an application and a nameserver that both lie: whatever they say, an
// answer is well-formed and short enough, its addresses are those that the policy allows or lead
// nowhere, and each of the former has been pinned to the name before.
#include <algorithm>
#include <cstdlib>

#include "dns_responder.h"
#include "routing.h"

namespace {

using Bytes = std::span<const std::byte>;
using vsockio::IpAddress;

constexpr std::size_t kDatagram = 4096;

void expect(bool truth) {
    if (!truth) std::abort();
}

// Answers at once, with the query's question or without.
class LyingForwarder : public pf_proxy::Forwarder {
  public:
    std::unique_ptr<Exchange> ask(std::vector<std::byte> query, Done done) override {
        const auto decoded = dns::decode_query(query);
        expect(decoded.fault == dns::Rcode::no_error);
        // Nothing leaves but what a question consists of.
        const auto edns = decoded.query.edns;
        expect(query == dns::encode_query(0, decoded.query.question,
                                          decoded.query.header.checking_disabled, edns));
        questions.push_back({std::move(query), std::move(done)});
        return std::make_unique<Exchange>();
    }
    std::vector<std::pair<std::vector<std::byte>, Done>> questions;
};

std::shared_ptr<const policy::Policy> make_policy() {
    auto parsed = policy::Policy::parse(
        "rules: [deny: 1.1.0.0/16, {allow: '*.com', ports: [443]}, {allow: a.b, addresses: "
        "[10.0.0.0/8]}]",
        "policy.yaml");
    return std::make_shared<const policy::Policy>(std::move(parsed).value());
}

struct Stub {
    loop::Loop loop = loop::Loop::create().value();
    pf_proxy::Metrics metrics{};
    std::shared_ptr<const policy::Policy> policy = make_policy();
};

void check(Stub& stub, pf_proxy::Pins& pins, Bytes message) {
    const auto answer = dns::decode_answer(message);
    if (message.size() == 12) return;  // only says what is wrong
    expect(answer.ok());
    const dns::Question& question = answer.value().question;
    if (!pf_proxy::asks_for_address(question) || question.name == "localhost" ||
        question.name.ends_with(".localhost")) {
        return;
    }
    for (const dns::Record& record : dns::follow(answer.value()).addresses) {
        const IpAddress address = std::get<IpAddress>(record.data);
        if (address == pf_proxy::kRefusedV4 || address == pf_proxy::kRefusedV6) continue;
        expect(stub.policy->judge_found(question.name, address).allowed);
        const auto names = pins.names_of(address, stub.loop.now());
        expect(std::find(names.begin(), names.end(), question.name) != names.end());
    }
}

}  // namespace

// One byte for how long the query is; the query; then what the nameserver says behind the question
// that it was asked, or, with the byte's highest bit, instead of it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Stub stub;
    if (size == 0) return 0;
    const Bytes input = std::as_bytes(std::span(data + 1, size - 1));
    const std::size_t query_bytes = std::min<std::size_t>(data[0] & 0x7F, input.size());
    const Bytes query = input.first(query_bytes);
    const Bytes rest = input.subspan(query_bytes);

    pf_proxy::Pins pins;
    auto owned = std::make_unique<LyingForwarder>();
    LyingForwarder& forwarder = *owned;
    pf_proxy::DnsResponder responder(stub.loop, {}, stub.metrics, std::move(owned), stub.policy,
                                     pins);
    std::size_t answers = 0;
    const auto ask = [&](pf_proxy::DnsResponder::Way way, std::size_t limit) {
        return responder.respond(query, way, [&, limit](Bytes message) {
            ++answers;
            expect(message.size() <= limit);
            check(stub, pins, message);
        });
    };
    std::size_t expected = 0;
    if (ask(pf_proxy::DnsResponder::Way::datagram, kDatagram)) ++expected;
    if (ask(pf_proxy::DnsResponder::Way::stream, dns::kMaximumMessageBytes)) ++expected;
    auto questions = std::move(forwarder.questions);
    for (auto& [asked, done] : questions) {
        std::vector<std::byte> answer(rest.begin(), rest.end());
        if ((data[0] & 0x80) == 0 && rest.size() >= 12) {
            // The header is the nameserver's, but for what makes it an answer to the question.
            answer.assign(rest.begin(), rest.begin() + 12);
            answer[2] = (answer[2] & std::byte{0x07}) | std::byte{0x80};
            answer[4] = std::byte{0};
            answer[5] = std::byte{1};
            const auto decoded = dns::decode_query(asked);
            answer.insert(answer.end(), decoded.query.question_bytes.begin(),
                          decoded.query.question_bytes.end());
            answer.insert(answer.end(), rest.begin() + 12, rest.end());
        }
        done(std::move(answer));
    }
    expect(answers == expected);
    // Once more, from the cache where it was kept.
    if (ask(pf_proxy::DnsResponder::Way::stream, dns::kMaximumMessageBytes)) ++expected;
    expect(answers + forwarder.questions.size() == expected);
    return 0;
}
