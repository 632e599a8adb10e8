// The contract of a relay between two transports, as a program: a client that runs the cases, and
// the server they need behind the relay. For scenarios here and in emulated enclaves.
//
//   relay_peer serve ADDRESS
//   relay_peer cases [--path KIND,KIND] [--relay PID] [--mebibytes N] [--only NAME] ADDRESS
//
// --path says of which kind each transport is from the client to the server, which decides whether
// resets have to arrive as such.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cases.h"
#include "server.h"
#include "socket.h"

namespace {

using relay_test::Path;

// A Unix socket tells its peer of a reset when there were unread bytes, and can send no other.
void set_resets(Path& path, std::string_view kinds) {
    path.resets_from_server = kinds == "tcp,tcp" || kinds == "tcp,unix" || kinds == "tcp,muxed";
    path.resets_from_client = kinds == "tcp,tcp";
}

int run(int count, char** words) {
    Path path;
    path.bytes = 16 << 20;
    std::string only;
    for (int index = 2; index + 1 < count; index += 2) {
        const std::string_view option = words[index];
        const char* value = words[index + 1];
        if (option == "--path") {
            set_resets(path, value);
        } else if (option == "--relay") {
            path.relay = std::atoi(value);
        } else if (option == "--mebibytes") {
            path.bytes = std::strtoull(value, nullptr, 10) << 20;
        } else if (option == "--only") {
            only = value;
        } else {
            return 64;
        }
    }
    path.address = relay_test::address_of(words[count - 1]);
    relay_test::run_cases(path, only);
    return 0;
}

}  // namespace

int main(int count, char** words) {
    const std::string_view command = count > 2 ? words[1] : "";
    if (command == "serve" && count == 3) relay_test::serve(relay_test::address_of(words[2]));
    if (command == "cases" && count % 2 == 1) return run(count, words);
    std::fprintf(stderr, "usage: relay_peer serve ADDRESS | cases [OPTION VALUE]... ADDRESS\n");
    return 64;
}
