// Writing queries and answers.
#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "dns/message.h"
#include "dns/wire.h"

namespace dns {

using vsockio::IpAddress;

namespace {

constexpr std::size_t kMaximumErrorText = 128;
constexpr std::uint16_t kUdpBytes = 1232;  // that we say we take: no fragments on common paths
constexpr std::size_t kMaximumPointee = 0x3FFF;

template <typename T>
void put(std::vector<std::byte>& message, T value) {
    message.resize(message.size() + sizeof(T));
    base::store_be(std::span(message).last(sizeof(T)), value);
}

void patch(std::vector<std::byte>& message, std::size_t offset, std::uint16_t value) {
    base::store_be(std::span(message).subspan(offset, sizeof value), value);
}

std::uint16_t bit(bool set, std::uint16_t mask) {
    return set ? mask : std::uint16_t{0};
}

void put_header(std::vector<std::byte>& message, std::uint16_t id, unsigned flags,
                std::uint16_t questions) {
    put(message, id);
    put(message, static_cast<std::uint16_t>(flags));
    put(message, questions);
    message.resize(wire::kHeaderBytes);
}

// Of an answer to `query`.
unsigned reply_flags(const Header& query, Rcode rcode) {
    return wire::kResponse | static_cast<unsigned>(query.opcode) << wire::kOpcodeShift |
           bit(query.recursion_desired, wire::kRecursionDesired) | wire::kRecursionAvailable |
           bit(query.checking_disabled, wire::kCheckingDisabled) |
           (static_cast<unsigned>(rcode) & wire::kRcodeMask);
}

// Names that have been written as a whole; a later one like it becomes a pointer.
class Names {
  public:
    void add(std::string_view name, std::size_t offset) {
        if (offset <= kMaximumPointee) known_.emplace_back(name, offset);
    }
    void write(std::string_view name, std::vector<std::byte>& message) {
        const auto found = std::ranges::find(known_, name, &std::pair<std::string, size_t>::first);
        if (found != known_.end()) {
            put(message, static_cast<std::uint16_t>(0xC000 | found->second));
            return;
        }
        add(name, message.size());
        write_name(name, message);
    }

  private:
    std::vector<std::pair<std::string, std::size_t>> known_;
};

bool has_names(const Record& record) {
    std::vector<std::byte> ignored;
    const auto* target = std::get_if<std::string>(&record.data);
    return write_name(record.name, ignored) && (target == nullptr || write_name(*target, ignored));
}

// The names of the record must be names.
void put_record(std::vector<std::byte>& message, Names& names, const Record& record) {
    const auto* address = std::get_if<IpAddress>(&record.data);
    const std::uint16_t type = address == nullptr ? kTypeCname
                               : address->is_v4   ? kTypeA
                                                  : kTypeAaaa;
    names.write(record.name, message);
    put(message, type);
    put(message, kClassInternet);
    put(message, record.ttl);
    const std::size_t length_at = message.size();
    put(message, std::uint16_t{0});
    if (address != nullptr) {
        const auto bytes = std::span(address->bytes).first(address->bits() / 8);
        message.insert(message.end(), bytes.begin(), bytes.end());
    } else {
        names.write(std::get<std::string>(record.data), message);
    }
    patch(message, length_at, static_cast<std::uint16_t>(message.size() - length_at - 2));
}

void put_opt(std::vector<std::byte>& message, const Edns& edns, const ExtendedError* error) {
    put(message, std::uint8_t{0});
    put(message, kTypeOpt);
    put(message, edns.udp_bytes);
    put(message, static_cast<std::uint32_t>(edns.extended_rcode) << 24 |
                     static_cast<std::uint32_t>(edns.version) << 16 |
                     (edns.dnssec_ok ? wire::kDnssecOk : 0u));
    if (error == nullptr) {
        put(message, std::uint16_t{0});
        return;
    }
    const auto text = base::as_bytes(std::string_view(error->text).substr(0, kMaximumErrorText));
    const auto bytes = static_cast<std::uint16_t>(2 + text.size());
    put(message, static_cast<std::uint16_t>(4 + bytes));
    put(message, wire::kOptionExtendedError);
    put(message, bytes);
    put(message, error->code);
    message.insert(message.end(), text.begin(), text.end());
}

// Header, question, and EDNS if the query has it.
std::vector<std::byte> build(const Query& query, unsigned flags, Rcode rcode,
                             std::span<const Record> records, const ExtendedError* error) {
    std::vector<std::byte> message;
    put_header(message, query.header.id, flags, 1);
    message.insert(message.end(), query.question_bytes.begin(), query.question_bytes.end());
    Names names;
    names.add(query.question.name, wire::kHeaderBytes);
    std::uint16_t written = 0;
    for (const Record& record : records) {
        if (!has_names(record)) continue;
        put_record(message, names, record);
        ++written;
    }
    patch(message, 6, written);
    if (query.edns.has_value()) {
        const auto upper = static_cast<std::uint8_t>(static_cast<unsigned>(rcode) >> 4);
        put_opt(message, {kUdpBytes, upper, 0, query.edns->dnssec_ok}, error);
        patch(message, 10, 1);
    }
    return message;
}

}  // namespace

std::vector<std::byte> encode_query(std::uint16_t id, const Question& question,
                                    bool checking_disabled, const std::optional<Edns>& edns) {
    std::vector<std::byte> message;
    const unsigned flags =
        wire::kRecursionDesired | bit(checking_disabled, wire::kCheckingDisabled);
    put_header(message, id, flags, 1);
    if (!write_name(question.name, message)) return {};
    put(message, question.type);
    put(message, question.klass);
    if (edns.has_value()) {
        put_opt(message, *edns, nullptr);
        patch(message, 10, 1);
    }
    return message;
}

std::vector<std::byte> encode_reply(const Query& query, const Reply& reply,
                                    std::size_t maximum_bytes) {
    const unsigned flags = reply_flags(query.header, reply.rcode);
    const ExtendedError* error = reply.error.has_value() ? &*reply.error : nullptr;
    std::vector<std::byte> message = build(query, flags, reply.rcode, reply.records, error);
    if (message.size() > maximum_bytes && error != nullptr && !error->text.empty()) {
        const ExtendedError bare{error->code, {}};
        message = build(query, flags, reply.rcode, reply.records, &bare);
    }
    if (message.size() <= maximum_bytes) return message;
    return build(query, flags | wire::kTruncated, reply.rcode, {}, nullptr);
}

std::vector<std::byte> readdress(std::span<const std::byte> message, const Query& query,
                                 std::size_t maximum_bytes) {
    const unsigned flags = base::load_be<std::uint16_t>(message.subspan(2));
    if (message.size() > maximum_bytes) {
        return build(query, flags | wire::kTruncated, static_cast<Rcode>(flags & wire::kRcodeMask),
                     {}, nullptr);
    }
    std::vector<std::byte> copy(message.begin(), message.end());
    patch(copy, 0, query.header.id);
    std::ranges::copy(query.question_bytes, copy.begin() + wire::kHeaderBytes);
    return copy;
}

std::vector<std::byte> encode_fault(const Header& query, Rcode rcode) {
    std::vector<std::byte> message;
    put_header(message, query.id, reply_flags(query, rcode), 0);
    return message;
}

}  // namespace dns
