// The emulator: the contract, its evidence, and what stays in the folder.
#include "nsm/emulator.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "attest/root.h"
#include "attest/verify.h"
#include "base/file.h"
#include "contract.h"
#include "nsm/emulated_pki.h"
#include "nsm/open.h"

using nsm_test::Bytes;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

class Folder {
  public:
    Folder() {
        char name[] = "/tmp/nsm-emulator-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        top_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(top_); }
    std::string path() const { return top_ + "/module"; }
    std::string file(const std::string& name) const { return path() + "/" + name; }
    std::string beside(const std::string& name) const { return top_ + "/" + name; }

  private:
    std::string top_;
};

std::unique_ptr<nsm::Module> open(const std::string& words) {
    auto module = nsm::open_module(words);
    REQUIRE(module.ok());
    return std::move(module).value();
}

std::unique_ptr<nsm::Module> open(const Folder& folder) {
    return open("emulator:" + folder.path());
}

std::string why_not(const std::string& words) {
    const auto module = nsm::open_module(words);
    return module.ok() ? "opened" : module.error().message;
}

void write(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::trunc) << text;
}

attest::Settings pinned(const Folder& folder) {
    const auto pem = base::read_file(folder.file("root.pem"), 16'384);
    REQUIRE(pem.ok());
    auto root = attest::read_root(pem.value(), "root.pem");
    REQUIRE(root.ok());
    return attest::Settings(std::move(root).value());
}

milliseconds now() {
    return std::chrono::duration_cast<milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

std::string measured(char digit) {
    return R"({"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": ")" +
           std::string(96, digit) + R"("}})";
}

}  // namespace

TEST_CASE("the emulator keeps the contract") {
    const Folder folder;
    nsm_test::check_contract(*open(folder));
}

TEST_CASE("its documents verify under its root, as real ones do under theirs") {
    const Folder folder;
    write(folder.beside("measured.json"), measured('7'));
    const auto module =
        open("emulator:" + folder.path() + ",measurements=" + folder.beside("measured.json"));
    nsm::AttestationRequest request;
    request.nonce = Bytes(32, std::byte{1});
    request.user_data = Bytes(64, std::byte{2});
    const auto bytes = module->attest(request);
    REQUIRE(bytes.ok());
    const auto document = attest::decode(bytes.value());
    REQUIRE(document.ok());
    CHECK(document.value().cabundle.size() == 4);
    CHECK(document.value().pcrs.size() == 16);
    CHECK_FALSE(document.value().public_key);
    CHECK(document.value().module_id == module->describe().value().module_id);

    attest::Settings settings = pinned(folder);
    settings.nonce = request.nonce;
    settings.user_data = request.user_data;
    settings.pcrs = attest::parse_expectations(measured('7')).value();
    const auto verdict = attest::verify(document.value(), settings, now());
    REQUIRE(verdict.ok());
    CHECK(describe(verdict.value()) == "accepted, and proven by the pinned root");
    settings.pcrs = attest::parse_expectations(measured('8')).value();
    CHECK_FALSE(attest::verify(document.value(), settings, now()).value().accepted());
    // And under nobody else's.
    const Folder other;
    open(other);
    attest::Settings strange = pinned(other);
    const auto refused = attest::verify(document.value(), strange, now());
    REQUIRE(refused.value().failure);
    CHECK(refused.value().failure->step == attest::Step::root);
}

TEST_CASE("without measurements it looks like an enclave in debug mode") {
    const Folder folder;
    const auto module = open(folder);
    const auto document = attest::decode(module->attest({}).value());
    const auto verdict = attest::verify(document.value(), pinned(folder), now());
    REQUIRE(verdict.value().failure);
    CHECK(verdict.value().failure->step == attest::Step::debug);
}

TEST_CASE("registers outlive the process, and others see them at once") {
    const Folder folder;
    const auto first = open(folder);
    const auto second = open(folder);
    const auto data = base::as_bytes("data");
    const Bytes value = first->extend_pcr(20, data).value();
    CHECK(second->describe_pcr(20).value().value == value);
    REQUIRE(second->lock_pcr(20).ok());
    CHECK_FALSE(first->extend_pcr(20, data).ok());
    const auto third = open(folder);
    CHECK(third->describe_pcr(20).value().value == value);
    CHECK(third->describe().value().module_id == first->describe().value().module_id);
    // A locked register is attested.
    CHECK(attest::decode(third->attest({}).value()).value().pcrs.at(20) == value);
}

TEST_CASE("processes that extend a register at once lose nothing") {
    const Folder folder;
    open(folder);
    constexpr int kProcesses = 4;
    constexpr int kTimes = 10;
    for (int process = 0; process < kProcesses; ++process) {
        if (::fork() != 0) continue;
        const auto module = nsm::open_module("emulator:" + folder.path());
        bool good = module.ok();
        for (int time = 0; good && time < kTimes; ++time)
            good = module.value()->extend_pcr(16, base::as_bytes("x")).ok();
        ::_exit(good ? 0 : 1);
    }
    for (int process = 0; process < kProcesses; ++process) {
        int status = 0;
        REQUIRE(::wait(&status) > 0);
        CHECK(status == 0);
    }
    Bytes expected(48);
    for (int time = 0; time < kProcesses * kTimes; ++time) {
        expected.push_back(std::byte{'x'});
        expected = crypto::hash(crypto::HashAlgorithm::sha384, expected).value();
    }
    CHECK(open(folder)->describe_pcr(16).value().value == expected);
}

TEST_CASE("what runs out is made anew, and what does not stays") {
    const Folder folder;
    open(folder);
    const std::string id = "i-1-enc2";
    const std::int64_t start = std::chrono::floor<seconds>(now()).count();
    const auto at = [&](std::int64_t later) {
        auto chain = nsm::emulated::load_chain(folder.path(), id, start + later);
        REQUIRE(chain.ok());
        return std::move(chain).value();
    };
    const auto first = at(0);
    const auto soon = at(3600);
    CHECK(soon.certificate == first.certificate);
    const auto later = at(4 * 3600);
    CHECK(later.certificate != first.certificate);
    CHECK(later.bundle == first.bundle);
    const auto tomorrow = at(2 * 86'400);
    CHECK(tomorrow.bundle[3] != first.bundle[3]);
    CHECK(tomorrow.bundle[2] == first.bundle[2]);
    const auto next_month = at(31 * 86'400);
    CHECK(next_month.bundle[0] == first.bundle[0]);
    CHECK(next_month.bundle[1] != first.bundle[1]);
    // Each of them carries a document at its time.
    const auto state = nsm::emulated::initial_state(id, std::nullopt).value();
    attest::Settings settings = pinned(folder);
    settings.allow_debug = true;
    for (const auto* chain : {&later, &tomorrow, &next_month}) {
        const milliseconds time = seconds(chain->renew_after);
        const auto bytes = nsm::emulated::make_document(state, *chain, time, {});
        const auto document = attest::decode(bytes.value());
        CHECK(attest::verify(document.value(), settings, time).value().proven());
    }
}

TEST_CASE("a damaged level is replaced, a damaged root or state is told") {
    const Folder folder;
    open(folder);
    write(folder.file("zonal.pem"), "nothing");
    attest::Settings settings = pinned(folder);
    settings.allow_debug = true;
    const auto document = attest::decode(open(folder)->attest({}).value());
    CHECK(attest::verify(document.value(), settings, now()).value().proven());
    write(folder.file("root.pem"), "nothing");
    CHECK(why_not("emulator:" + folder.path()).ends_with("root.pem: no certificate in PEM"));
    write(folder.file("registers.json"), "{}");
    CHECK(why_not("emulator:" + folder.path())
              .ends_with("registers.json: not the registers of an emulator: no module_id"));
}

TEST_CASE("keys are for their owner's eyes") {
    const Folder folder;
    open(folder);
    for (const std::string name : {"root-key", "regional", "zonal", "instance", "enclave"}) {
        struct stat status {};
        REQUIRE(::stat(folder.file(name + ".pem").c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
    }
}

TEST_CASE("a rate is kept, whoever asks") {
    const Folder folder;
    const auto first = open("emulator:" + folder.path() + ",rate=100");
    const auto second = open("emulator:" + folder.path() + ",rate=100");
    const auto start = std::chrono::steady_clock::now();
    for (int turn = 0; turn < 6; ++turn) {
        REQUIRE(first->attest({}).ok());
        REQUIRE(second->attest({}).ok());
    }
    CHECK(std::chrono::steady_clock::now() - start >= milliseconds(110));
}

TEST_CASE("an old folder has the measurements it was made with") {
    const Folder folder;
    const std::string file = folder.beside("measured.json");
    const std::string words = "emulator:" + folder.path() + ",measurements=" + file;
    write(file, measured('7'));
    open(words);
    open(words);
    write(file, measured('8'));
    CHECK(why_not(words) == "the emulator was made with another PCR0");
    write(file, R"({"PCR16": ")" + std::string(96, '1') + "\"}");
    const Folder fresh;
    CHECK(why_not("emulator:" + fresh.path() + ",measurements=" + file) ==
          "PCR16 cannot be measured: it is zero at the start");
}

TEST_CASE("words that are none of the emulator's are told") {
    const Folder folder;
    const std::string good = "emulator:" + folder.path();
    CHECK(why_not("emulator:") == "emulator: wants a folder behind the colon");
    CHECK(why_not(good + ",speed=1") == "'speed=1': no setting of the emulator");
    CHECK(why_not(good + ",rate=0").find("'0'") != std::string::npos);
    CHECK(why_not(good + ",rate") != "opened");
    CHECK(why_not("emulator:/nowhere/at/all").starts_with("cannot make folder"));
    CHECK_FALSE(std::filesystem::exists(folder.path()));
}
