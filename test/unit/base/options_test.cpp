// The option table: parsing, help, completion and the dump for the manual test.
#include "base/options.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>

#include "base/text.h"

using base::ExitCode;
using namespace std::chrono_literals;

namespace {

constexpr base::Option kCommon[] = {
    {'d', "device", "PATH", "/dev/x", "Use the device at PATH"},
};
constexpr base::Option kCopy[] = {
    {'f', "force", "", "", "Overwrite"},
    {'n', "number", "N", "7", "Copy N times"},
    {'\0', "time", "TIME", "2s", "Give up after TIME"},
    {'\0', "size", "SIZE", "",
     "At most SIZE bytes at a time, which is a long enough sentence to "
     "need more than one line of help"},
};
constexpr base::Command kCommands[] = {
    {"copy", "SRC DST", "Copy a thing", kCopy},
    {"remove", "FILE...", "Remove things", {}},
};
constexpr base::Tool kTool{"tool", "", "Does things.", kCommon, kCommands};
constexpr base::Tool kPlain{"plain", "[FILE]", "Does one thing.", kCopy, {}};

base::Result<base::Arguments> parse(const base::Tool& tool, std::vector<std::string> words) {
    // Arguments borrow from argv, which in a program lives to its end.
    static std::vector<std::unique_ptr<std::vector<std::string>>> kept;
    kept.push_back(std::make_unique<std::vector<std::string>>(std::move(words)));
    std::vector<char*> argv;
    for (std::string& word : *kept.back())
        argv.push_back(word.data());
    return base::parse_arguments(tool, argv);
}

std::string hint(const base::Tool& tool, std::vector<std::string> words) {
    const auto arguments = parse(tool, std::move(words));
    REQUIRE_FALSE(arguments.ok());
    CHECK(arguments.error().code == ExitCode::usage);
    return arguments.error().message + " / " + arguments.error().hint;
}

}  // namespace

TEST_CASE("options may stand in any spelling, before and after operands") {
    const auto parsed =
        parse(kTool, {"-d", "/a", "copy", "x", "--number=3", "-f", "y", "--time", "5ms"});
    REQUIRE(parsed.ok());
    const base::Arguments& arguments = parsed.value();
    REQUIRE(arguments.command != nullptr);
    CHECK(arguments.command->name == "copy");
    CHECK(arguments.operands == std::vector<std::string_view>{"x", "y"});
    CHECK(arguments.value("device") == "/a");
    CHECK(arguments.number("number", 1, 9).value() == 3);
    CHECK(arguments.duration("time").value() == 5ms);
    CHECK(arguments.has("force"));
    CHECK_FALSE(arguments.has("size"));
}

TEST_CASE("short options can be bundled, and take the rest of the word as argument") {
    const auto parsed = parse(kPlain, {"-fn12", "-", "--", "-f"});
    REQUIRE(parsed.ok());
    CHECK(parsed.value().has("force"));
    CHECK(parsed.value().value("number") == "12");
    CHECK(parsed.value().operands == std::vector<std::string_view>{"-", "-f"});
}

TEST_CASE("an absent option has its default, a repeated one its last value") {
    const auto parsed = parse(kPlain, {"--size=1K", "--size", "2K"});
    REQUIRE(parsed.ok());
    CHECK(parsed.value().value("number") == "7");
    CHECK_FALSE(parsed.value().has("number"));
    CHECK(parsed.value().size("size").value() == 2048);
    CHECK(parsed.value().values("size") == std::vector<std::string_view>{"1K", "2K"});
    CHECK(parsed.value().values("number").empty());
}

TEST_CASE("a mistake is one sentence and a hint with the nearest name") {
    CHECK(hint(kTool, {"copy", "--forse"}) == "unknown option '--forse' / did you mean --force?");
    CHECK(hint(kTool, {"copy", "-z"}) == "unknown option '-z' / try --help");
    CHECK(hint(kTool, {"cpoy"}) == "unknown command 'cpoy' / did you mean copy?");
    CHECK(hint(kTool, {"remove", "--force"}).starts_with("unknown option '--force'"));
    CHECK(hint(kPlain, {"--number"}) == "option --number needs an argument / try --help");
    CHECK(hint(kPlain, {"-fn"}) == "option -n needs an argument / try --help");
    CHECK(hint(kPlain, {"--force=yes"}) == "option --force takes no argument / try --help");
    CHECK(hint(kPlain, {"--\x1b[2J"}).find('\x1b') == std::string::npos);
}

TEST_CASE("a bad value names its option") {
    const auto parsed = parse(kPlain, {"--number=x", "--time=never", "--size="});
    REQUIRE(parsed.ok());
    CHECK(parsed.value().number("number", 0, 9).error().message == "--number: 'x' is not a number");
    CHECK(parsed.value().duration("time").error().message.starts_with("--time: 'never' is not"));
    CHECK_FALSE(parsed.value().size("size").ok());
}

TEST_CASE("too few and too many operands are told") {
    const auto few = parse(kTool, {"copy", "a"});
    REQUIRE(few.ok());
    CHECK(few.value().expect_operands(2, 2).error().message == "expected SRC DST");
    const auto many = parse(kPlain, {"a", "b"});
    REQUIRE(many.ok());
    CHECK(many.value().expect_operands(0, 1).error().message == "unexpected operand 'b'");
    CHECK(many.value().expect_operands(1, 2).ok());
}

TEST_CASE("help names every command and option within 80 columns") {
    for (const std::string& help :
         {base::help_text(kTool, nullptr), base::help_text(kTool, &kCommands[0]),
          base::help_text(kPlain, nullptr)}) {
        for (const std::string_view line : base::split(help, '\n')) {
            CHECK(line.size() <= 80);
            CHECK((line.empty() || line.back() != ' '));
        }
        CHECK(help.find("--help") != std::string::npos);
        CHECK(help.find("--dump-options") == std::string::npos);
    }
    const std::string help = base::help_text(kTool, nullptr);
    CHECK(help.find("copy") != std::string::npos);
    CHECK(help.find("-d, --device=PATH") != std::string::npos);
    CHECK(help.find("--number") == std::string::npos);
    CHECK(base::help_text(kTool, &kCommands[0]).find("-n, --number=N") != std::string::npos);
    CHECK(base::help_text(kTool, &kCommands[0]).find("(7)") != std::string::npos);
}

TEST_CASE("the dump holds the whole table, a line for each command and option") {
    CHECK(base::dump_options(kTool) ==
          "\td\tdevice\tPATH\t/dev/x\n"
          "copy\t\t\tSRC DST\t\n"
          "copy\tf\tforce\t\t\n"
          "copy\tn\tnumber\tN\t7\n"
          "copy\t\ttime\tTIME\t2s\n"
          "copy\t\tsize\tSIZE\t\n"
          "remove\t\t\tFILE...\t\n");
}

TEST_CASE("completion offers commands and options") {
    const std::string script = base::completion_script(kTool);
    for (const std::string_view word : {"copy", "remove", "--device", "--force", "--help"}) {
        CHECK(script.find(word) != std::string::npos);
    }
}
