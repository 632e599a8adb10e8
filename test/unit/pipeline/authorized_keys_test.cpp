// authorized_keys(5): what each line means, and where a bad one is bad.
#include "authorized_keys.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/file.h"

using namespace pipeline;
using std::chrono::milliseconds;

namespace {

const std::string kKey = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
const std::string kOther = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";

// The one key of a line that must be good.
AuthorizedKey key_of(const std::string& options) {
    const auto keys = parse_authorized_keys(options + " " + kKey, "keys");
    if (!keys.ok()) FAIL(options << ": " << keys.error().message);
    REQUIRE(keys->size() == 1);
    return keys->front();
}

std::string error_of(const std::string& text) {
    const auto keys = parse_authorized_keys(text, "keys");
    if (keys.ok()) FAIL("accepted: " << text);
    CHECK(keys.error().code == base::ExitCode::config);
    return keys.error().message;
}

std::string option_error(const std::string& options) {
    return error_of(options + " " + kKey);
}

Rights rights(std::initializer_list<Right> list) {
    Rights made = Rights::none();
    for (const Right right : list)
        made.add(right);
    return made;
}

}  // namespace

TEST_CASE("a key alone may do everything") {
    const auto keys = parse_authorized_keys(
        "# people\n\n  \t\n" + kKey + "\n" + kOther + "   alice on her laptop \r\n", "keys");
    REQUIRE(keys.ok());
    REQUIRE(keys->size() == 2);
    CHECK(keys.value()[0].fingerprint == kKey);
    CHECK(keys.value()[0].comment == "");
    CHECK(keys.value()[0].line == 4);
    CHECK(keys.value()[0].rights == Rights::all());
    CHECK(keys.value()[1].comment == "alice on her laptop");
    CHECK(find_key(keys.value(), kOther) == &keys.value()[1]);
    CHECK(find_key(keys.value(), "SHA256:") == nullptr);
}

TEST_CASE("no line is no key, and no error") {
    CHECK(parse_authorized_keys("", "keys")->empty());
    CHECK(parse_authorized_keys("# nobody yet\n", "keys")->empty());
}

TEST_CASE("each option is read") {
    CHECK(key_of("allow=run+copy").rights == rights({Right::run, Right::copy}));
    CHECK(key_of("allow=\"info\"").rights == rights({Right::info}));
    CHECK(key_of("allow=control+shell+forward+run+copy+info").rights == Rights::all());
    CHECK(key_of(R"(command="echo \"a\\b\", done")").command == R"(echo "a\b", done)");
    CHECK(key_of("user=app").user == "app");
    CHECK(key_of("user=\"1000:100\"").user == "1000:100");
    CHECK(key_of("from-cid=3,from-cid=0x10").cids == std::vector<std::uint32_t>{3, 16});
    CHECK(key_of("expires=2027-01-31").expires == parse_instant("2027-01-31T00:00:00Z"));
    CHECK(key_of("expires=\"2027-01-31T12:00:00Z\"").expires ==
          parse_instant("2027-01-31T12:00:00Z"));
    CHECK(key_of("max-sessions=4").max_sessions == 4U);
    CHECK(key_of("max-time=1h").max_time == std::chrono::hours(1));
    CHECK(key_of("environment=\"A=b c\",environment=B=").environment ==
          std::vector<std::string>{"A=b c", "B="});
    const AuthorizedKey forwards =
        key_of("permit-open=\"tcp:[::1]:*\",permit-open=unix:/run/a,permit-listen=vsock:any:7");
    REQUIRE(forwards.may_open.size() == 2);
    CHECK(forwards.may_open[0].any_port);
    CHECK(forwards.may_open[0].address.host == "::1");
    CHECK(forwards.may_open[1].address.path == "/run/a");
    CHECK(forwards.may_listen.at(0).address.port == 7);
    CHECK_FALSE(forwards.may_listen[0].any_port);
}

TEST_CASE("a path without allow leaves what a path can hold") {
    const AuthorizedKey key = key_of("path=\"/data//in/\",path=/");
    CHECK(key.folders == std::vector<std::string>{"/data/in", "/"});
    CHECK(key.rights == rights({Right::copy, Right::info}));
    CHECK(key_of("path=/d,allow=copy+forward").rights == rights({Right::copy, Right::forward}));
}

TEST_CASE("options that work against each other are refused") {
    const std::string place = "keys:1:1: ";
    for (const std::string right : {"run", "shell", "control"}) {
        CHECK(option_error("path=/d,allow=copy+" + right) ==
              place + "path= cannot hold a key that may " + right + ": a program goes anywhere");
    }
    CHECK(option_error("path=/d,allow=info") == place + "path= without the right to copy");
    CHECK(option_error("command=ls,allow=copy") ==
          place + "command= without the right to run or shell");
    CHECK(option_error("command=ls,path=/d") ==
          place + "command= without the right to run or shell");
    CHECK(option_error("allow=run,permit-open=tcp:a:1") ==
          place + "permit-open= or permit-listen= without the right to forward");
}

TEST_CASE("errors name the place and the reason") {
    CHECK(option_error("allow=run+fly").starts_with("keys:1:7: 'fly' is nothing to allow"));
    CHECK(option_error("allow=run+run") == "keys:1:7: run is allowed twice");
    CHECK(option_error("user=a,comand=\"x\"") ==
          "keys:1:8: unknown option 'comand', command= is one");
    CHECK(option_error("zzz=1") == "keys:1:1: unknown option 'zzz'");
    CHECK(option_error("user=a,user=b") == "keys:1:8: user= is given twice");
    CHECK(option_error("command=\" \"") == "keys:1:9: the command is empty");
    CHECK(option_error("path=data") == "keys:1:6: 'data' is not an absolute path");
    CHECK(option_error("path=/a/../b") == "keys:1:6: '/a/../b' must not hold '.' or '..'");
    CHECK(option_error("user=a:b:c") == "keys:1:6: 'a:b:c' is neither USER nor USER:GROUP");
    CHECK(option_error("user=\"a b\"") == "keys:1:6: 'a b' is neither USER nor USER:GROUP");
    CHECK(option_error("user=:") == "keys:1:6: ':' is neither USER nor USER:GROUP");
    CHECK(option_error("from-cid=any") == "keys:1:10: 'any' is not a number");
    CHECK(option_error("from-cid=4294967295").starts_with("keys:1:10: '4294967295' is out of"));
    CHECK(option_error("expires=tomorrow").starts_with("keys:1:9: 'tomorrow' is no time"));
    CHECK(option_error("max-sessions=0").starts_with("keys:1:14: '0' is out of range"));
    CHECK(option_error("max-time=0") == "keys:1:10: a time of 0 would allow nothing");
    CHECK(option_error("max-time=fast").starts_with("keys:1:10: 'fast' is not a duration"));
    CHECK(option_error("environment=A") == "keys:1:13: 'A': expected KEY=VALUE");
    CHECK(option_error("environment=A=1,environment=A=2") == "keys:1:29: 'A' is set twice");
    CHECK(option_error("permit-open=8080").starts_with("keys:1:13: bad address '8080'"));
    CHECK(option_error("permit-open=fd:3") ==
          "keys:1:13: 'fd:3' is not of the form tcp:, vsock: or unix:");
    CHECK(option_error("permit-open=tcp:a:0") ==
          "keys:1:13: 'tcp:a:0': nobody can be reached at port 0");
}

TEST_CASE("a line that is no line is refused where it stops being one") {
    CHECK(error_of("\n\nSHA256:short") ==
          "keys:3:1: expected a fingerprint: SHA256: and 43 digits of base64");
    CHECK(error_of("allow=run") ==
          "keys:1:10: expected the fingerprint of a key after the options");
    CHECK(error_of("allow=run  x") ==
          "keys:1:12: expected a fingerprint: SHA256: and 43 digits of base64");
    CHECK(error_of("ssh-ed25519 AAAA") == "keys:1:7: expected OPTION=VALUE or a fingerprint");
    CHECK(error_of("allow") == "keys:1:6: expected OPTION=VALUE or a fingerprint");
    CHECK(option_error("allow=run,") == "keys:1:11: expected OPTION=VALUE or a fingerprint");
    CHECK(option_error("allow=") == "keys:1:7: the value is missing");
    CHECK(option_error("user=\"a") == "keys:1:6: the quote is not closed");
    CHECK(option_error("command=\"a\\n\"") == "keys:1:11: only \\\" and \\\\ are escapes");
    CHECK(option_error("command=a\"b\"") == "keys:1:10: a quote within a value: quote all of it");
    CHECK(option_error("command=\"a\"b") == "keys:1:12: expected a comma or a blank");
    CHECK(error_of(std::string("\x01")) == "keys:1:1: a control character");
    CHECK(error_of(kKey + " a\x1B[2Jb") == "keys:1:53: a control character");
    CHECK(error_of(kKey + " \xFF") == "keys:1:52: not UTF-8");
    CHECK(error_of(kKey + "\n" + kKey + " again") == "keys:2:1: this key is already in line 1");
    CHECK(error_of(kKey + "\nuser=a " + kKey) == "keys:2:8: this key is already in line 1");
    CHECK(error_of(kKey + " " + std::string(300, 'c')) == "keys:1:52: the comment is too long");
}

TEST_CASE("one bad line refuses the whole file") {
    CHECK(error_of(kKey + "\nallow=rum " + kOther).starts_with("keys:2:7: 'rum'"));
}

TEST_CASE("sizes have an end") {
    CHECK(error_of("command=\"" + std::string(kMaxKeysLineBytes, 'x') + "\" " + kKey) ==
          "keys:1:8193: the line is too long");
    CHECK(error_of(std::string(kMaxKeysFileBytes + 1, '\n')) == "keys:1:1: the file is too large");
    std::string repeated = "from-cid=1";
    for (int count = 0; count < 64; ++count)
        repeated += ",from-cid=1";
    CHECK(option_error(repeated).ends_with("from-cid= is given more than 64 times"));
}

TEST_CASE("an address pattern knows case, port and form") {
    const AuthorizedKey key = key_of(
        "permit-open=tcp:Example.org:443,permit-open=tcp:10.0.0.1:*,permit-open=unix:/run/x:*");
    const auto matches = [&](std::size_t index, const char* text) {
        return key.may_open[index].matches(vsockio::parse_address(text).value());
    };
    CHECK(matches(0, "tcp:example.ORG:443"));
    CHECK_FALSE(matches(0, "tcp:example.org:444"));
    CHECK_FALSE(matches(0, "tcp:example.org.:443"));
    CHECK_FALSE(matches(0, "udp:example.org:443"));
    CHECK(matches(1, "tcp:10.0.0.1:1"));
    CHECK(matches(1, "tcp:10.0.0.1:65535"));
    CHECK_FALSE(matches(1, "tcp:10.0.0.10:80"));
    CHECK(matches(2, "unix:/run/x:*"));
    CHECK_FALSE(matches(2, "unix:/run/x"));
}

TEST_CASE("the sample files are taken and refused as their names say") {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(VECTORS "/authorized_keys")) {
        INFO(entry.path());
        const auto text = base::read_file(entry.path(), kMaxKeysFileBytes);
        REQUIRE(text.ok());
        CHECK(parse_authorized_keys(text.value(), "keys").ok() ==
              (entry.path().extension() == ".ok"));
        ++files;
    }
    CHECK(files >= 7);
}
