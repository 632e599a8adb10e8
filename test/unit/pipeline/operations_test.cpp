// What the listener remembers of operations that have begun, and the lines that come of it.
#include "operations.h"

#include <catch2/catch_test_macros.hpp>

#include "admission.h"
#include "base/bytes.h"
#include "base/file.h"
#include "folder.h"
#include "proto/pipeline.h"

using namespace pipeline;

namespace {

std::vector<std::byte> said(std::uint16_t stream, const AuditEvent& event) {
    std::vector<std::byte> bytes(kStreamBytes);
    base::store_be(std::span(bytes), stream);
    const auto encoded = encode_audit(event);
    bytes.insert(bytes.end(), encoded.begin(), encoded.end());
    return bytes;
}

AuditEvent run_of(const std::string& argument, const std::string& outcome) {
    return {"run", argument, outcome, 0, std::chrono::milliseconds(0)};
}

std::size_t count(const std::string& text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++found;
    return found;
}

struct Bench {
    test::Folder folder;
    AuditIdentity identity{"SHA256:key", "alice", "vsock:3:1"};
    Operations operations = Operations::create(folder / "audit").value();
    Operations::Time now{std::chrono::seconds(1000)};

    std::string lines() const { return base::read_file(folder / "audit", 1 << 20).value(); }
};

}  // namespace

TEST_CASE("what has begun and not ended when the session is gone is cut off, once") {
    Bench bench;
    const Worker worker{7, bench.identity};
    const Worker other{8, bench.identity};
    bench.operations.begun(worker, said(1, run_of("first", "")), bench.now);
    bench.operations.begun(worker, said(3, run_of("second", "")), bench.now);
    bench.operations.begun(other, said(1, run_of("third", "")), bench.now);
    CHECK(count(bench.lines(), "\"run\"") == 0);
    bench.operations.ended(worker, said(1, run_of("first", "exit 0")), bench.now);
    bench.operations.session_over(worker, bench.now + std::chrono::milliseconds(250));
    const std::string text = bench.lines();
    CHECK(count(text, "exit 0") == 1);
    CHECK(count(text, "cut off") == 1);
    CHECK(text.find("second") != std::string::npos);
    CHECK(text.find("250") != std::string::npos);
    CHECK(text.find("third") == std::string::npos);
    bench.operations.session_over(worker, bench.now);
    CHECK(bench.lines() == text);
    bench.operations.session_over(other, bench.now);
    CHECK(count(bench.lines(), "cut off") == 2);
}

TEST_CASE("a session remembers no more than it can have streams, and junk is passed over") {
    Bench bench;
    const Worker worker{7, bench.identity};
    bench.operations.begun(worker, {}, bench.now);
    bench.operations.ended(worker, std::vector<std::byte>(5), bench.now);
    for (std::uint16_t stream = 1; stream < 1000; ++stream)
        bench.operations.begun(worker, said(stream, run_of("x", "")), bench.now);
    bench.operations.session_over(worker, bench.now);
    CHECK(count(bench.lines(), "cut off") == proto::pipeline::kMaximumStreams);
}

TEST_CASE("strangers fill the log no faster than a line a minute, and are counted") {
    Bench bench;
    bench.identity.key.clear();
    const Worker stranger{7, bench.identity};
    const auto refused = [&](Operations::Time at) {
        bench.operations.ended(stranger, said(0, {"connect", "", "is not authorised"}), at);
    };
    for (unsigned index = 0; index < Operations::kRefusals + 1000; ++index)
        refused(bench.now);
    CHECK(count(bench.lines(), "is not authorised") == Operations::kRefusals);
    refused(bench.now + Operations::kRefusalPause);
    refused(bench.now + Operations::kRefusalPause);
    CHECK(count(bench.lines(), "is not authorised") == Operations::kRefusals + 1);
    CHECK(count(bench.lines(), "; 1000 refusals before were left out") == 1);
    refused(bench.now + 1000 * Operations::kRefusalPause);
    CHECK(count(bench.lines(), "; 1 refusals before were left out") == 1);
    for (unsigned index = 0; index < 1000; ++index)
        refused(bench.now + 1000 * Operations::kRefusalPause);
    CHECK(count(bench.lines(), "is not authorised") == 2 * Operations::kRefusals + 1);
    // Who has a key is not counted among them.
    bench.identity.key = "SHA256:key";
    bench.operations.ended(stranger, said(1, run_of("x", "exit 0")),
                           bench.now + 1000 * Operations::kRefusalPause);
    CHECK(count(bench.lines(), "exit 0") == 1);
}
