// What a cache of verified certificates spares, and what it does not.
#include "attest/link_cache.h"

#include "crypto/digest.h"
#include "maker.h"

using attest_test::kNow;
using attest_test::Maker;

TEST_CASE("a cache finds by issuer and certificate, and forgets the oldest") {
    attest::LinkCache cache(2);
    const auto link = [](std::byte name) {
        auto made = std::make_shared<crypto::Link>();
        made->fingerprint = attest::Bytes(32, name);
        return made;
    };
    const attest::Bytes issuer(32, std::byte{9});
    const attest::Bytes other(32, std::byte{8});
    for (const int name : {1, 2, 2})
        cache.remember(issuer, link(std::byte(name)));
    CHECK(cache.size() == 2);
    CHECK(cache.find(issuer, attest::Bytes(32, std::byte{1})) != nullptr);
    CHECK(cache.find(other, attest::Bytes(32, std::byte{1})) == nullptr);
    cache.remember(issuer, link(std::byte{3}));
    CHECK(cache.size() == 2);
    CHECK(cache.find(issuer, attest::Bytes(32, std::byte{1})) == nullptr);
    CHECK(cache.find(issuer, attest::Bytes(32, std::byte{3})) != nullptr);
}

TEST_CASE("a warm cache judges as a cold one") {
    Maker maker;
    const attest::Settings settings(maker.pinned_root());
    const auto judge = [&](const attest::Bytes& bytes, std::chrono::milliseconds now,
                           attest::LinkCache* cache) {
        return describe(
            attest::verify(attest::decode(bytes).value(), settings, now, cache).value());
    };
    attest::LinkCache cache;
    const attest::Bytes document = maker.document();
    CHECK(judge(document, kNow, &cache) == "accepted, and proven by the pinned root");
    CHECK(cache.size() == 4);
    CHECK(judge(document, kNow, &cache) == "accepted, and proven by the pinned root");
    CHECK(cache.size() == 4);
    const auto late = kNow + std::chrono::hours(2);
    CHECK(judge(document, late, &cache) == judge(document, late, nullptr));
    CHECK(judge(document, late, &cache).starts_with("rejected at validity"));
    // The same certificate behind another issuer of the same name was never verified.
    Maker stranger;
    stranger.issue();
    stranger.certificates[attest_test::root] = maker.certificates[attest_test::root];
    const attest::Bytes forged = stranger.document();
    CHECK(judge(forged, kNow, &cache).starts_with("rejected at issuer, cabundle[1]"));
    CHECK(cache.size() == 4);
    auto broken = document;
    broken.back() ^= std::byte{1};
    CHECK(judge(broken, kNow, &cache).starts_with("rejected at signature"));
}

TEST_CASE("a cache goes through text, and spares the signatures then, too") {
    Maker maker;
    const attest::Settings settings(maker.pinned_root());
    const attest::Document document = attest::decode(maker.document()).value();
    attest::LinkCache first;
    REQUIRE(attest::verify(document, settings, kNow, &first).value().proven());
    const std::string text = first.to_text();
    CHECK(text.size() == std::size_t{4} * 130);
    attest::LinkCache second;
    REQUIRE(second.add_text(text).ok());
    CHECK(second.to_text() == text);
    CHECK(attest::verify(document, settings, kNow, &second).value().proven());
    CHECK(second.to_text() == text);
    CHECK(second.find(settings.root.fingerprint,
                      crypto::hash(crypto::HashAlgorithm::sha256, document.cabundle[1]).value()) !=
          nullptr);

    // What the text says is believed: so the signature was not looked at again.
    Maker stranger;
    stranger.issue();
    stranger.certificates[attest_test::root] = maker.certificates[attest_test::root];
    const attest::Document forged = attest::decode(stranger.document()).value();
    CHECK_FALSE(attest::verify(forged, settings, kNow, &second).value().accepted());
    const auto fingerprint =
        crypto::hash(crypto::HashAlgorithm::sha256, forged.cabundle[1]).value();
    REQUIRE(second
                .add_text(base::to_hex(settings.root.fingerprint) + " " +
                          base::to_hex(fingerprint) + "\n")
                .ok());
    CHECK(attest::verify(forged, settings, kNow, &second).value().proven());
}

TEST_CASE("text that is no cache adds nothing") {
    const std::string half(64, 'a');
    const std::string line = half + " " + half + "\n";
    for (const std::string& text :
         {half + "\n", half + " " + half, half + "  " + half + "\n", half + " " + half + " \n",
          line + "\n", half + " " + std::string(62, 'a') + "\n", line + "x\n"}) {
        attest::LinkCache cache;
        CHECK_FALSE(cache.add_text(text).ok());
        CHECK(cache.size() == 0);
    }
    attest::LinkCache cache(1);
    CHECK(cache.add_text("").ok());
    CHECK(cache.add_text(line + half + " " + std::string(64, 'b') + "\n").ok());
    CHECK(cache.size() == 1);
}
