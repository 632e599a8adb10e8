// Copy records, the whole receiver in a jail, and the sender under answers: decoding is total, what
// decodes is written anew as it was, nothing outside the jail is made or changed, and no answer
// makes the sender send without end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "copy_receive.h"
#include "copy_send.h"

namespace copy = proto::copy;

namespace {

// A folder in memory with a jail in it, and beside that a file that must stay.
struct Place {
    std::string path = "/dev/shm/fuzz-copy-XXXXXX";
    timespec changed{};

    Place() {
        if (::mkdtemp(path.data()) == nullptr) std::abort();
        const int fd = ::open((path + "/outside").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        struct stat status {};
        if (fd < 0 || ::fstat(fd, &status) != 0) std::abort();
        ::close(fd);
        changed = status.st_ctim;
    }
    ~Place() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    void empty_jail() const {
        std::error_code ignored;
        std::filesystem::remove_all(path + "/jail", ignored);
        if (::mkdir((path + "/jail").c_str(), 0700) != 0) std::abort();
        if (::symlink("../outside", (path + "/jail/out").c_str()) != 0) std::abort();
        if (::symlink("..", (path + "/jail/up").c_str()) != 0) std::abort();
    }
    void check() const {
        struct stat status {};
        if (::lstat((path + "/outside").c_str(), &status) != 0 || status.st_nlink != 1 ||
            status.st_ctim.tv_sec != changed.tv_sec || status.st_ctim.tv_nsec != changed.tv_nsec) {
            std::abort();
        }
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            const std::string name = entry.path().filename().string();
            if (name != "outside" && name != "jail") std::abort();
        }
    }
};

void decode_all(std::span<const std::byte> input) {
    while (true) {
        const copy::Decoded decoded = copy::decode(input);
        if (decoded.outcome != copy::Decoded::Outcome::record) return;
        if (decoded.used_bytes > input.size()) std::abort();
        std::vector<std::byte> again;
        copy::encode(decoded.record, again);
        const auto* begin = std::get_if<copy::Begin>(&decoded.record);
        const bool other = begin != nullptr && begin->version != copy::kVersion;
        if (!other && !std::equal(again.begin(), again.end(), input.begin())) std::abort();
        input = input.subspan(decoded.used_bytes);
        if (const auto* data = std::get_if<copy::Data>(&decoded.record)) {
            input = input.subspan(std::min(data->length, input.size()));
        }
    }
}

// The place itself is what is sent: a file, and the jail with its links and what was received.
void answer_all(const Place& place, std::span<const std::byte> input) {
    auto source = pipeline::open_source(pipeline::Jail::everywhere(), place.path, true);
    if (!source.ok()) std::abort();
    pipeline::SendOptions options;
    options.resume = input.size() % 2 == 0;
    pipeline::CopySender sender(std::move(source).value(), options);
    std::vector<std::byte> buffer(1 + input.size() % 8192);
    for (std::size_t turn = 0; turn < 20'000; ++turn) {
        const auto filled = sender.fill(buffer);
        using State = pipeline::CopySender::State;
        if (filled.bytes > buffer.size() || filled.state == State::waiting_input) std::abort();
        if (filled.state == State::done || filled.state == State::failed) return;
        if (filled.state != State::waiting_answer) continue;
        if (input.empty()) return;
        const std::size_t piece = std::min<std::size_t>(input.size(), 1 + turn % 61);
        sender.take_answers(input.first(piece));
        input = input.subspan(piece);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Place place;
    std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    decode_all(input);
    place.empty_jail();
    answer_all(place, input);
    const auto jail = pipeline::Jail::below(place.path + "/jail");
    if (!jail.ok()) std::abort();
    pipeline::ReceiveOptions options;
    options.attributes.archive = size % 2 == 0;
    options.resume = size % 3 == 0;
    options.maximum_bytes = 1 << 20;
    options.maximum_entries = 200;
    {
        const auto style =
            size % 5 == 0 ? pipeline::CopyStyle::into : pipeline::CopyStyle::contents;
        pipeline::CopyReceiver receiver({&jail.value(), style, "top", "name", -1}, options);
        const std::size_t piece = 1 + size % 97;
        while (true) {
            const auto taken = receiver.take(input.first(std::min(piece, input.size())));
            input = input.subspan(taken.bytes);
            receiver.answered(receiver.answers().size());
            using State = pipeline::CopyReceiver::State;
            if (taken.state == State::failed || taken.state == State::done) break;
            if (input.empty() && taken.state == State::more) break;
        }
    }
    place.check();
    return 0;
}
