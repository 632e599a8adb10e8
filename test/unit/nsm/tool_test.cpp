// The commands of nsm(1) over a module of our own.
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "base/file.h"
#include "base/text.h"
#include "codec/json.h"
#include "commands.h"
#include "fake_module.h"
#include "options.h"

using base::ExitCode;
using nsm_test::State;

namespace {

struct Outcome {
    ExitCode code = ExitCode::done;
    std::string text;  // output, or the error's message
    bool opened = false;
};

Outcome run(State& state, std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    Outcome outcome;
    const auto arguments = base::parse_arguments(nsm_tool::kTool, argv);
    if (!arguments.ok()) return {arguments.error().code, arguments.error().message, false};
    const auto result = nsm_tool::run_command(
        arguments.value(), [&]() -> base::Result<std::unique_ptr<nsm::Module>> {
            outcome.opened = true;
            return std::unique_ptr<nsm::Module>(new nsm_test::FakeModule(state));
        });
    outcome.code = result.ok() ? ExitCode::done : result.error().code;
    outcome.text = result.ok() ? result.value() : result.error().message;
    return outcome;
}

std::string repeated(std::string_view digits, std::size_t times) {
    std::string out;
    while (times-- > 0)
        out += digits;
    return out;
}

// A file in a folder of its own, gone at the end of the test.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view content) {
        char folder[] = "/tmp/nsm-test-XXXXXX";
        REQUIRE(::mkdtemp(folder) != nullptr);
        folder_ = folder;
        auto file = base::OutputFile::create(path());
        REQUIRE(file.ok());
        REQUIRE(base::write_all(file.value().fd(), base::as_bytes(content), path()).ok());
        REQUIRE(file.value().commit().ok());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        ::unlink(path().c_str());
        ::rmdir(folder_.c_str());
    }
    std::string path() const { return folder_ + "/file"; }

  private:
    std::string folder_;
};

}  // namespace

TEST_CASE("describe tells people and machines the same") {
    State state = nsm_test::fresh_state();
    state.registers[20].locked = true;
    CHECK(run(state, {"describe"}).text ==
          "module     i-1-enc2\n"
          "version    1.2.3\n"
          "digest     SHA384\n"
          "registers  32\n"
          "locked     0-15,20\n");
    const auto json = codec::json::parse(run(state, {"describe", "--json"}).text);
    REQUIRE(json.ok());
    CHECK(json.value().find("module_id")->as_text() == "i-1-enc2");
    CHECK(json.value().find("version_minor")->as_integer() == 2);
    CHECK(json.value().find("max_pcrs")->as_integer() == 32);
    CHECK(json.value().find("locked_pcrs")->as_array()->size() == 17);
}

TEST_CASE("random joins as many replies as it takes and cuts to size") {
    State state = nsm_test::fresh_state();
    CHECK(run(state, {"random", "3"}).text == "010101\n");
    CHECK(state.random_calls == 1);
    const Outcome raw = run(state, {"random", "--raw", "600"});
    CHECK(raw.text.size() == 600);
    CHECK(state.random_calls == 4);
    CHECK(raw.text[0] == 2);
    CHECK(raw.text[599] == 4);
    state.random_bytes = 0;
    CHECK(run(state, {"random", "1"}).code == ExitCode::protocol);
}

TEST_CASE("wrong words are told before the module is opened") {
    State state = nsm_test::fresh_state();
    const std::vector<std::vector<std::string>> wrong = {{"describe", "x"},
                                                         {"random"},
                                                         {"random", "0"},
                                                         {"random", "1048577"},
                                                         {"random", "1", "2"},
                                                         {"random", "--raw", "--hex", "1"},
                                                         {"pcr"},
                                                         {"pcr", "raed"},
                                                         {"pcr", "read", "256"},
                                                         {"pcr", "read", "x"},
                                                         {"pcr", "read", "--below=3"},
                                                         {"pcr", "extend", "16"},
                                                         {"pcr", "extend", "16", "00", "00"},
                                                         {"pcr", "lock"},
                                                         {"pcr", "lock", "1", "2"},
                                                         {"pcr", "lock", "1", "--below=2"},
                                                         {"pcr", "lock", "--below=0"},
                                                         {"attest", "x"},
                                                         {"attest", "--nonce=-", "--user-data=-"}};
    for (const auto& words : wrong) {
        CAPTURE(words);
        const Outcome outcome = run(state, words);
        CHECK(outcome.code == ExitCode::usage);
        CHECK_FALSE(outcome.opened);
    }
    CHECK(run(state, {"pcr", "extend", "16", "0g"}).code == ExitCode::data);
    CHECK(run(state, {"attest", "--user-data", "@/nowhere/x"}).code == ExitCode::no_input);
    CHECK(state.log.empty());
}

TEST_CASE("pcr read prints the registers asked for, in order, each once") {
    State state = nsm_test::fresh_state();
    CHECK(run(state, {"pcr", "read", "16", "2", "16"}).text ==
          "PCR2   locked  " + repeated("02", 48) + "\nPCR16  open    " + repeated("10", 48) + "\n");
    const std::string all = run(state, {"pcr", "read"}).text;
    CHECK(std::count(all.begin(), all.end(), '\n') == 32);
    CHECK(all.find("PCR31  open    1f1f") != std::string::npos);
    const Outcome beyond = run(state, {"pcr", "read", "3", "40"});
    CHECK(beyond.code == ExitCode::usage);
    CHECK(beyond.text == "PCR40: there is no such register");
}

TEST_CASE("pcr read --json is the object that eif measure prints") {
    State state = nsm_test::fresh_state();
    const auto json = codec::json::parse(run(state, {"pcr", "read", "--json", "0", "1"}).text);
    REQUIRE(json.ok());
    REQUIRE(json.value().as_object()->size() == 1);
    const auto* values = json.value().find("Measurements");
    REQUIRE(values != nullptr);
    CHECK(values->as_object()->size() == 3);
    CHECK(values->find("HashAlgorithm")->as_text() == "Sha384 { ... }");
    CHECK(values->find("PCR0")->as_text() == repeated("00", 48));
    CHECK(values->find("PCR1")->as_text() == repeated("01", 48));
}

TEST_CASE("pcr extend takes digits or a file and prints the new value") {
    State state = nsm_test::fresh_state();
    CHECK(run(state, {"pcr", "extend", "16", "abcd"}).text == repeated("ab", 48) + "\n");
    const TemporaryFile file("Zebra");
    CHECK(run(state, {"pcr", "extend", "17", "@" + file.path()}).text == repeated("5a", 48) + "\n");
    CHECK(state.log == std::vector<std::string>{"extend 16 by 2", "extend 17 by 5"});
    const auto json = run(state, {"pcr", "extend", "--json", "18", "01"});
    CHECK(json.text.find("\"PCR18\": \"0101") != std::string::npos);
    CHECK(run(state, {"pcr", "extend", "3", "00"}).code == ExitCode::refused);
    const TemporaryFile large(std::string(4097, 'x'));
    CHECK(run(state, {"pcr", "extend", "16", "@" + large.path()}).code == ExitCode::data);
}

TEST_CASE("pcr lock locks one register or all below a number, and prints nothing") {
    State state = nsm_test::fresh_state();
    CHECK(run(state, {"pcr", "lock", "16"}).text.empty());
    CHECK(run(state, {"pcr", "lock", "--below", "20"}).text.empty());
    CHECK(state.log == std::vector<std::string>{"lock 16", "lock below 20"});
    CHECK(run(state, {"pcr", "read", "19", "20"}).text.find("PCR20  open") != std::string::npos);
    CHECK(run(state, {"pcr", "extend", "19", "00"}).code == ExitCode::refused);
}

TEST_CASE("attest hands over what was given and nothing for what was not") {
    State state = nsm_test::fresh_state();
    const TemporaryFile key("0DER");
    const Outcome outcome = run(state, {"attest", "--nonce", "c0ffee", "--public-key", key.path()});
    CHECK(outcome.text == std::string("\x84\0\n", 3));
    REQUIRE(state.request.nonce.has_value());
    CHECK(base::to_hex(*state.request.nonce) == "c0ffee");
    CHECK_FALSE(state.request.user_data.has_value());
    REQUIRE(state.request.public_key.has_value());
    CHECK(base::as_text(*state.request.public_key) == "0DER");
    run(state, {"attest", "--user-data", ""});
    REQUIRE(state.request.user_data.has_value());
    CHECK(state.request.user_data->empty());
    CHECK_FALSE(state.request.nonce.has_value());
}

TEST_CASE("a key in PEM is refused, the document wants DER") {
    State state = nsm_test::fresh_state();
    const TemporaryFile key("-----BEGIN PUBLIC KEY-----\n");
    const Outcome outcome = run(state, {"attest", "--public-key", key.path()});
    CHECK(outcome.code == ExitCode::data);
    CHECK(outcome.text.ends_with("is PEM, the document wants DER"));
    CHECK_FALSE(outcome.opened);
}
