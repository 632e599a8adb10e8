// Each step of the judgement: what passes it, and what fails exactly there.
#include "attest/verify.h"

#include <algorithm>

#include "base/file.h"
#include "maker.h"

using attest::Bytes;
using attest::Settings;
using attest::Step;
using attest_test::kNow;
using attest_test::Maker;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

attest::Document read(const Bytes& bytes) {
    auto document = attest::decode(bytes);
    REQUIRE(document.ok());
    return std::move(document).value();
}

attest::Verdict judge(const Bytes& bytes, const Settings& settings, milliseconds now = kNow) {
    auto verdict = attest::verify(read(bytes), settings, now);
    REQUIRE(verdict.ok());
    return std::move(verdict).value();
}

// "step place: expected / seen"
std::string say(const attest::Verdict& verdict) {
    if (!verdict.failure) return verdict.proven() ? "proven" : "accepted";
    const attest::Failure& failure = *verdict.failure;
    return std::string(name_of(failure.step)) + (failure.place.empty() ? "" : " ") + failure.place +
           ": " + failure.expected + " / " + failure.seen;
}

std::string say(Maker& maker) {
    maker.issue();
    return say(judge(maker.document(), Settings(maker.pinned_root())));
}

Bytes bytes(std::string_view text) {
    const auto from = base::as_bytes(text);
    return {from.begin(), from.end()};
}

}  // namespace

TEST_CASE("a good document passes every step that is asked for") {
    Maker maker;
    Settings settings(maker.pinned_root());
    const attest::Verdict plain = judge(maker.document(), settings);
    CHECK(plain.proven());
    CHECK(plain.passed == std::vector{Step::kind, Step::root, Step::certificate, Step::rights,
                                      Step::validity, Step::issuer, Step::signature, Step::debug,
                                      Step::age});
    settings.nonce = bytes("nonce");
    settings.user_data = bytes("user data");
    settings.public_key = bytes("key");
    settings.module_id = "i-1234-enc5678";
    settings.pcrs = attest::Expectations{{0, Bytes(48, std::byte{1})}, {15, Bytes(48)}};
    const Bytes document = maker.with("public_key", attest_test::bytes_of(bytes("key")));
    const attest::Verdict full = judge(document, settings);
    CHECK(full.proven());
    CHECK(full.passed.size() == 14);
    CHECK(std::ranges::is_sorted(full.passed));
    CHECK(describe(full) == "accepted, and proven by the pinned root");
}

TEST_CASE("the bundle's own root counts for nothing unless it is the pinned one") {
    Maker maker;
    Maker stranger;
    const Settings settings(stranger.pinned_root());
    const attest::Verdict verdict = judge(maker.document(), settings);
    REQUIRE(verdict.failure);
    CHECK(verdict.failure->step == Step::root);
    CHECK(verdict.failure->place == "cabundle[0]");
    CHECK(verdict.failure->expected ==
          "the pinned root, SHA-256 " + base::to_hex(settings.root.fingerprint));
    CHECK(verdict.failure->seen == "SHA-256 " + base::to_hex(maker.pinned_root().fingerprint));
    CHECK(verdict.passed == std::vector{Step::kind});
    CHECK_FALSE(verdict.proven());
}

TEST_CASE("a certificate that is none, or not strictly of the kind, fails at certificate") {
    Maker maker;
    const Settings settings(maker.pinned_root());
    CHECK(say(judge(maker.with("certificate", attest_test::bytes_of(Bytes(8))), settings)) ==
          "certificate certificate: a certificate in DER / it: no certificate");
    for (const auto level : {attest_test::regional, attest_test::instance, attest_test::leaf}) {
        Maker other;
        other.contents[level].hash = crypto::HashAlgorithm::sha256;
        CHECK(say(other).starts_with("certificate c"));
        CHECK(say(other).ends_with("ecdsa-with-SHA384 / ecdsa-with-SHA256"));
        other.contents[level].hash = crypto::HashAlgorithm::sha384;
        other.contents[level].extensions = {{"1.2.3.4", true, Bytes(2)}};
        CHECK(say(other).ends_with("only known critical extensions / 1.2.3.4"));
    }
    Maker curve;
    curve.curves[attest_test::zonal] = crypto::Curve::p256;
    CHECK(say(curve) == "certificate cabundle[2] (CN=zonal): a key on P-384 / P-256");
}

TEST_CASE("a leaf on another curve fails at certificate, whatever it signed") {
    Maker maker;
    maker.curves[attest_test::leaf] = crypto::Curve::p521;
    maker.signature_override = Bytes(96, std::byte{1});
    CHECK(say(maker) == "certificate certificate (CN=leaf): a key on P-384 / P-521");
}

TEST_CASE("who may issue and who may sign is told by basicConstraints and keyUsage") {
    const auto with = [](std::size_t level, auto change) {
        Maker maker;
        change(maker.contents[level]);
        return say(maker);
    };
    using Content = crypto::CertificateContent;
    CHECK(with(attest_test::leaf, [](Content& content) {
              content.basic_constraints->authority = true;
          }) == "rights certificate (CN=leaf): no certificate authority (CA false) / CA true");
    CHECK(with(attest_test::leaf, [](Content& content) {
              content.basic_constraints->path_length = 0;
          }) == "rights certificate (CN=leaf): no pathLen / 0");
    CHECK(with(attest_test::leaf, [](Content& content) { content.key_usage.reset(); }) ==
          "rights certificate (CN=leaf): keyUsage with digitalSignature / no keyUsage");
    CHECK(with(attest_test::leaf, [](Content& content) { content.key_usage->bits = {5}; }) ==
          "rights certificate (CN=leaf): keyUsage with digitalSignature / keyUsage without");
    CHECK(with(attest_test::leaf, [](Content& content) { content.basic_constraints.reset(); }) ==
          "rights certificate (CN=leaf): basicConstraints / none");
    CHECK(with(attest_test::instance, [](Content& content) {
              content.basic_constraints->authority = false;
          }) == "rights cabundle[3] (CN=instance): a certificate authority (CA true) / CA false");
    CHECK(with(attest_test::instance, [](Content& content) { content.key_usage.reset(); }) ==
          "rights cabundle[3] (CN=instance): keyUsage with keyCertSign / no keyUsage");
    CHECK(with(attest_test::zonal, [](Content& content) { content.key_usage->bits = {0}; }) ==
          "rights cabundle[2] (CN=zonal): keyUsage with keyCertSign / keyUsage without");
    CHECK(with(attest_test::zonal, [](Content& content) {
              content.basic_constraints->critical = false;
          }) == "rights cabundle[2] (CN=zonal): basicConstraints critical / not critical");
    CHECK(with(attest_test::regional, [](Content& content) {
              content.basic_constraints->path_length = 1;
          }) == "rights cabundle[1] (CN=regional): at most 1 authorities below it (pathLen) / 2");
    CHECK(with(attest_test::root, [](Content& content) {
              content.basic_constraints->path_length = 2;
          }) == "rights cabundle[0] (CN=root): at most 2 authorities below it (pathLen) / 3");
}

TEST_CASE("each certificate must be in force") {
    for (std::size_t level = 0; level < attest_test::kLevels; ++level) {
        Maker maker;
        maker.contents[level].not_after = kNow.count() - 1;
        CHECK(say(maker).starts_with("validity c"));
        CHECK(say(maker).ends_with("a time up to 2023-11-14T22:13:19Z / 2023-11-14T22:13:20Z"));
        maker.contents[level].not_after = kNow.count();
        CHECK(say(maker) == "proven");
        maker.contents[level].not_before = kNow.count() + 1;
        maker.contents[level].not_after = kNow.count() + 9;
        CHECK(say(maker).ends_with("a time from 2023-11-14T22:13:21Z on / 2023-11-14T22:13:20Z"));
    }
}

TEST_CASE("a module that is a little ahead of this clock may have a certificate that new") {
    Maker maker;
    maker.contents[attest_test::leaf].not_before = kNow.count() - 3;
    const Settings settings(maker.pinned_root());
    const Bytes document = maker.document();
    CHECK(say(judge(document, settings, kNow - seconds(30))) == "proven");
    CHECK(say(judge(document, settings, kNow - seconds(31))).starts_with("validity certificate"));
}

TEST_CASE("each certificate is issued by the one before it") {
    Maker maker;
    const Settings settings(maker.pinned_root());
    // Certificates of the same names, by keys that nobody vouches for.
    for (const auto level :
         {attest_test::regional, attest_test::zonal, attest_test::instance, attest_test::leaf}) {
        Maker stranger;
        stranger.issue();
        for (std::size_t kept = 0; kept < level; ++kept)
            stranger.certificates[kept] = maker.certificates[kept];
        const std::string said = say(judge(stranger.document(), settings));
        CHECK(said.starts_with("issuer c"));
        CHECK(said.ends_with("/ one that does not verify"));
    }
    // Another order: the names do not follow from each other.
    Maker swapped;
    swapped.contents[attest_test::zonal].basic_constraints->path_length.reset();
    swapped.contents[attest_test::regional].basic_constraints->path_length.reset();
    swapped.issue();
    std::swap(swapped.certificates[attest_test::regional],
              swapped.certificates[attest_test::zonal]);
    CHECK(say(judge(swapped.document(), Settings(swapped.pinned_root()))) ==
          "issuer cabundle[1] (CN=zonal): issued by CN=root / issued by another name");
    // A level left out.
    Maker shorter;
    Bytes bundle = attest_test::encoded([&](auto& writer) {
        shorter.issue();
        writer.array(1).bytes(shorter.certificates[attest_test::root]);
    });
    CHECK(say(judge(shorter.with("cabundle", bundle), Settings(shorter.pinned_root()))) ==
          "issuer certificate (CN=leaf): issued by CN=root / issued by another name");
}

TEST_CASE("the leaf's key signed the document as it is") {
    Maker maker;
    const Settings settings(maker.pinned_root());
    const std::string kWrong =
        "signature certificate (CN=leaf): a signature by its key / one that does not verify";
    maker.signature_override = Bytes(96);
    CHECK(say(judge(maker.document(), settings)) == kWrong);
    maker.signature_override = Bytes(96, std::byte{0xFF});
    CHECK(say(judge(maker.document(), settings)) == kWrong);
    maker.signature_override.clear();
    // The signature of another document.
    const attest::Document other = read(maker.with("nonce", attest_test::null()));
    maker.signature_override = other.signature;
    CHECK(say(judge(maker.document(), settings)) == kWrong);
}

TEST_CASE("an enclave in debug mode is refused unless allowed") {
    Maker maker;
    Settings settings(maker.pinned_root());
    maker.pcrs[0].second = Bytes(48);
    CHECK(say(judge(maker.document(), settings)) ==
          "debug PCR0: a measurement / all zero, as in debug mode");
    settings.allow_debug = true;
    CHECK(say(judge(maker.document(), settings)) == "proven");
    settings.allow_debug = false;
    maker.pcrs.erase(maker.pcrs.begin());
    CHECK(say(judge(maker.document(), settings)) == "debug PCR0: a value / absent");
}

TEST_CASE("nonce, user data and key are compared whole, and must be there") {
    Maker maker;
    const auto with = [&](auto change) {
        Settings settings(maker.pinned_root());
        change(settings);
        return say(judge(maker.document(), settings));
    };
    CHECK(with([](Settings& s) { s.nonce = bytes("nonc"); }) ==
          "nonce: 4 bytes 6e6f6e63 / 5 bytes 6e6f6e6365");
    CHECK(with([](Settings& s) { s.nonce = bytes("nonce"); }) == "proven");
    CHECK(with([](Settings& s) { s.nonce = bytes("noncf"); }) ==
          "nonce: 5 bytes 6e6f6e6366 / 5 bytes 6e6f6e6365");
    CHECK(with([](Settings& s) {
              s.user_data = Bytes(65, std::byte{1});
          }).starts_with("user_data: 65 bytes 0101"));
    CHECK(with([](Settings& s) { s.user_data = Bytes(); }) ==
          "user_data: 0 bytes / 9 bytes 757365722064617461");
    CHECK(with([](Settings& s) { s.public_key = Bytes(1); }) == "public_key: 1 bytes 00 / none");
    CHECK(with([](Settings& s) { s.module_id = "i-1\x1b"; }) ==
          "module_id: 'i-1\\x1b' / 'i-1234-enc5678'");
}

TEST_CASE("a document must be fresh") {
    Maker maker;
    for (auto& content : maker.contents)
        content.not_after = (kNow + hours(48)).count();
    Settings settings(maker.pinned_root());
    const Bytes document = maker.document();
    CHECK(say(judge(document, settings, kNow + minutes(5))) == "proven");
    CHECK(say(judge(document, settings, kNow + minutes(5) + milliseconds(1))) ==
          "age: at most 300.000 s old / 300.001 s");
    CHECK(say(judge(document, settings, kNow + hours(1))) ==
          "age: at most 300.000 s old / 3600.000 s");
    settings.maximum_age.reset();
    CHECK_FALSE(attest::verify(read(document), settings, kNow).ok());
    settings.nonce = bytes("nonce");
    CHECK(say(judge(document, settings, kNow + hours(1))) == "proven");
    // From the future, though every certificate is in force.
    CHECK(say(judge(document, settings, kNow - seconds(31))) ==
          "age: at most 30.000 s ahead of this clock / 31.000 s");
}

TEST_CASE("stored evidence is judged at its own time") {
    Maker maker;
    Settings settings(maker.pinned_root());
    settings.maximum_age.reset();
    CHECK(say(attest::verify_stored(read(maker.document()), settings).value()) == "proven");
    maker.contents[attest_test::leaf].not_after = kNow.count() - 1;
    maker.issue();
    settings.root = maker.pinned_root();
    CHECK(say(attest::verify_stored(read(maker.document()), settings).value())
              .starts_with("validity certificate"));
}

TEST_CASE("registers are as expected, or the first that is not is told") {
    Maker maker;
    Settings settings(maker.pinned_root());
    settings.pcrs = attest::Expectations{{0, Bytes(48, std::byte{1})}, {2, Bytes(48)}};
    CHECK(say(judge(maker.document(), settings)) ==
          "pcrs PCR2: " + std::string(96, '0') + " / " + base::to_hex(Bytes(48, std::byte{3})));
    settings.pcrs = attest::Expectations{{16, Bytes(48)}};
    CHECK(say(judge(maker.document(), settings)) ==
          "pcrs PCR16: " + std::string(96, '0') + " / absent");
}

TEST_CASE("settings that would accept too much are refused") {
    Maker maker;
    const attest::Document document = read(maker.document());
    const auto why = [&](const Settings& settings) {
        const auto verdict = attest::verify(document, settings, kNow);
        REQUIRE_FALSE(verdict.ok());
        CHECK(verdict.error().code == base::ExitCode::usage);
        return verdict.error().message;
    };
    Settings settings(maker.pinned_root());
    settings.pcrs.emplace();
    CHECK(why(settings) == "the expected registers are none");
    settings.pcrs.reset();
    settings.nonce.emplace();
    CHECK(why(settings) == "the nonce is empty");
    settings.nonce.reset();
    settings.maximum_age.reset();
    CHECK(why(settings) == "neither a nonce nor an age: nothing would show that it is fresh");
}

TEST_CASE("an emulated document is refused, or allowed and proves nothing") {
    Maker maker;
    Settings settings(maker.pinned_root());
    maker.algorithm = -1;
    maker.signature_override = Bytes(64);
    const Bytes document = maker.document();
    CHECK(say(judge(document, settings)) ==
          "kind: a signed document / one of an emulated module, which nobody signed");
    settings.allow_emulated = true;
    const attest::Verdict allowed = judge(document, settings);
    CHECK(allowed.accepted());
    CHECK_FALSE(allowed.proven());
    CHECK(describe(allowed).starts_with("accepted, but nothing is proven"));
    // What was expected still counts.
    settings.nonce = bytes("other");
    CHECK(say(judge(document, settings)).starts_with("nonce: "));
    // And allowing it makes no other document pass.
    Maker zero;
    zero.signature_override = Bytes(96);
    Settings lenient(zero.pinned_root());
    lenient.allow_emulated = true;
    CHECK(say(judge(zero.document(), lenient)).starts_with("signature "));
}

TEST_CASE("a document that QEMU's module made is known for what it is") {
    const auto content = base::read_file(VECTORS "/attest/ok/qemu.cbor", 65'536);
    REQUIRE(content.ok());
    const auto document = attest::decode(base::as_bytes(content.value()));
    REQUIRE(document.ok());
    CHECK(document.value().kind == attest::Kind::emulated);
    CHECK(document.value().module_id == "guest-16");
    CHECK(base::to_hex(*document.value().nonce) == "c0ffee0042");
    Settings settings(attest::aws_nitro_root().value());
    CHECK_FALSE(attest::verify_stored(document.value(), settings).value().accepted());
    settings.allow_emulated = true;
    const auto verdict = attest::verify_stored(document.value(), settings);
    CHECK(verdict.value().accepted());
    CHECK_FALSE(verdict.value().proven());
}

TEST_CASE("a change of any byte of a document is noticed") {
    Maker maker;
    const Settings settings(maker.pinned_root());
    const Bytes good = maker.document();
    attest::LinkCache cache;
    std::size_t malformed = 0;
    for (std::size_t index = 0; index < good.size(); ++index) {
        Bytes changed = good;
        changed[index] ^= std::byte{static_cast<unsigned char>(1U << (index % 8))};
        const auto document = attest::decode(changed);
        if (!document.ok()) {
            ++malformed;
            continue;
        }
        const auto verdict = attest::verify(document.value(), settings, kNow, &cache);
        CHECK((!verdict.ok() || !verdict.value().accepted()));
    }
    CHECK(malformed > 0);
    CHECK(malformed < good.size());
}

TEST_CASE("a root that could be nobody's is refused when it is read") {
    Maker maker;
    maker.issue();
    const auto pem = crypto::certificate_to_pem(maker.certificates[attest_test::root]).value();
    CHECK(attest::read_root(pem, "root.pem").ok());
    CHECK(attest::read_root(base::as_text(maker.certificates[attest_test::root]), "root").ok());
    const auto leaf =
        attest::read_root(base::as_text(maker.certificates[attest_test::leaf]), "file");
    REQUIRE_FALSE(leaf.ok());
    CHECK(leaf.error().message ==
          "file: unfit as a root: expected a certificate authority (CA true), seen CA false");
    CHECK_FALSE(attest::read_root("", "file").ok());
}
