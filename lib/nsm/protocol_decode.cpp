// Replies. The module is made by the hypervisor's side: what it sends is checked like any peer's.

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "codec/cbor.h"
#include "nsm/protocol.h"

namespace nsm::protocol {

using base::Error;
using base::ExitCode;
using base::Result;
using codec::cbor::Value;

namespace {

constexpr codec::cbor::Limits kLimits{.maximum_depth = 4, .maximum_items = 1024};
constexpr std::size_t kMaximumRegisters = 256;
constexpr std::size_t kDigestSizes[] = {32, 48, 64};

struct Reason {
    std::string_view name;
    ExitCode code;
    std::string_view meaning;
};
constexpr Reason kReasons[] = {
    {"InvalidArgument", ExitCode::usage, "invalid argument"},
    {"InvalidIndex", ExitCode::usage, "there is no such register"},
    {"InvalidResponse", ExitCode::protocol, "the module's answer was invalid"},
    {"ReadOnlyIndex", ExitCode::refused, "the register is locked"},
    {"InvalidOperation", ExitCode::refused, "the operation is not allowed now"},
    {"BufferTooSmall", ExitCode::internal, "the reply buffer is too small"},
    {"InputTooLarge", ExitCode::usage, "the input is too large"},
    {"InternalError", ExitCode::unavailable, "the module failed inside"},
};

Error broken(std::string_view name, std::string_view why) {
    return Error(ExitCode::protocol, fmt::format("the NSM's reply to {} is wrong: {}", name, why));
}

Error failure(std::string_view name, const Value& reason) {
    const auto text = reason.as_text();
    if (!text) return broken(name, "an error without a reason");
    for (const Reason& known : kReasons) {
        if (known.name == *text) {
            return Error(known.code,
                         fmt::format("the NSM refused {}: {} ({})", name, known.meaning, *text));
        }
    }
    return Error(ExitCode::protocol,
                 fmt::format("the NSM refused {}: unknown reason {}", name, base::quote(*text)));
}

// The fields of a reply named `name`, or null for a reply that is the bare name.
Result<Value> open_reply(std::span<const std::byte> reply, std::string_view name) {
    Result<Value> parsed = codec::cbor::parse(reply, kLimits);
    if (!parsed.ok()) return broken(name, parsed.error().message);
    if (parsed->as_text() == name) return Value();
    const auto* entries = parsed->as_map();
    if (entries == nullptr || entries->size() != 1) return broken(name, "no map with one entry");
    if (const Value* reason = parsed->find("Error")) return failure(name, *reason);
    const Value* fields = parsed->find(name);
    if (fields == nullptr) return broken(name, "it answers something else");
    if (fields->as_map() == nullptr) return broken(name, "its fields are no map");
    return *fields;
}

// The decoders below read field after field and look at ok() once, at the end.
class Fields {
  public:
    Fields(const Value& fields, std::string_view name) : fields_(fields), name_(name) {}

    std::uint16_t number(std::string_view key) { return take_number(fields_.find(key), key); }

    std::uint16_t take_number(const Value* value, std::string_view key) {
        const auto found = value == nullptr ? std::nullopt : value->as_unsigned();
        if (!found || *found > 0xFFFF) {
            reject(key);
            return 0;
        }
        return static_cast<std::uint16_t>(*found);
    }

    std::string text(std::string_view key) {
        const Value* value = fields_.find(key);
        const auto found = value == nullptr ? std::nullopt : value->as_text();
        if (!found || found->empty()) reject(key);
        return std::string(found.value_or(""));
    }

    bool flag(std::string_view key) {
        const Value* value = fields_.find(key);
        const auto found = value == nullptr ? std::nullopt : value->as_bool();
        if (!found) reject(key);
        return found.value_or(false);
    }

    // Not empty.
    Bytes bytes(std::string_view key) {
        const Value* value = fields_.find(key);
        if (value == nullptr || !value->as_bytes() || value->as_bytes()->empty()) {
            reject(key);
            return {};
        }
        const auto found = *value->as_bytes();
        return Bytes(found.begin(), found.end());
    }

    // As long as one of the digests a module may use.
    Bytes digest(std::string_view key) {
        Bytes found = bytes(key);
        if (std::ranges::count(kDigestSizes, found.size()) == 0) reject(key);
        return found;
    }

    std::vector<std::uint16_t> numbers(std::string_view key) {
        std::vector<std::uint16_t> found;
        const Value* value = fields_.find(key);
        if (value == nullptr || value->as_array() == nullptr) {
            reject(key);
            return found;
        }
        for (const Value& each : *value->as_array())
            found.push_back(take_number(&each, key));
        return found;
    }

    void reject(std::string_view key) {
        if (rejected_.empty()) rejected_ = key;
    }

    Result<void> ok() const {
        if (rejected_.empty()) return {};
        return broken(name_, fmt::format("field {} is missing or wrong", rejected_));
    }

  private:
    const Value& fields_;
    std::string_view name_;
    std::string_view rejected_;  // the first field at fault
};

Result<void> decode_bare(std::span<const std::byte> reply, std::string_view name) {
    const Value fields = TRY(open_reply(reply, name));
    if (!fields.is_null()) return broken(name, "fields where none belong");
    return {};
}

Result<Bytes> decode_bytes(std::span<const std::byte> reply, std::string_view name,
                           std::string_view key) {
    const Value value = TRY(open_reply(reply, name));
    Fields fields(value, name);
    Bytes found = fields.bytes(key);
    TRY(fields.ok());
    return found;
}

}  // namespace

Result<Description> decode_describe(std::span<const std::byte> reply) {
    const Value value = TRY(open_reply(reply, "DescribeNSM"));
    Fields fields(value, "DescribeNSM");
    Description description;
    description.version_major = fields.number("version_major");
    description.version_minor = fields.number("version_minor");
    description.version_patch = fields.number("version_patch");
    description.module_id = fields.text("module_id");
    description.register_count = fields.number("max_pcrs");
    description.locked_registers = fields.numbers("locked_pcrs");
    description.digest = fields.text("digest");
    if (description.register_count > kMaximumRegisters) fields.reject("max_pcrs");
    for (const std::uint16_t index : description.locked_registers) {
        if (index >= description.register_count) fields.reject("locked_pcrs");
    }
    TRY(fields.ok());
    return description;
}

Result<Bytes> decode_random(std::span<const std::byte> reply) {
    return decode_bytes(reply, "GetRandom", "random");
}

Result<Register> decode_describe_pcr(std::span<const std::byte> reply) {
    const Value value = TRY(open_reply(reply, "DescribePCR"));
    Fields fields(value, "DescribePCR");
    Register found;
    found.locked = fields.flag("lock");
    found.value = fields.digest("data");
    TRY(fields.ok());
    return found;
}

Result<Bytes> decode_extend_pcr(std::span<const std::byte> reply) {
    const Value value = TRY(open_reply(reply, "ExtendPCR"));
    Fields fields(value, "ExtendPCR");
    Bytes found = fields.digest("data");
    TRY(fields.ok());
    return found;
}

Result<void> decode_lock_pcr(std::span<const std::byte> reply) {
    return decode_bare(reply, "LockPCR");
}

Result<void> decode_lock_pcrs(std::span<const std::byte> reply) {
    return decode_bare(reply, "LockPCRs");
}

Result<Bytes> decode_attest(std::span<const std::byte> reply) {
    return decode_bytes(reply, "Attestation", "document");
}

}  // namespace nsm::protocol
