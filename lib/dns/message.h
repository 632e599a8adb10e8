// Messages of DNS as far as a stub needs them: questions in, questions on, answers back. RFC 1035,
// EDNS0 (RFC 6891), extended errors (RFC 8914). Pure and total; no sockets, no cache, no judgement.
//
// A message is whole: what a datagram held, or what stood behind the two bytes of length on a
// stream. Every record of it has to be well-formed, and nothing may stand behind the last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "vsockio/ip_address.h"

namespace dns {

inline constexpr std::size_t kMaximumMessageBytes = 65'535;
inline constexpr std::size_t kPlainUdpBytes = 512;   // of a client without EDNS
inline constexpr std::size_t kMaximumRecords = 256;  // kept of one answer

// Numbers of types that mean something here; any other is a type as well.
inline constexpr std::uint16_t kTypeA = 1;
inline constexpr std::uint16_t kTypeCname = 5;
inline constexpr std::uint16_t kTypeAaaa = 28;
inline constexpr std::uint16_t kTypeOpt = 41;
inline constexpr std::uint16_t kTypeSvcb = 64;
inline constexpr std::uint16_t kTypeHttps = 65;
inline constexpr std::uint16_t kFirstMetaType = 128;  // to 255: TSIG, transfers, ANY
inline constexpr std::uint16_t kLastMetaType = 255;
inline constexpr std::uint16_t kClassInternet = 1;

enum class Rcode : std::uint16_t {
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    no_such_name = 3,
    not_implemented = 4,
    refused = 5,
    bad_version = 16,
};

inline constexpr std::uint16_t kExtendedProhibited = 18;  // of extended errors
inline constexpr std::uint16_t kExtendedNetworkError = 23;

struct Header {
    std::uint16_t id = 0;
    bool response = false;
    std::uint8_t opcode = 0;  // 0 is a query
    bool authoritative = false;
    bool truncated = false;
    bool recursion_desired = false;
    bool recursion_available = false;
    bool authentic_data = false;
    bool checking_disabled = false;
    std::uint8_t rcode = 0;  // the lower four bits

    bool operator==(const Header&) const = default;
};

struct Question {
    std::string name;
    std::uint16_t type = 0;
    std::uint16_t klass = kClassInternet;

    auto operator<=>(const Question&) const = default;
};

struct Edns {
    std::uint16_t udp_bytes = kPlainUdpBytes;  // that the sender takes; at least 512
    std::uint8_t extended_rcode = 0;           // the upper eight bits
    std::uint8_t version = 0;
    bool dnssec_ok = false;

    bool operator==(const Edns&) const = default;
};

struct Query {
    Header header;
    Question question;
    std::vector<std::byte> question_bytes;  // as it came, for the answer: clients compare the case
    std::optional<Edns> edns;
};

struct DecodedQuery {
    // Nothing for what gets no answer: shorter than a header, or an answer itself.
    std::optional<Header> header;
    // Otherwise no_error, and `query` is valid; bad_version, and it is all the same; or what to
    // answer with encode_fault().
    Rcode fault = Rcode::no_error;
    Query query;
};

DecodedQuery decode_query(std::span<const std::byte> message);

struct Record {
    std::string name;
    std::uint32_t ttl = 0;                               // seconds
    std::variant<vsockio::IpAddress, std::string> data;  // A or AAAA; the name of a CNAME

    bool operator==(const Record&) const = default;
};

struct Answer {
    Header header;
    Rcode rcode = Rcode::no_error;  // all twelve bits
    Question question;
    std::vector<Record> records;  // A, AAAA and CNAME of the answer section, the first 256
    std::optional<Edns> edns;
};

// Errors (protocol) say which part is not well-formed.
base::Result<Answer> decode_answer(std::span<const std::byte> message);

// The addresses that `answer` gives for its question: those of the name that the chain of CNAMEs
// ends at, and the chain itself. What is about other names is left out.
struct Chain {
    std::vector<Record> aliases;    // in order, the question's name first
    std::vector<Record> addresses;  // of the type asked for
};
Chain follow(const Answer& answer);

// --- writing ---------------------------------------------------------------------------------

// A question of our own, with recursion desired. Empty for a name that is none.
std::vector<std::byte> encode_query(std::uint16_t id, const Question& question,
                                    bool checking_disabled, const std::optional<Edns>& edns);

struct ExtendedError {
    std::uint16_t code = 0;
    std::string text;  // for people, cut at 128 bytes; may be empty
};

struct Reply {
    Rcode rcode = Rcode::no_error;
    std::vector<Record> records;
    std::optional<ExtendedError> error;  // left out for a client without EDNS
};

// The answer to `query`, with EDNS when that has it. One that is longer than `maximum_bytes` (at
// least 512) loses first the error's text, then all records, and says that it is truncated.
std::vector<std::byte> encode_reply(const Query& query, const Reply& reply,
                                    std::size_t maximum_bytes);

// An answer from elsewhere to the same question, whose id and spelling of the name become those of
// `query`; without its records and truncated when it is longer than `maximum_bytes`. `message` must
// have been decoded, and its question be that of `query`.
std::vector<std::byte> readdress(std::span<const std::byte> message, const Query& query,
                                 std::size_t maximum_bytes);

// A header that says what is wrong with a query that has no question to repeat.
std::vector<std::byte> encode_fault(const Header& query, Rcode rcode);

}  // namespace dns
