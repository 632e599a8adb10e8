// The ring between the reading thread and the two hashing ones.
#include "hash_team.h"

#include <algorithm>

namespace eif {

HashTeam::HashTeam() = default;

HashTeam::~HashTeam() = default;

base::Result<void> HashTeam::start() {
    image_ = TRY(crypto::Digest::create(crypto::HashAlgorithm::sha384));
    application_ = TRY(crypto::Digest::create(crypto::HashAlgorithm::sha384));
    memory_.reset(static_cast<std::byte*>(
        ::operator new[](kSlots* kBlockBytes, std::align_val_t{kAlignment})));
    for (std::size_t index = 0; index < kSlots; ++index)
        slots_[index].bytes = std::span(memory_.get() + index * kBlockBytes, kBlockBytes);
    for (std::size_t thread = 0; thread < kThreads; ++thread) {
        threads_[thread] =
            std::jthread([this, thread](std::stop_token stop) { work(std::move(stop), thread); });
    }
    return {};
}

std::span<std::byte> HashTeam::buffer() {
    std::unique_lock lock(mutex_);
    consumed_.wait(lock, [this] {
        return published_count_ -
                   *std::min_element(consumed_count_.begin(), consumed_count_.end()) <
               kSlots;
    });
    return slots_[published_count_ % kSlots].bytes;
}

void HashTeam::submit(SectionType type, std::size_t size) {
    (void)buffer();
    Slot& slot = slots_[published_count_ % kSlots];  // only this thread changes the count
    slot.size = size;
    slot.for_image =
        type == SectionType::kernel || type == SectionType::cmdline || type == SectionType::ramdisk;
    slot.for_application = type == SectionType::ramdisk && ramdisks_ended_ > 0;
    slot.ends_bootstrap = false;
    publish();
}

void HashTeam::end_section(SectionType type) {
    if (type != SectionType::ramdisk || ++ramdisks_ended_ > 1) return;
    (void)buffer();
    Slot& slot = slots_[published_count_ % kSlots];
    slot.size = 0;
    slot.for_image = true;
    slot.for_application = false;
    slot.ends_bootstrap = true;
    publish();
}

void HashTeam::publish() {
    {
        const std::lock_guard lock(mutex_);
        ++published_count_;
    }
    published_.notify_all();
}

base::Result<void> HashTeam::hash_slot(const Slot& slot, std::size_t thread) {
    const std::span<const std::byte> bytes = slot.bytes.first(slot.size);
    if (thread == 1) {
        if (slot.for_application) TRY(application_->update(bytes));
        return {};
    }
    if (slot.for_image) TRY(image_->update(bytes));
    if (slot.ends_bootstrap) bootstrap_ = TRY(image_->copy());
    return {};
}

void HashTeam::work(std::stop_token stop, std::size_t thread) {
    while (true) {
        std::uint64_t next = 0;
        {
            std::unique_lock lock(mutex_);
            next = consumed_count_[thread];
            if (!published_.wait(lock, stop, [&] { return published_count_ > next; })) return;
        }
        base::Result<void> hashed = hash_slot(slots_[next % kSlots], thread);
        {
            const std::lock_guard lock(mutex_);
            if (!hashed.ok()) outcome_[thread] = std::move(hashed);
            ++consumed_count_[thread];
        }
        consumed_.notify_one();
    }
}

base::Result<Measurements> HashTeam::finish() {
    {
        std::unique_lock lock(mutex_);
        consumed_.wait(lock, [this] {
            return std::all_of(consumed_count_.begin(), consumed_count_.end(),
                               [this](std::uint64_t count) { return count == published_count_; });
        });
        for (const base::Result<void>& outcome : outcome_) {
            if (!outcome.ok()) return base::Error(outcome.error());
        }
    }
    if (!bootstrap_) return base::Error::data("no ramdisk to measure");
    Measurements measurements;
    measurements.pcr0 = TRY(extend_from_zero(*image_));
    measurements.pcr1 = TRY(extend_from_zero(*bootstrap_));
    measurements.pcr2 = TRY(extend_from_zero(*application_));
    return measurements;
}

}  // namespace eif
