// Names with compression pointers to text, and text to names.
#include "dns/name.h"

#include "base/bytes.h"
#include "base/format.h"

namespace dns {

namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint8_t kPointerBits = 0xC0;
constexpr std::uint16_t kPointerMask = 0x3FFF;

bool is_plain(char character) {
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') ||
           character == '-' || character == '_';
}

void append_label(std::string& text, std::span<const std::byte> label) {
    if (!text.empty()) text.push_back('.');
    for (const std::byte byte : label) {
        char character = std::to_integer<char>(byte);
        if (character >= 'A' && character <= 'Z') character = static_cast<char>(character + 32);
        if (is_plain(character)) {
            text.push_back(character);
        } else {
            text += fmt::format("\\{:03}", std::to_integer<unsigned>(byte));
        }
    }
}

// The byte that three decimal digits stand for, if it is one that is written so.
std::optional<std::byte> escaped_byte(std::string_view digits) {
    if (digits.size() < 3) return std::nullopt;
    unsigned number = 0;
    for (const char digit : digits.substr(0, 3)) {
        if (digit < '0' || digit > '9') return std::nullopt;
        number = 10 * number + static_cast<unsigned>(digit - '0');
    }
    const auto character = static_cast<char>(number);
    if (number > 255 || is_plain(character) || (character >= 'A' && character <= 'Z')) {
        return std::nullopt;
    }
    return static_cast<std::byte>(number);
}

// Takes one label off the front of `text`, up to a dot or the end.
std::optional<std::vector<std::byte>> take_label(std::string_view& text) {
    std::vector<std::byte> label;
    while (!text.empty() && text.front() != '.') {
        std::size_t used = 1;
        if (text.front() == '\\') {
            const std::optional<std::byte> byte = escaped_byte(text.substr(1));
            if (!byte.has_value()) return std::nullopt;
            label.push_back(*byte);
            used = 4;
        } else if (is_plain(text.front())) {
            label.push_back(static_cast<std::byte>(text.front()));
        } else {
            return std::nullopt;
        }
        text.remove_prefix(used);
    }
    if (label.empty() || label.size() > kMaximumLabelBytes) return std::nullopt;
    return label;
}

}  // namespace

std::optional<ReadName> read_name(std::span<const std::byte> message, std::size_t offset) {
    ReadName name;
    std::size_t start = offset;  // of the labels that are being read
    std::size_t pointers = 0;
    std::size_t bytes = 1;
    while (offset < message.size()) {
        const auto length = std::to_integer<std::uint8_t>(message[offset]);
        if (length == 0) {
            if (pointers == 0) name.end = offset + 1;
            return name;
        }
        if ((length & kPointerBits) == kPointerBits) {
            if (message.size() - offset < 2 || ++pointers > kMaximumPointers) return std::nullopt;
            const std::size_t target =
                base::load_be<std::uint16_t>(message.subspan(offset)) & kPointerMask;
            if (target < kHeaderBytes || target >= start) return std::nullopt;
            if (pointers == 1) name.end = offset + 2;
            start = target;
            offset = target;
            continue;
        }
        bytes += 1u + length;
        if (length > kMaximumLabelBytes || bytes > kMaximumNameBytes) return std::nullopt;
        if (message.size() - offset - 1 < length) return std::nullopt;
        append_label(name.text, message.subspan(offset + 1, length));
        offset += 1u + length;
    }
    return std::nullopt;
}

bool write_name(std::string_view text, std::vector<std::byte>& message) {
    std::vector<std::byte> name;
    while (!text.empty()) {
        const std::optional<std::vector<std::byte>> label = take_label(text);
        if (!label.has_value()) return false;
        name.push_back(static_cast<std::byte>(label->size()));
        name.insert(name.end(), label->begin(), label->end());
        if (name.size() >= kMaximumNameBytes) return false;
        if (text.empty()) break;
        text.remove_prefix(1);
        if (text.empty()) return false;
    }
    name.push_back(std::byte{0});
    message.insert(message.end(), name.begin(), name.end());
    return true;
}

}  // namespace dns
