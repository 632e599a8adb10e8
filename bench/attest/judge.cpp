// Milliseconds of one document: made by the emulator, judged with and without a cache. Prints lines
// of "NAME MEDIAN P99".
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "attest/root.h"
#include "attest/verify.h"
#include "base/file.h"
#include "nsm/open.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds now() {
    return std::chrono::duration_cast<milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

bool measure(const char* name, std::size_t times, const std::function<bool()>& work) {
    std::vector<double> took;
    for (std::size_t time = 0; time < times; ++time) {
        const auto start = Clock::now();
        if (!work()) return false;
        took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::ranges::sort(took);
    std::printf("%s %.3f %.3f\n", name, took[times / 2], took[times * 99 / 100]);
    return true;
}

}  // namespace

// judge FOLDER TIMES
int main(int argc, char** argv) {
    if (argc != 3) return 64;
    const std::string folder = argv[1];
    const std::size_t times = std::stoul(argv[2]);
    const auto module = nsm::open_module("emulator:" + folder);
    const auto pem = base::read_file(folder + "/root.pem", 16'384);
    if (!module.ok() || !pem.ok() || times == 0) return 71;
    auto root = attest::read_root(pem.value(), "root.pem");
    if (!root.ok()) return 71;
    attest::Settings settings(std::move(root).value());
    settings.allow_debug = true;
    nsm::AttestationRequest request;
    request.nonce.emplace(32, std::byte{1});
    request.user_data.emplace(64, std::byte{2});
    settings.nonce = request.nonce;
    settings.user_data = request.user_data;
    const auto bytes = module.value()->attest(request);
    if (!bytes.ok()) return 71;
    attest::LinkCache cache;
    const auto judge = [&](attest::LinkCache* with) {
        const auto document = attest::decode(bytes.value());
        const auto verdict = attest::verify(document.value(), settings, now(), with);
        return verdict.ok() && verdict.value().proven();
    };
    const bool good =
        measure("decode", times, [&] { return attest::decode(bytes.value()).ok(); }) &&
        measure("cold", times, [&] { return judge(nullptr); }) && judge(&cache) &&
        measure("warm", times, [&] { return judge(&cache); }) &&
        measure("make", times, [&] { return module.value()->attest(request).ok(); });
    return good ? 0 : 70;
}
