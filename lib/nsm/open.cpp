// Words into settings. NSM_EMULATOR is 1 in a build that has the emulator.
#include "nsm/open.h"

#include <string>

#include "base/format.h"
#include "base/text.h"
#include "nsm/device.h"
#if NSM_EMULATOR
#include "base/file.h"
#include "nsm/emulator.h"
#endif

namespace nsm {

using base::Error;
using base::Result;

namespace {

constexpr std::string_view kEmulator = "emulator:";

#if NSM_EMULATOR

constexpr std::uint64_t kHighestRate = 1'000'000;
constexpr std::size_t kMaximumMeasurementsBytes = 1 << 20;

Result<void> read_setting(std::string_view word, EmulatorSettings& settings) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = equals == word.npos ? "" : word.substr(equals + 1);
    if (name == "rate") {
        settings.documents_per_second =
            static_cast<std::uint32_t>(TRY(base::parse_number(value, 1, kHighestRate)));
        return {};
    }
    if (name == "measurements") {
        const std::string path(value);
        auto parsed =
            attest::parse_expectations(TRY(base::read_file(path, kMaximumMeasurementsBytes)));
        if (!parsed.ok()) return std::move(parsed).error().at(base::escape(path));
        settings.measurements = std::move(parsed).value();
        return {};
    }
    return Error::usage(fmt::format("{}: no setting of the emulator", base::quote(word)),
                        "they are rate=N and measurements=FILE");
}

Result<std::unique_ptr<Module>> open_emulated(std::string_view text) {
    const auto words = base::split(text, ',');
    EmulatorSettings settings;
    settings.folder = words[0];
    if (settings.folder.empty()) return Error::usage("emulator: wants a folder behind the colon");
    for (const std::string_view word : std::span(words).subspan(1))
        TRY(read_setting(word, settings));
    return open_emulator(settings);
}

#else

Result<std::unique_ptr<Module>> open_emulated(std::string_view) {
    return Error::usage("this build has no NSM emulator",
                        "images never have one; build with -Dnsm_emulator=true elsewhere");
}

#endif

}  // namespace

Result<std::unique_ptr<Module>> open_module(std::string_view text) {
    if (text.starts_with(kEmulator)) return open_emulated(text.substr(kEmulator.size()));
    return open_device(std::string(text));
}

}  // namespace nsm
