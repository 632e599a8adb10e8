// Wording of endings.
#include "outcome.h"

#include <cstring>

#include "base/format.h"
#include "base/text.h"
#include "signals.h"

namespace initd {

namespace {

// What initd ended it for, as the beginning of "... and was killed by SIGTERM".
const char* phrase_of(Reason cause) {
    switch (cause) {
        case Reason::ready_timeout: return "met its ready timeout and ";
        case Reason::never_ready: return "closed its ready descriptor and ";
        case Reason::unhealthy: return "was unhealthy and ";
        case Reason::watchdog: return "missed its watchdog and ";
        case Reason::requirement_failed: return "lost what it requires and ";
        default: return "";
    }
}

}  // namespace

std::array<char, 192> describe(const Ending& ending, const LoadedService& service) {
    std::array<char, 192> text{};
    const std::string_view cause = phrase_of(ending.cause);
    cause.copy(text.data(), text.size() - 1);
    const auto put = [&](auto format, const auto&... values) {
        fmt::format_to_n(text.data() + cause.size(), text.size() - 1 - cause.size(), format,
                         values...);
    };
    constexpr std::size_t kLongestProgram = 80;  // or the reason would not fit behind it
    const std::string_view program =
        service.settings.command.empty() ? "" : std::string_view(service.settings.command[0]);
    const bool cut = program.size() > kLongestProgram;
    switch (ending.how) {
        case Ending::How::none: put(FMT_STRING("never ran")); break;
        case Ending::How::exited: put(FMT_STRING("exited with code {}"), ending.value); break;
        case Ending::How::signaled:
            put(FMT_STRING("was killed by {}"), signal_name(ending.value));
            break;
        case Ending::How::cannot_start:
            put(FMT_STRING("cannot exec '{}{}': {} (step {})"), program.substr(0, kLongestProgram),
                cut ? "..." : "", std::strerror(ending.value), name_of(ending.step));
            break;
    }
    return text;
}

End end_for(const Outcome& outcome, const Supervisor& supervisor, const Booted& booted) {
    End end;
    end.action = booted.settings.on_exit;
    if (outcome.kind == Outcome::Kind::no_services) {
        end.reason = "no-services";
        end.detail = "/etc/enclavebox/services has no service to start";
        end.status = static_cast<int>(base::ExitCode::config);
        end.final_line = fatal_line(end.detail);
        return end;
    }
    const bool critical = outcome.kind == Outcome::Kind::critical_failed;
    end.reason = critical ? "critical-failed" : "workload-done";
    if (critical && end.action == EndAction::stay) end.action = EndAction::poweroff;
    if (!outcome.service) {
        end.final_line = ending_line({Ending::How::exited, 0, Step::none}, "");
        return end;
    }
    const LoadedService& service = booted.loaded.services[*outcome.service];
    const Ending& ending = supervisor.service(*outcome.service).ending();
    end.service = service.settings.name;
    if (ending.how == Ending::How::none) {
        end.detail = service.problem.empty() ? "what it requires failed" : service.problem;
        end.status = static_cast<int>(base::ExitCode::config);
        end.final_line = fatal_line(fmt::format("service {}: {}", end.service, end.detail));
        return end;
    }
    end.detail = describe(ending, service).data();
    end.status = ending.exit_status();
    // How it went when it was told to go says less than why it was told.
    end.final_line = ending.cause == Reason::none
                         ? ending_line(ending, end.service)
                         : fatal_line(fmt::format("service {} {}", end.service, end.detail));
    return end;
}

}  // namespace initd
