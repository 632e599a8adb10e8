// The folder's edge: lock, read what others changed, answer, write.
#include "nsm/emulator.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>

#include "base/bytes.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "nsm/emulated_pki.h"
#include "nsm/emulated_requests.h"
#include "nsm/emulated_state.h"
#include "nsm/protocol.h"
#include "nsm/wire_module.h"

namespace nsm {

using base::Error;
using base::Result;
using emulated::Bytes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t kMaximumStateBytes = 65'536;
constexpr std::size_t kRandomBytes = 256;
constexpr seconds kPatience{120};  // of the kernel's driver
constexpr nanoseconds kLockPause = std::chrono::microseconds(200);

// What the lock file holds: two numbers, big-endian.
constexpr off_t kGenerationOffset = 0;  // grows with each change of registers.json
constexpr off_t kDueOffset = 8;         // when the next document may be made, monotonic clock

nanoseconds monotonic_now() {
    struct timespec now {};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

void sleep_until(nanoseconds time) {
    struct timespec until {};
    until.tv_sec = time / seconds(1);
    until.tv_nsec = (time % seconds(1)).count();
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR)
        continue;
}

// Holds the folder as long as it lives.
class FolderLock {
  public:
    static Result<FolderLock> take(int fd, const std::string& folder) {
        const nanoseconds deadline = monotonic_now() + kPatience;
        while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) return Error::system("lock", folder);
            if (monotonic_now() > deadline) {
                return Error(base::ExitCode::unavailable,
                             fmt::format("another process holds {}", base::quote(folder)));
            }
            sleep_until(monotonic_now() + kLockPause);
        }
        return FolderLock(fd);
    }
    FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FolderLock& operator=(FolderLock&&) = delete;
    ~FolderLock() {
        if (fd_ >= 0) ::flock(fd_, LOCK_UN);
    }

  private:
    explicit FolderLock(int fd) : fd_(fd) {}
    int fd_;  // borrowed
};

Result<Bytes> random_bytes(std::size_t size) {
    Bytes bytes(size);
    if (::getrandom(bytes.data(), size, 0) != static_cast<ssize_t>(size)) {
        return Error::system("draw random bytes", "");
    }
    return bytes;
}

Result<std::string> new_module_id() {
    const std::string digits = base::to_hex(TRY(random_bytes(17)));
    return fmt::format("i-{}-enc{}", digits.substr(0, 17), digits.substr(17, 16));
}

class Emulator {
  public:
    Emulator(const EmulatorSettings& settings, base::Fd lock)
        : settings_(settings),
          state_path_(settings.folder + "/registers.json"),
          lock_(std::move(lock)) {}

    Result<void> start();
    Result<Bytes> answer(std::span<const std::byte> request);

  private:
    Result<std::uint64_t> read_number(off_t offset) const;
    Result<void> write_number(off_t offset, std::uint64_t number) const;
    Result<void> refresh();
    Result<void> store();
    Result<nanoseconds> reserve_turn();
    Result<Bytes> finish(emulated::Change change);
    Result<Bytes> document(const AttestationRequest& fields);

    const EmulatorSettings settings_;
    const std::string state_path_;
    const base::Fd lock_;
    emulated::State state_;
    std::optional<std::uint64_t> generation_;  // of state_
    std::optional<emulated::Chain> chain_;
};

// A file shorter than that was never written there.
Result<std::uint64_t> Emulator::read_number(off_t offset) const {
    std::array<std::byte, 8> bytes{};
    if (::pread(lock_.get(), bytes.data(), bytes.size(), offset) < 0) {
        return Error::system("read", settings_.folder + "/lock");
    }
    return base::load_be<std::uint64_t>(bytes);
}

Result<void> Emulator::write_number(off_t offset, std::uint64_t number) const {
    std::array<std::byte, 8> bytes{};
    base::store_be(std::span<std::byte>(bytes), number);
    if (::pwrite(lock_.get(), bytes.data(), bytes.size(), offset) !=
        static_cast<ssize_t>(bytes.size())) {
        return Error::system("write", settings_.folder + "/lock");
    }
    return {};
}

Result<void> Emulator::refresh() {
    const std::uint64_t generation = TRY(read_number(kGenerationOffset));
    if (generation_ == generation) return {};
    auto state = emulated::decode_state(TRY(base::read_file(state_path_, kMaximumStateBytes)));
    if (!state.ok()) return std::move(state).error().at(base::escape(state_path_));
    state_ = std::move(state).value();
    generation_ = generation;
    return {};
}

// Others are told first: whoever is killed between the two has made them read once too often.
Result<void> Emulator::store() {
    const std::uint64_t generation = TRY(read_number(kGenerationOffset)) + 1;
    TRY(write_number(kGenerationOffset, generation));
    generation_.reset();
    base::OutputFile file = TRY(base::OutputFile::create(state_path_, 0600));
    TRY(base::write_all(file.fd(), base::as_bytes(emulated::encode_state(state_)), state_path_));
    TRY(file.commit());
    generation_ = generation;
    return {};
}

Result<void> Emulator::start() {
    const FolderLock held = TRY(FolderLock::take(lock_.get(), settings_.folder));
    if (::access(state_path_.c_str(), F_OK) != 0) {
        if (errno != ENOENT) return Error::system("open", state_path_);
        const std::string module_id = TRY(new_module_id());
        state_ = TRY(emulated::initial_state(module_id, settings_.measurements));
        TRY(store());
    } else {
        TRY(refresh());
        if (settings_.measurements) {
            TRY(emulated::check_measurements(state_, *settings_.measurements));
        }
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    chain_ = TRY(emulated::load_chain(settings_.folder, state_.module_id,
                                      std::chrono::floor<seconds>(now).count()));
    return {};
}

// All processes draw from one row of turns. A time far ahead is that of an earlier boot.
Result<nanoseconds> Emulator::reserve_turn() {
    const FolderLock held = TRY(FolderLock::take(lock_.get(), settings_.folder));
    const nanoseconds now = monotonic_now();
    const nanoseconds period = nanoseconds(seconds(1)) / *settings_.documents_per_second;
    nanoseconds turn(static_cast<std::int64_t>(TRY(read_number(kDueOffset))));
    if (turn < now || turn > now + 2 * kPatience) turn = now;
    if (turn > now + kPatience) {
        return Error(base::ExitCode::unavailable, "the NSM did not answer within 120 s");
    }
    TRY(write_number(kDueOffset, static_cast<std::uint64_t>((turn + period).count())));
    return turn;
}

Result<Bytes> Emulator::finish(emulated::Change change) {
    if (change.changed) TRY(store());
    return std::move(change.reply);
}

Result<Bytes> Emulator::document(const AttestationRequest& fields) {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const std::int64_t now_seconds = std::chrono::floor<seconds>(now).count();
    if (now_seconds > chain_->renew_after) {
        chain_ = TRY(emulated::load_chain(settings_.folder, state_.module_id, now_seconds));
    }
    return emulated::encode_document(TRY(emulated::make_document(state_, *chain_, now, fields)));
}

template <typename... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

Result<Bytes> Emulator::answer(std::span<const std::byte> request) {
    if (request.size() > protocol::kMaximumRequestBytes) {
        return Error::system("ask the NSM", "", EMSGSIZE);
    }
    const emulated::Request decoded = emulated::decode_request(request);
    if (settings_.documents_per_second && std::holds_alternative<emulated::Attest>(decoded)) {
        sleep_until(TRY(reserve_turn()));
    }
    const FolderLock held = TRY(FolderLock::take(lock_.get(), settings_.folder));
    TRY(refresh());
    using Reply = Result<Bytes>;
    return std::visit(
        Overloaded{
            [](const emulated::Refusal& refusal) -> Reply {
                return emulated::encode_refusal(refusal);
            },
            [&](const emulated::Describe&) -> Reply {
                return emulated::encode_description(emulated::describe(state_));
            },
            [](const emulated::Random&) -> Reply {
                return emulated::encode_random(TRY(random_bytes(kRandomBytes)));
            },
            [&](const emulated::DescribePcr& wanted) -> Reply {
                if (wanted.index >= kRegisterCount) {
                    return emulated::encode_refusal(emulated::kInvalidIndex);
                }
                return emulated::encode_register(state_.registers[wanted.index]);
            },
            [&](const emulated::ExtendPcr& wanted) -> Reply {
                return finish(TRY(emulated::apply(state_, wanted)));
            },
            [&](const emulated::Attest& wanted) -> Reply { return document(wanted.fields); },
            [&](const auto& wanted) -> Reply { return finish(emulated::apply(state_, wanted)); },
        },
        decoded);
}

}  // namespace

Result<std::unique_ptr<Module>> open_emulator(const EmulatorSettings& settings) {
    if (::mkdir(settings.folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return Error::system("make folder", settings.folder);
    }
    base::Fd lock = TRY(base::open_file(settings.folder + "/lock", O_RDWR | O_CREAT, 0600));
    const auto emulator = std::make_shared<Emulator>(settings, std::move(lock));
    TRY(emulator->start());
    return make_wire_module(
        [emulator](std::span<const std::byte> request) { return emulator->answer(request); });
}

}  // namespace nsm
