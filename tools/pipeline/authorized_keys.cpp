// The lines of authorized_keys(5), walked character by character so that errors know their column.
#include "authorized_keys.h"

#include <strings.h>

#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/text.h"
#include "fingerprint.h"
#include "key_options.h"

namespace pipeline {

namespace {

using base::Error;
using base::Result;

constexpr std::size_t kMaxKeys = 1024;
constexpr std::size_t kMaxComment = 256;

// One line, from its start; columns count bytes from 1.
class LineReader {
  public:
    LineReader(std::string_view text, std::string_view file, std::size_t line)
        : text_(text), file_(file), line_(line) {}

    Result<AuthorizedKey> read();

  private:
    Error bad(std::string_view why) const { return bad(why, position_); }
    Error bad(std::string_view why, std::size_t position) const {
        return Error(base::ExitCode::config,
                     fmt::format("{}:{}:{}: {}", file_, line_, position + 1, why));
    }
    bool at_end() const { return position_ == text_.size(); }
    char here() const { return at_end() ? '\0' : text_[position_]; }
    bool at_blank() const { return here() == ' ' || here() == '\t'; }
    void skip_blanks() {
        while (at_blank())
            ++position_;
    }
    Result<void> read_options(AuthorizedKey& key);
    Result<std::string> read_value();
    Result<std::string> read_quoted();

    std::string_view text_;
    std::string_view file_;
    std::size_t line_;
    std::size_t position_ = 0;
};

Result<AuthorizedKey> LineReader::read() {
    AuthorizedKey key;
    key.line = line_;
    skip_blanks();
    if (!text_.substr(position_).starts_with("SHA256:")) {
        TRY(read_options(key));
        if (!at_blank()) return bad("expected the fingerprint of a key after the options");
        skip_blanks();
    }
    const std::size_t end = std::min(text_.find_first_of(" \t", position_), text_.size());
    const std::string_view fingerprint = text_.substr(position_, end - position_);
    if (!is_fingerprint(fingerprint)) {
        return bad("expected a fingerprint: SHA256: and 43 digits of base64");
    }
    key.fingerprint = fingerprint;
    position_ = end;
    skip_blanks();
    const std::string_view comment = base::trim(text_.substr(position_));
    if (comment.size() > kMaxComment) return bad("the comment is too long");
    key.comment = comment;
    return key;
}

Result<void> LineReader::read_options(AuthorizedKey& key) {
    const std::size_t start = position_;
    std::map<std::string_view, unsigned> given;
    while (true) {
        const std::size_t name_start = position_;
        while ((here() >= 'a' && here() <= 'z') || here() == '-')
            ++position_;
        const std::string_view name = text_.substr(name_start, position_ - name_start);
        if (name.empty() || here() != '=') return bad("expected OPTION=VALUE or a fingerprint");
        ++position_;
        const std::size_t value_start = position_;
        const std::string value = TRY(read_value());
        // A bad value is shown where it stands, a bad name where that stands.
        const std::string why = take_key_option(key, name, value, given[name]);
        if (!why.empty()) {
            const bool of_name = why.starts_with("unknown") || why.starts_with(name);
            return bad(why, of_name ? name_start : value_start);
        }
        ++given[name];
        if (here() != ',') break;
        ++position_;
    }
    const std::string why = settle_key_options(key, given.contains("allow"));
    if (!why.empty()) return bad(why, start);
    return {};
}

Result<std::string> LineReader::read_value() {
    if (here() == '"') return read_quoted();
    const std::size_t start = position_;
    while (!at_end() && !at_blank() && here() != ',' && here() != '"')
        ++position_;
    if (here() == '"') return bad("a quote within a value: quote all of it");
    if (position_ == start) return bad("the value is missing");
    return std::string(text_.substr(start, position_ - start));
}

Result<std::string> LineReader::read_quoted() {
    const std::size_t start = position_++;
    std::string value;
    while (!at_end() && here() != '"') {
        if (here() == '\\') {
            ++position_;
            if (here() != '"' && here() != '\\') {
                return bad("only \\\" and \\\\ are escapes", position_ - 1);
            }
        }
        value += here();
        ++position_;
    }
    if (at_end()) return bad("the quote is not closed", start);
    ++position_;
    if (!at_end() && !at_blank() && here() != ',') return bad("expected a comma or a blank");
    return value;
}

// 0 when the line is fit to be read, else 1 and the reason.
std::optional<std::pair<std::size_t, std::string_view>> unfit(std::string_view line) {
    if (line.size() > kMaxKeysLineBytes)
        return std::pair(kMaxKeysLineBytes, "the line is too long");
    for (std::size_t index = 0; index < line.size();) {
        const auto byte = static_cast<unsigned char>(line[index]);
        const std::size_t length = base::utf8_length(line.substr(index));
        if (length == 0) return std::pair(index, "not UTF-8");
        if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
            return std::pair(index, "a control character");
        }
        index += length;
    }
    return std::nullopt;
}

}  // namespace

bool AddressPattern::matches(const vsockio::Address& other) const {
    return address.kind == other.kind && address.cid == other.cid && address.path == other.path &&
           ::strcasecmp(address.host.c_str(), other.host.c_str()) == 0 && address.fd == other.fd &&
           (any_port || address.port == other.port);
}

Result<std::vector<AuthorizedKey>> parse_authorized_keys(std::string_view text,
                                                         std::string_view file) {
    const auto bad = [&](std::size_t line, std::size_t column, std::string_view why) {
        return Error(base::ExitCode::config, fmt::format("{}:{}:{}: {}", file, line, column, why));
    };
    if (text.size() > kMaxKeysFileBytes) return bad(1, 1, "the file is too large");
    std::vector<AuthorizedKey> keys;
    std::size_t number = 0;
    for (std::string_view line : base::split(text, '\n')) {
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (const auto found = unfit(line)) return bad(number, found->first + 1, found->second);
        const std::string_view content = base::trim(line);
        if (content.empty() || content[0] == '#') continue;
        if (keys.size() == kMaxKeys) return bad(number, 1, "too many keys");
        AuthorizedKey key = TRY(LineReader(line, file, number).read());
        if (const AuthorizedKey* other = find_key(keys, key.fingerprint)) {
            return bad(number, line.find(key.fingerprint) + 1,
                       fmt::format("this key is already in line {}", other->line));
        }
        keys.push_back(std::move(key));
    }
    return keys;
}

const AuthorizedKey* find_key(const std::vector<AuthorizedKey>& keys,
                              std::string_view fingerprint) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const AuthorizedKey& key) {
        return key.fingerprint == fingerprint;
    });
    return found == keys.end() ? nullptr : &*found;
}

}  // namespace pipeline
