// Fields in, fields out.
#include "audit_record.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "proto/fields.h"

namespace pipeline {

namespace {

enum class Id : std::uint8_t {
    operation = 1,
    argument = 2,
    outcome = 3,
    bytes = 4,
    duration_ms = 5,
};

constexpr std::uint64_t kLongest = std::uint64_t{1} << 53;  // exact in every JSON reader

// Texts and numbers of a datagram; what is missing or too long spoils all.
class Reader {
  public:
    explicit Reader(std::span<const std::byte> datagram) : fields_(datagram) {}

    std::string text(Id id, std::size_t cap = kMaxAuditText) {
        const auto value = fields_.text(id);
        good_ = good_ && value && value->size() <= cap;
        return good_ ? std::string(*value) : std::string();
    }
    std::uint64_t number(Id id) {
        const auto value = fields_.number(id);
        good_ = good_ && value && *value <= kLongest;
        return good_ ? *value : 0;
    }
    bool good() const { return good_; }

  private:
    proto::Fields<Id> fields_;
    bool good_ = true;
};

}  // namespace

std::vector<std::byte> encode_audit(const AuditEvent& event) {
    std::vector<std::byte> bytes(kMaxAuditDatagram);
    std::size_t used = 0;
    // All at their caps still fit, so that nothing is left out.
    const auto text = [&](Id id, std::string_view value, std::size_t cap) {
        (void)proto::put_field(bytes, used, static_cast<std::uint8_t>(id),
                               base::as_bytes(value.substr(0, cap)));
    };
    const auto number = [&](Id id, std::uint64_t value) {
        (void)proto::put_number(bytes, used, static_cast<std::uint8_t>(id),
                                std::min(value, kLongest));
    };
    text(Id::operation, event.operation, kMaxAuditText);
    text(Id::argument, event.argument, kMaxAuditArgument);
    text(Id::outcome, event.outcome, kMaxAuditText);
    number(Id::bytes, event.bytes);
    const auto duration = std::max(event.duration, std::chrono::milliseconds(0)).count();
    number(Id::duration_ms, static_cast<std::uint64_t>(duration));
    bytes.resize(used);
    return bytes;
}

std::optional<AuditEvent> decode_audit(std::span<const std::byte> datagram) {
    if (datagram.size() > kMaxAuditDatagram || !proto::bad_fields(datagram).empty()) {
        return std::nullopt;
    }
    Reader reader(datagram);
    AuditEvent event;
    event.operation = reader.text(Id::operation);
    event.argument = reader.text(Id::argument, kMaxAuditArgument);
    event.outcome = reader.text(Id::outcome);
    event.bytes = reader.number(Id::bytes);
    event.duration = std::chrono::milliseconds(reader.number(Id::duration_ms));
    if (!reader.good()) return std::nullopt;
    return event;
}

}  // namespace pipeline
