// The enclave as a whole: shown, ended, asked whether it is there.
#include <algorithm>
#include <thread>
#include <vector>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "fields.h"
#include "output.h"

namespace initctl {

namespace {

using base::Result;
using codec::json::Value;
using proto::control::EndHow;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;
using Kind = Client::Kind;

Result<int> show(Client& client, bool json) {
    Value facts;
    TRY(client.ask(Kind::system, {}, [&](const Frame& frame) -> Result<void> {
        if (frame.kind() == Kind::system_facts) facts = to_json(frame);
        return {};
    }));
    if (json) {
        TRY(base::print(codec::json::write(facts, 2) + "\n"));
        return 0;
    }
    const std::chrono::milliseconds uptime(number_of(facts, "uptime_ms"));
    TRY(base::print(
        fmt::format("host      {}\nphase     {}\nup        {}\nservices  {}, {} up, {} failed\n"
                    "initd     {}\nclients   {}\nturn      {} us at most\n",
                    base::escape(text_of(facts, "hostname")), base::escape(text_of(facts, "phase")),
                    base::format_duration(uptime), number_of(facts, "services"),
                    number_of(facts, "services_up"), number_of(facts, "services_failed"),
                    base::escape(text_of(facts, "version")), number_of(facts, "clients"),
                    number_of(facts, "longest_turn_us"))));
    return 0;
}

}  // namespace

Result<int> reload(Client& client, const base::Arguments& arguments) {
    codec::json::Array changes;
    std::string summary;
    TRY(client.ask(
        Kind::reload, {},
        [&](const Frame& frame) -> Result<void> {
            if (frame.kind() == Kind::change) changes.push_back(to_json(frame));
            return {};
        },
        false, &summary));
    if (arguments.has("json")) {
        TRY(base::print(codec::json::write(Value(std::move(changes)), 2) + "\n"));
        return 0;
    }
    std::string text;
    for (const Value& change : changes) {
        const std::string what = text_of(change, "change");
        if (what != "kept") {
            text += fmt::format("{:<9} {}\n", base::escape(what),
                                base::escape(text_of(change, "name")));
        }
    }
    TRY(base::print(text + base::escape(summary, 1024) + "\n"));
    return 0;
}

Result<int> system_command(Client& client, const base::Arguments& arguments) {
    const std::string_view what = arguments.operands[0];
    if (what == "reload") return reload(client, arguments);
    if (what == "status") return show(client, arguments.has("json"));
    EndHow how;
    if (what == "poweroff") {
        how = EndHow::poweroff;
    } else if (what == "reboot") {
        how = EndHow::reboot;
    } else if (what == "halt") {
        how = EndHow::halt;
    } else {
        return base::Error::usage(fmt::format("system: {} is none of its words", base::quote(what)),
                                  "try status, reload, poweroff, reboot or halt");
    }
    TRY(client.ask(Kind::end_system,
                   [&](FrameWriter& frame) {
                       frame.number(FieldId::end_how, static_cast<std::uint64_t>(how));
                   },
                   {}));
    return 0;
}

Result<int> ping(Client& client, const base::Arguments& arguments) {
    using Clock = std::chrono::steady_clock;
    constexpr std::uint64_t kMostPings = 1'000'000;
    const std::uint64_t count = TRY(arguments.number("count", 1, kMostPings));
    const std::chrono::milliseconds interval = TRY(arguments.duration("interval"));
    std::vector<std::int64_t> took;  // microseconds
    for (std::uint64_t index = 0; index < count; ++index) {
        if (index > 0) std::this_thread::sleep_for(interval);
        const auto asked = Clock::now();
        TRY(client.ask(Kind::ping, {}, {}));
        const auto time = Clock::now() - asked;
        took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
    }
    if (!arguments.has("count")) return 0;
    std::sort(took.begin(), took.end());
    TRY(base::print(fmt::format("answers {} median-us {} p99-us {} worst-us {}\n", took.size(),
                                took[took.size() / 2], took[(took.size() * 99 - 1) / 100],
                                took.back())));
    return 0;
}

}  // namespace initctl
