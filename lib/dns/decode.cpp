// Reading queries and answers.
#include <algorithm>

#include "base/bytes.h"
#include "dns/message.h"
#include "dns/wire.h"

namespace dns {

using base::Error;
using base::ExitCode;
using base::Result;
using vsockio::IpAddress;

namespace {

using Bytes = std::span<const std::byte>;

struct Counts {
    std::uint16_t questions = 0;
    std::uint16_t answers = 0;
    std::uint16_t authorities = 0;
    std::uint16_t additions = 0;
};

// A record whose data has not been looked at.
struct RawRecord {
    std::string name;
    std::uint16_t type = 0;
    std::uint16_t klass = 0;
    std::uint32_t ttl = 0;
    std::size_t data_offset = 0;
    std::size_t data_bytes = 0;
};

// Goes through a message; what is missing or not well-formed is nothing.
class Reader {
  public:
    // Behind the header, which is there.
    explicit Reader(Bytes message) : message_(message) {}

    bool at_end() const { return offset_ == message_.size(); }
    std::size_t offset() const { return offset_; }

    template <typename T>
    std::optional<T> number() {
        if (message_.size() - offset_ < sizeof(T)) return std::nullopt;
        const T value = base::load_be<T>(message_.subspan(offset_));
        offset_ += sizeof(T);
        return value;
    }

    std::optional<std::string> name() {
        std::optional<ReadName> read = read_name(message_, offset_);
        if (!read.has_value()) return std::nullopt;
        offset_ = read->end;
        return std::move(read->text);
    }

    std::optional<Question> question() {
        std::optional<std::string> name = this->name();
        if (!name.has_value()) return std::nullopt;
        const auto type = number<std::uint16_t>();
        const auto klass = number<std::uint16_t>();
        if (!type.has_value() || !klass.has_value()) return std::nullopt;
        return Question{std::move(*name), *type, *klass};
    }

    std::optional<RawRecord> record() {
        std::optional<Question> head = question();
        if (!head.has_value()) return std::nullopt;
        const auto ttl = number<std::uint32_t>();
        const auto bytes = number<std::uint16_t>();
        if (!ttl.has_value() || !bytes.has_value()) return std::nullopt;
        if (message_.size() - offset_ < *bytes) return std::nullopt;
        RawRecord record{std::move(head->name), head->type, head->klass, *ttl, offset_, *bytes};
        offset_ += *bytes;
        return record;
    }

  private:
    Bytes message_;
    std::size_t offset_ = wire::kHeaderBytes;
};

std::optional<Header> read_header(Bytes message) {
    if (message.size() < wire::kHeaderBytes) return std::nullopt;
    const auto flags = base::load_be<std::uint16_t>(message.subspan(2));
    Header header;
    header.id = base::load_be<std::uint16_t>(message);
    header.response = (flags & wire::kResponse) != 0;
    header.opcode = static_cast<std::uint8_t>((flags & wire::kOpcodeMask) >> wire::kOpcodeShift);
    header.authoritative = (flags & wire::kAuthoritative) != 0;
    header.truncated = (flags & wire::kTruncated) != 0;
    header.recursion_desired = (flags & wire::kRecursionDesired) != 0;
    header.recursion_available = (flags & wire::kRecursionAvailable) != 0;
    header.authentic_data = (flags & wire::kAuthenticData) != 0;
    header.checking_disabled = (flags & wire::kCheckingDisabled) != 0;
    header.rcode = static_cast<std::uint8_t>(flags & wire::kRcodeMask);
    return header;
}

Counts read_counts(Bytes message) {
    return {base::load_be<std::uint16_t>(message.subspan(4)),
            base::load_be<std::uint16_t>(message.subspan(6)),
            base::load_be<std::uint16_t>(message.subspan(8)),
            base::load_be<std::uint16_t>(message.subspan(10))};
}

// Options are passed over, but have to fill the data exactly.
bool options_fit(Bytes data) {
    while (!data.empty()) {
        if (data.size() < 4) return false;
        const std::size_t bytes = base::load_be<std::uint16_t>(data.subspan(2));
        if (data.size() - 4 < bytes) return false;
        data = data.subspan(4 + bytes);
    }
    return true;
}

std::optional<Edns> edns_of(Bytes message, const RawRecord& record) {
    if (!record.name.empty()) return std::nullopt;
    if (!options_fit(message.subspan(record.data_offset, record.data_bytes))) return std::nullopt;
    Edns edns;
    edns.udp_bytes =
        std::max(record.klass, static_cast<std::uint16_t>(kPlainUdpBytes));  // RFC 6891 6.2.3
    edns.extended_rcode = static_cast<std::uint8_t>(record.ttl >> 24);
    edns.version = static_cast<std::uint8_t>(record.ttl >> 16 & 0xFF);
    edns.dnssec_ok = (record.ttl & wire::kDnssecOk) != 0;
    return edns;
}

// The additional section, of which only one OPT is of interest. False when it is not well-formed.
bool read_additions(Bytes message, Reader& reader, std::size_t count, std::optional<Edns>& edns) {
    for (std::size_t index = 0; index < count; ++index) {
        const std::optional<RawRecord> record = reader.record();
        if (!record.has_value()) return false;
        if (record->type != kTypeOpt) continue;
        if (edns.has_value()) return false;
        edns = edns_of(message, *record);
        if (!edns.has_value()) return false;
    }
    return true;
}

bool skip_records(Reader& reader, std::size_t count) {
    for (std::size_t index = 0; index < count; ++index) {
        if (!reader.record().has_value()) return false;
    }
    return true;
}

// What a record says, if it is one of those that are kept. False when its data does not fit.
bool keep(Bytes message, RawRecord raw, std::vector<Record>& records) {
    if (raw.klass != kClassInternet || records.size() == kMaximumRecords) return true;
    // A lifetime with the highest bit is none (RFC 2181 8).
    const std::uint32_t ttl = raw.ttl > 0x7FFFFFFF ? 0 : raw.ttl;
    if (raw.type == kTypeCname) {
        std::optional<ReadName> target = read_name(message, raw.data_offset);
        if (!target.has_value() || target->end != raw.data_offset + raw.data_bytes) return false;
        records.push_back({std::move(raw.name), ttl, std::move(target->text)});
    } else if (raw.type == kTypeA || raw.type == kTypeAaaa) {
        IpAddress address;
        address.is_v4 = raw.type == kTypeA;
        if (raw.data_bytes != address.bits() / 8) return false;
        std::ranges::copy(message.subspan(raw.data_offset, raw.data_bytes), address.bytes.begin());
        records.push_back({std::move(raw.name), ttl, address});
    }
    return true;
}

Error bad(std::string_view what) {
    return Error(ExitCode::protocol, "not an answer of DNS: the " + std::string(what));
}

bool owns_address_of(const Record& record, const std::string& name, bool is_v4) {
    const auto* address = std::get_if<IpAddress>(&record.data);
    return address != nullptr && record.name == name && address->is_v4 == is_v4;
}

}  // namespace

DecodedQuery decode_query(Bytes message) {
    DecodedQuery decoded;
    decoded.header = read_header(message);
    if (!decoded.header.has_value() || decoded.header->response) return {};
    decoded.fault = Rcode::not_implemented;
    if (decoded.header->opcode != 0) return decoded;
    decoded.fault = Rcode::format_error;
    const Counts counts = read_counts(message);
    if (counts.questions != 1) return decoded;
    Query& query = decoded.query;
    query.header = *decoded.header;
    Reader reader(message);
    std::optional<Question> question = reader.question();
    if (!question.has_value()) return decoded;
    query.question = std::move(*question);
    const Bytes raw = message.first(reader.offset()).subspan(wire::kHeaderBytes);
    query.question_bytes.assign(raw.begin(), raw.end());
    if (!skip_records(reader, std::size_t{counts.answers} + counts.authorities) ||
        !read_additions(message, reader, counts.additions, query.edns) || !reader.at_end()) {
        return decoded;
    }
    const bool known = !query.edns.has_value() || query.edns->version == 0;
    decoded.fault = known ? Rcode::no_error : Rcode::bad_version;
    return decoded;
}

Result<Answer> decode_answer(Bytes message) {
    Answer answer;
    const std::optional<Header> header = read_header(message);
    if (!header.has_value() || !header->response || header->opcode != 0) return bad("header");
    answer.header = *header;
    const Counts counts = read_counts(message);
    if (counts.questions != 1) return bad("number of questions");
    Reader reader(message);
    std::optional<Question> question = reader.question();
    if (!question.has_value()) return bad("question");
    answer.question = std::move(*question);
    for (std::size_t index = 0; index < counts.answers; ++index) {
        std::optional<RawRecord> record = reader.record();
        if (!record.has_value() || !keep(message, std::move(*record), answer.records)) {
            return bad("answer section");
        }
    }
    if (!skip_records(reader, counts.authorities)) return bad("authority section");
    if (!read_additions(message, reader, counts.additions, answer.edns)) {
        return bad("additional section");
    }
    if (!reader.at_end()) return bad("end, behind which more stands");
    const unsigned upper = answer.edns.has_value() ? answer.edns->extended_rcode : 0;
    answer.rcode = static_cast<Rcode>(upper << 4 | header->rcode);
    return answer;
}

Chain follow(const Answer& answer) {
    Chain chain;
    const bool is_v4 = answer.question.type == kTypeA;
    std::string name = answer.question.name;
    // Each step uses up a record, so a loop of names ends, too.
    while (chain.aliases.size() < answer.records.size()) {
        const auto next = std::ranges::find_if(answer.records, [&](const Record& record) {
            return record.name == name && std::holds_alternative<std::string>(record.data);
        });
        if (next == answer.records.end()) break;
        chain.aliases.push_back(*next);
        name = std::get<std::string>(next->data);
    }
    std::ranges::copy_if(
        answer.records, std::back_inserter(chain.addresses),
        [&](const Record& record) { return owns_address_of(record, name, is_v4); });
    return chain;
}

}  // namespace dns
