// The receiving engine: bytes into records, content into the file under way, work left, answers.
#include "copy_receive.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pipeline {

namespace copy = proto::copy;

namespace {

// A sender that does not read its answers is not read either.
constexpr std::size_t kMaximumAnswers = 256 * 1024;

std::array<std::byte, 64 * 1024> sink_zeros;

}  // namespace

CopyReceiver::CopyReceiver(CopyTarget target, ReceiveOptions options)
    : target_(std::move(target)), options_(options) {}

CopyReceiver::Taken CopyReceiver::take(std::span<const std::byte> bytes) {
    const std::size_t given = bytes.size();
    const auto taken = [&](State state) { return Taken{given - bytes.size(), state}; };
    zeros_hashed_ = 0;
    while (phase_ != Phase::done && phase_ != Phase::failed) {
        if (answers().size() > kMaximumAnswers) return taken(State::waiting_answers);
        if (const auto state = work(); state.has_value()) return taken(*state);
        if (phase_ == Phase::done || phase_ == Phase::failed) break;
        if (zeros_hashed_ >= copy::kMaximumHole) return taken(State::again);
        if (bytes.empty()) return taken(State::more);
        if (data_left_ > 0) {
            if (!take_content(bytes)) return taken(State::waiting_output);
        } else {
            gather(bytes);
        }
    }
    return taken(phase_ == Phase::done ? State::done : State::failed);
}

std::optional<CopyReceiver::State> CopyReceiver::work() {
    if (sink_zeros_ > 0) {
        std::span<const std::byte> zeros =
            std::span(sink_zeros).first(std::min<std::uint64_t>(sink_zeros_, sink_zeros.size()));
        const std::size_t tried = zeros.size();
        const bool written = write_sink(zeros);
        sink_zeros_ -= std::min<std::uint64_t>(sink_zeros_, tried - zeros.size());
        return written ? State::again : State::waiting_output;
    }
    if (phase_ == Phase::asked) {
        MaybeTrouble trouble;
        if (writer_->hash_existing(trouble)) {
            offer();
            return std::nullopt;
        }
        if (!trouble.has_value()) return State::again;
        refuse_file(*trouble);
    }
    if (flushing_ || phase_ == Phase::flushing) {
        flush_step();
        return State::again;
    }
    return std::nullopt;
}

void CopyReceiver::gather(std::span<const std::byte>& bytes) {
    copy::Decoded decoded;
    std::span<const std::byte> raw = bytes;
    if (gathered_.empty()) decoded = copy::decode(bytes);
    while (decoded.outcome == copy::Decoded::Outcome::need_more) {
        const std::size_t wanted = copy::wanted_bytes(gathered_);
        if (gathered_.size() == wanted) {
            decoded = copy::decode(gathered_);
            raw = gathered_;
            break;
        }
        if (bytes.empty()) return;
        const std::size_t step = std::min(wanted - gathered_.size(), bytes.size());
        gathered_.insert(gathered_.end(), bytes.begin(),
                         bytes.begin() + static_cast<std::ptrdiff_t>(step));
        bytes = bytes.subspan(step);
    }
    if (decoded.outcome != copy::Decoded::Outcome::record) {
        return bad(std::string(decoded.bad_because));
    }
    if (gathered_.empty()) bytes = bytes.subspan(decoded.used_bytes);
    accept(raw.first(decoded.used_bytes), decoded.record);
    gathered_.clear();
}

void CopyReceiver::accept(std::span<const std::byte> raw, const copy::Record& record) {
    if (copy::in_tree_digest(copy::kind_of(record))) tree_.update(raw);
    std::visit([this](const auto& one) { on(one); }, record);
}

bool CopyReceiver::take_content(std::span<const std::byte>& bytes) {
    std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), data_left_));
    const std::size_t tried = piece.size();
    bool written = true;
    MaybeTrouble trouble;
    if (file_is_sink_) {
        written = write_sink(piece);
        sink_digest_.update(bytes.first(tried - piece.size()));
    } else {
        if (writer_ != nullptr) trouble = writer_->write(piece);
        piece = {};
    }
    const std::size_t used = tried - piece.size();
    bytes = bytes.subspan(used);
    data_left_ -= used;
    file_position_ += used;
    progress_.bytes += used;
    progress_.file_bytes = file_position_;
    if (trouble.has_value()) refuse_file(*trouble);
    return written;
}

// False when the sink takes nothing now; what it took is gone from `bytes`. A sink that fails is
// refused, and the rest passes into nothing.
bool CopyReceiver::write_sink(std::span<const std::byte>& bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(target_.sink, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
        if (count <= 0) {
            bytes = {};
            sink_zeros_ = 0;
            refuse_file({count < 0 ? errno : ENOSPC, CopyStep::write});
            return true;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

void CopyReceiver::flush_step() {
    std::vector<Refusal> refusals;
    const bool finished = batch_.step(refusals);
    for (const Refusal& refusal : refusals) {
        refuse(refusal.serial, refusal.path, refusal.trouble);
        if (phase_ == Phase::failed) return;
    }
    if (!finished) return;
    flushing_ = false;
    if (phase_ != Phase::flushing) return;
    counted_.failures += refused_;
    answer(copy::Done{counted_});
    phase_ = Phase::done;
}

void CopyReceiver::answered(std::size_t bytes) {
    answered_ = std::min(answered_ + bytes, answers_.size());
    if (answered_ < answers_.size()) return;
    answers_.clear();
    answered_ = 0;
}

void CopyReceiver::answer(const copy::Record& record) {
    copy::encode(record, answers_);
}

void CopyReceiver::refuse(std::uint64_t serial, const std::string& path, const Trouble& trouble) {
    if (is_final(trouble)) return stop(path, trouble);
    ++refused_;
    answer(copy::Refused{serial, static_cast<std::uint32_t>(trouble.errno_value), trouble.operation,
                         path});
    failures_.add({path, trouble.errno_value, trouble.operation, false});
}

void CopyReceiver::stop(const std::string& path, const Trouble& trouble) {
    answer(copy::Stop{static_cast<std::uint32_t>(trouble.errno_value), trouble.operation, path});
    failures_.add({path, trouble.errno_value, trouble.operation, false});
    phase_ = Phase::failed;
    writer_.reset();
}

void CopyReceiver::bad(std::string why) {
    if (phase_ == Phase::failed) return;
    bad_because_ = std::move(why);
    stop(path_, {EPROTO, CopyStep::protocol});
}

std::string CopyReceiver::path_of(std::string_view name) const {
    if (path_.empty()) return std::string(name);
    return path_ + '/' + std::string(name);
}

}  // namespace pipeline
