// The sending engine's other ear: what the receiver has, refuses and confirms.
#include <algorithm>

#include "copy_send.h"

namespace pipeline {

namespace copy = proto::copy;

void CopySender::take_answers(std::span<const std::byte> bytes) {
    answers_.insert(answers_.end(), bytes.begin(), bytes.end());
    std::size_t used = 0;
    while (phase_ != Phase::failed) {
        const copy::Decoded decoded = copy::decode(std::span(answers_).subspan(used));
        if (decoded.outcome == copy::Decoded::Outcome::need_more) break;
        if (decoded.outcome == copy::Decoded::Outcome::bad) {
            return break_off(std::string(decoded.bad_because));
        }
        answer(decoded.record);
        used += decoded.used_bytes;
    }
    answers_.erase(answers_.begin(), answers_.begin() + static_cast<std::ptrdiff_t>(used));
}

void CopySender::break_off(std::string why) {
    bad_because_ = std::move(why);
    failures_.add({"", EPROTO, CopyStep::protocol, false});
    phase_ = Phase::failed;
}

void CopySender::answer(const copy::Record& record) {
    if (phase_ == Phase::done) return break_off("a record after the last one");
    if (const auto* have = std::get_if<copy::Have>(&record)) return answer_have(*have);
    if (const auto* refused = std::get_if<copy::Refused>(&record)) return answer_refused(*refused);
    if (const auto* done = std::get_if<copy::Done>(&record)) return answer_done(*done);
    if (const auto* skip = std::get_if<copy::Skip>(&record)) {
        if (phase_ != Phase::asked || skip->serial != file_serial_) {
            return break_off("skip: nobody asked");
        }
        reader_.reset();
        phase_ = levels_.empty() ? Phase::end : Phase::next;
        return;
    }
    if (const auto* stop = std::get_if<copy::Stop>(&record)) {
        failures_.add(
            {std::string(stop->path), static_cast<int>(stop->errno_value), stop->operation, true});
        phase_ = Phase::failed;
        return;
    }
    break_off("a record that receivers do not send");
}

void CopySender::answer_have(const copy::Have& have) {
    if (phase_ != Phase::asked || have.serial != file_serial_) {
        return break_off("have: nobody asked");
    }
    have_ = have;
    // More than the whole cannot be a beginning of it.
    if (have_.size > progress_.file_size) have_.size = 0;
    if (have_.size > 0) {
        phase_ = Phase::prefix;
        return;
    }
    put(copy::From{0});
    phase_ = Phase::content;
}

void CopySender::answer_refused(const copy::Refused& refused) {
    failures_.add({std::string(refused.path), static_cast<int>(refused.errno_value),
                   refused.operation, true});
    if (is_about_attributes(refused.operation)) return;
    const auto level = std::ranges::find(levels_, refused.serial, &Level::serial);
    const bool folder = level != levels_.end();
    std::for_each(level, levels_.end(), [](Level& below) { below.names.drop(); });
    if (!reader_.has_value() || (!folder && refused.serial != file_serial_)) return;
    if (phase_ == Phase::asked && !folder) {
        linked_.erase(file_inode_);
        reader_.reset();
        phase_ = levels_.empty() ? Phase::end : Phase::next;
    } else if (phase_ != Phase::asked) {
        drop_file({ECANCELED, refused.operation}, true);
    }
}

void CopySender::answer_done(const copy::Done& done) {
    if (phase_ != Phase::waiting_done) return break_off("done: before the end");
    if (done.entries != sent_.entries || done.bytes != sent_.bytes || done.digest != sent_.digest) {
        return break_off("done: not of what was sent");
    }
    result_ = done;
    phase_ = Phase::done;
}

}  // namespace pipeline
