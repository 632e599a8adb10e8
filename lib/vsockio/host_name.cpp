// The rule of host names.
#include "vsockio/host_name.h"

#include <algorithm>

namespace vsockio {

namespace {

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

bool is_hex_digit(char character) {
    return is_digit(character) || (character >= 'a' && character <= 'f');
}

bool is_label_character(char character) {
    return is_digit(character) || (character >= 'a' && character <= 'z') || character == '-' ||
           character == '_';
}

// "1", "0x1f" and also "0x" alone, in the manner of inet_aton(3).
bool is_number(std::string_view label) {
    if (label.starts_with("0x")) return std::ranges::all_of(label.substr(2), is_hex_digit);
    return std::ranges::all_of(label, is_digit);
}

}  // namespace

std::string_view bad_host_name(std::string_view name) {
    if (name.empty()) return "is empty";
    if (name.size() > kMaximumHostName) return "is longer than 253 characters";
    std::string_view label;
    for (std::string_view rest = name; true; rest.remove_prefix(label.size() + 1)) {
        label = rest.substr(0, rest.find('.'));
        if (label.empty()) return "has an empty label";
        if (label.size() > kMaximumHostLabel) return "has a label of more than 63 characters";
        if (!std::ranges::all_of(label, is_label_character)) {
            return "has a character that no host name has";
        }
        if (label.front() == '-' || label.back() == '-') {
            return "has a label that begins or ends with a hyphen";
        }
        if (label.size() == rest.size()) break;
    }
    if (is_number(label)) return "ends in a number, which no host name does";
    return {};
}

}  // namespace vsockio
