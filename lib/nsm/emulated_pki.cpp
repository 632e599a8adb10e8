// From the root down: each level is read and, if it does not do, made.
#include "nsm/emulated_pki.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "crypto/chain.h"
#include "crypto/issue.h"

namespace nsm::emulated {

using base::Error;
using base::Result;
using crypto::PrivateKey;

namespace {

constexpr std::size_t kMaximumFileBytes = 16'384;
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kBackdating = 3;     // seconds; real leaves are, too
constexpr std::int64_t kRenewBefore = 600;  // seconds; a document is judged after it was made

struct Level {
    std::string_view name;  // of the file, without .pem
    std::int64_t lifetime_seconds;
    bool authority;
    std::optional<std::uint32_t> path_length;
    std::array<int, 3> usage_bits;  // RFC 5280 4.2.1.3; the same one again fills up
    bool key_identifiers;
};
constexpr Level kRoot{"root", 30 * 365 * kDay, true, std::nullopt, {0, 5, 6}, true};
constexpr Level kBelow[] = {
    {"regional", 20 * kDay, true, 2, {0, 5, 6}, true},
    {"zonal", 6 * kDay, true, 1, {0, 5, 6}, true},
    {"instance", kDay, true, 0, {5, 5, 5}, false},
    {"enclave", 3 * 3600, false, std::nullopt, {0, 1, 1}, false},
};

// A key is read when something must be signed with it, which is rare above the enclave's own.
struct Holder {
    crypto::Link link;
    std::string key_path;
    std::optional<PrivateKey> key;
};

// "i-1-enc2" lies on instance "i-1".
std::string common_name(const Level& level, const std::string& module_id) {
    const std::string instance = module_id.substr(0, module_id.find("-enc"));
    if (level.name == "root") return "emulated.nitro-enclaves";
    if (level.name == "enclave") return module_id + ".emulated";
    if (level.name == "instance") return instance + ".emulated.nitro-enclaves";
    return fmt::format("{}.emulated.nitro-enclaves", level.name);
}

crypto::CertificateContent content_of(const Level& level, const std::string& module_id,
                                      std::int64_t now) {
    crypto::CertificateContent content;
    content.subject = {
        {"O", "enclavebox"}, {"OU", "NSM emulator"}, {"CN", common_name(level, module_id)}};
    content.not_before = now - kBackdating;
    content.not_after = now + level.lifetime_seconds;
    content.basic_constraints = crypto::BasicConstraintsContent{
        .authority = level.authority, .path_length = level.path_length, .critical = true};
    content.key_usage = crypto::KeyUsageContent{
        .bits = {level.usage_bits.begin(), level.usage_bits.end()}, .critical = level.authority};
    content.key_identifiers = level.key_identifiers;
    return content;
}

std::string path_of(const std::string& folder, std::string_view name) {
    return fmt::format("{}/{}.pem", folder, name);
}

Result<void> write_file(const std::string& path, std::string_view text, unsigned mode) {
    base::OutputFile file = TRY(base::OutputFile::create(path, mode));
    TRY(base::write_all(file.fd(), base::as_bytes(text), path));
    return file.commit();
}

// nullopt: there is no such file.
Result<std::optional<std::string>> read_if_there(const std::string& path) {
    auto text = base::read_file(path, kMaximumFileBytes);
    if (text.ok()) return std::optional<std::string>(std::move(text).value());
    if (text.error().errno_value == ENOENT) return std::optional<std::string>();
    return std::move(text).error();
}

Result<PrivateKey> read_key(const std::string& path) {
    std::string secret = TRY(base::read_file(path, kMaximumFileBytes));
    auto key = PrivateKey::from_pem(secret, path);
    crypto::wipe(secret);
    return key;
}

Result<crypto::Link> issue(const Level& level, const std::string& module_id, std::int64_t now,
                           const PrivateKey& key, Holder* issuer) {
    if (issuer != nullptr && !issuer->key) issuer->key = TRY(read_key(issuer->key_path));
    const Bytes above = issuer == nullptr ? Bytes() : issuer->link.der;
    const PrivateKey& issuer_key = issuer == nullptr ? key : *issuer->key;
    const crypto::PublicKey subject_key = TRY(key.public_key());
    const Bytes der = TRY(crypto::issue_certificate(content_of(level, module_id, now), subject_key,
                                                    above, issuer_key));
    return crypto::parse_link(der, level.name);
}

// The certificate is written last: when it is there, the root is whole.
Result<Holder> make_root(const std::string& folder, const std::string& module_id,
                         std::int64_t now) {
    PrivateKey key = TRY(PrivateKey::generate(crypto::Curve::p384));
    crypto::Link link = TRY(issue(kRoot, module_id, now, key, nullptr));
    std::string secret = TRY(key.to_pem());
    const std::string key_path = path_of(folder, "root-key");
    const auto written = write_file(key_path, secret, 0600);
    crypto::wipe(secret);
    if (!written.ok()) return base::Error(written.error());
    const std::string pem = TRY(crypto::certificate_to_pem(link.der));
    TRY(write_file(path_of(folder, "root"), pem, 0644));
    return Holder{std::move(link), key_path, std::move(key)};
}

Result<Holder> root_of(const std::string& folder, const std::string& module_id, std::int64_t now) {
    const std::string path = path_of(folder, "root");
    const auto pem = TRY(read_if_there(path));
    if (!pem) return make_root(folder, module_id, now);
    crypto::Link link = TRY(crypto::parse_link_pem(*pem, base::escape(path)));
    return Holder{std::move(link), path_of(folder, "root-key"), std::nullopt};
}

// What a file holds, when it is in force for long enough and the issuer's.
std::optional<Holder> usable(std::string_view text, const std::string& path, std::int64_t now,
                             const Holder& issuer) {
    auto link = crypto::parse_link_pem(text, path);
    if (!link.ok()) return std::nullopt;
    if (crypto::validity_fault(link.value(), now) ||
        crypto::validity_fault(link.value(), now + kRenewBefore) ||
        crypto::issuer_fault(link.value(), issuer.link)) {
        return std::nullopt;
    }
    return Holder{std::move(link).value(), path, std::nullopt};
}

Result<Holder> level_of(const Level& level, const std::string& folder, const std::string& module_id,
                        std::int64_t now, Holder& issuer) {
    const std::string path = path_of(folder, level.name);
    if (auto text = TRY(read_if_there(path))) {
        auto found = usable(*text, path, now, issuer);
        crypto::wipe(*text);
        if (found) return std::move(*found);
    }
    PrivateKey key = TRY(PrivateKey::generate(crypto::Curve::p384));
    crypto::Link link = TRY(issue(level, module_id, now, key, &issuer));
    const std::string pem = TRY(crypto::certificate_to_pem(link.der));
    std::string text = TRY(key.to_pem()) + pem;
    const auto written = write_file(path, text, 0600);
    crypto::wipe(text);
    if (!written.ok()) return base::Error(written.error());
    return Holder{std::move(link), path, std::move(key)};
}

}  // namespace

Result<Chain> load_chain(const std::string& folder, const std::string& module_id,
                         std::int64_t now) {
    Holder holder = TRY(root_of(folder, module_id, now));
    std::vector<Bytes> bundle;
    std::int64_t earliest_end = holder.link.not_after;
    for (const Level& level : kBelow) {
        bundle.push_back(holder.link.der);
        holder = TRY(level_of(level, folder, module_id, now, holder));
        earliest_end = std::min(earliest_end, holder.link.not_after);
    }
    if (!holder.key) holder.key = TRY(read_key(holder.key_path));
    return Chain{std::move(bundle), std::move(holder.link.der), std::move(*holder.key),
                 earliest_end - kRenewBefore};
}

}  // namespace nsm::emulated
