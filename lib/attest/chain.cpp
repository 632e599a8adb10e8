// Cheap steps stand before costly ones: five signatures are most of the time that a document takes.
#include "attest/chain.h"

#include <memory>

#include "base/format.h"
#include "base/text.h"
#include "crypto/digest.h"

namespace attest {

using base::Result;
using crypto::Fault;
using crypto::Link;

namespace {

using Links = std::vector<std::shared_ptr<const Link>>;  // root first, leaf last

// The document's certificates as the place of a failure.
std::string place_of(const Links& links, std::size_t index) {
    const bool leaf = index + 1 == links.size();
    return fmt::format("{} ({})", leaf ? "certificate" : fmt::format("cabundle[{}]", index),
                       links[index]->subject);
}

std::optional<Failure> root_failure(const Document& document, const Link& root) {
    if (document.cabundle[0] == root.der) return std::nullopt;
    const auto seen = crypto::hash(crypto::HashAlgorithm::sha256, document.cabundle[0]);
    return Failure{Step::root, "cabundle[0]",
                   fmt::format("the pinned root, SHA-256 {}", base::to_hex(root.fingerprint)),
                   seen.ok() ? fmt::format("SHA-256 {}", base::to_hex(seen.value())) : "another"};
}

class Chain {
  public:
    Chain(const Document& document, const Link& root, LinkCache* cache)
        : document_(document), cache_(cache) {
        links_.push_back(std::shared_ptr<const Link>(std::shared_ptr<void>(), &root));
        known_.push_back(true);
    }

    // The bundle's other certificates and the leaf, from the cache or read anew.
    Result<std::optional<Failure>> read() {
        for (std::size_t index = 1; index < document_.cabundle.size(); ++index) {
            auto failure =
                TRY(read_one(document_.cabundle[index], fmt::format("cabundle[{}]", index)));
            if (failure) return failure;
        }
        return read_one(document_.certificate, "certificate");
    }

    std::optional<Failure> rights() const {
        const std::size_t authorities = links_.size() - 1;
        for (std::size_t index = 0; index < authorities; ++index) {
            const auto fault = crypto::authority_fault(*links_[index], authorities - 1 - index);
            if (fault) return failure(Step::rights, index, *fault);
        }
        const auto fault = crypto::leaf_fault(*links_.back());
        if (fault) return failure(Step::rights, authorities, *fault);
        return std::nullopt;
    }

    std::optional<Failure> validity(std::chrono::seconds time) const {
        for (std::size_t index = 0; index < links_.size(); ++index) {
            const auto fault = crypto::validity_fault(*links_[index], time.count());
            if (fault) return failure(Step::validity, index, *fault);
        }
        return std::nullopt;
    }

    std::optional<Failure> issuers() const {
        for (std::size_t index = 1; index < links_.size(); ++index) {
            if (known_[index]) continue;
            const auto fault = crypto::issuer_fault(*links_[index], *links_[index - 1]);
            if (fault) return failure(Step::issuer, index, *fault);
            if (cache_ != nullptr) cache_->remember(links_[index - 1]->fingerprint, links_[index]);
        }
        return std::nullopt;
    }

    std::optional<Failure> signature() const {
        if (links_.back()->key->verify(signed_bytes(document_), document_.signature)) {
            return std::nullopt;
        }
        return failure(Step::signature, links_.size() - 1,
                       {"a signature by its key", "one that does not verify"});
    }

  private:
    Result<std::optional<Failure>> read_one(const Bytes& der, const std::string& place) {
        const Bytes issuer = links_.back()->fingerprint;
        bool known = false;
        std::shared_ptr<const Link> link;
        if (cache_ != nullptr) {
            const Bytes fingerprint = TRY(crypto::hash(crypto::HashAlgorithm::sha256, der));
            known = cache_->knows(issuer, fingerprint);
            link = cache_->find(issuer, fingerprint);
        }
        if (link == nullptr) {
            auto parsed = crypto::parse_link(der, "it");
            if (!parsed.ok()) {
                return std::optional<Failure>(Failure{
                    Step::certificate, place, "a certificate in DER", parsed.error().message});
            }
            link = std::make_shared<const Link>(std::move(parsed).value());
            if (known) cache_->remember(issuer, link);
        }
        links_.push_back(std::move(link));
        known_.push_back(known);
        const auto fault = crypto::form_fault(*links_.back());
        if (!fault) return std::optional<Failure>();
        return std::optional<Failure>(Failure{Step::certificate,
                                              fmt::format("{} ({})", place, links_.back()->subject),
                                              fault->expected, fault->seen});
    }

    Failure failure(Step step, std::size_t index, Fault fault) const {
        return Failure{step, place_of(links_, index), std::move(fault.expected),
                       std::move(fault.seen)};
    }

    const Document& document_;
    LinkCache* cache_;
    Links links_;
    std::vector<bool> known_;  // whether the link's issuer was verified before
};

}  // namespace

Result<void> judge_chain(const Document& document, const Link& root, std::chrono::seconds time,
                         LinkCache* cache, Verdict& verdict) {
    Chain chain(document, root, cache);
    const auto take = [&](Step step, std::optional<Failure> failure) {
        if (!failure) verdict.passed.push_back(step);
        verdict.failure = std::move(failure);
        return !verdict.failure;
    };
    if (!take(Step::root, root_failure(document, root))) return {};
    if (!take(Step::certificate, TRY(chain.read()))) return {};
    if (!take(Step::rights, chain.rights())) return {};
    if (!take(Step::validity, chain.validity(time))) return {};
    if (!take(Step::issuer, chain.issuers())) return {};
    take(Step::signature, chain.signature());
    return {};
}

}  // namespace attest
