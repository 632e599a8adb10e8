// Load for a relay, as a program: see load.h.
//
//   relay_load serve ADDRESS
//   relay_load run [--idle N] [--rate N] [--seconds N] [--most N] [--linger MS] [--tell SECONDS]
//   ADDRESS
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "load.h"
#include "socket.h"

namespace {

int run(int count, char** words) {
    relay_test::Load load;
    for (int index = 2; index + 1 < count; index += 2) {
        const std::string_view option = words[index];
        const std::uint64_t value = std::strtoull(words[index + 1], nullptr, 10);
        if (option == "--idle") {
            load.idle = value;
        } else if (option == "--rate") {
            load.rate = value;
        } else if (option == "--seconds") {
            load.length = std::chrono::seconds(value);
        } else if (option == "--most") {
            load.most = value;
        } else if (option == "--linger") {
            load.linger = std::chrono::milliseconds(value);
        } else if (option == "--tell") {
            load.pause = std::chrono::seconds(value);
        } else {
            return 64;
        }
    }
    load.address = relay_test::address_of(words[count - 1]);
    return relay_test::run_load(load);
}

}  // namespace

int main(int count, char** words) {
    const std::string_view command = count > 2 ? words[1] : "";
    if (command == "serve" && count == 3) relay_test::serve_load(relay_test::address_of(words[2]));
    if (command == "run" && count % 2 == 1) return run(count, words);
    std::fprintf(stderr, "usage: relay_load serve ADDRESS | run [OPTION VALUE]... ADDRESS\n");
    return 64;
}
