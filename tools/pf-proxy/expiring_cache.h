// Values that are worth keeping for a while: a bounded map whose oldest use makes room, and which
// gives out nothing that has expired. Pure; whoever asks brings the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace pf_proxy {

template <typename Key, typename Value>
class ExpiringCache {
  public:
    using Time = std::chrono::milliseconds;  // on loop::Loop's clock

    explicit ExpiringCache(std::size_t maximum) : maximum_(maximum) {}

    struct Entry {
        Value value;
        Time until{};
    };

    // Borrowed until the next call of put().
    Entry* find(const Key& key, Time now) {
        const auto found = index_.find(key);
        if (found == index_.end()) return nullptr;
        if (found->second->second.until <= now) {
            order_.erase(found->second);
            index_.erase(found);
            return nullptr;
        }
        order_.splice(order_.begin(), order_, found->second);
        return &found->second->second;
    }

    // Replaces what the key had.
    void put(const Key& key, Value value, Time until) {
        if (maximum_ == 0) return;
        const auto found = index_.find(key);
        if (found != index_.end()) {
            found->second->second = Entry{std::move(value), until};
            order_.splice(order_.begin(), order_, found->second);
            return;
        }
        if (order_.size() >= maximum_) {
            index_.erase(order_.back().first);
            order_.pop_back();
        }
        order_.emplace_front(key, Entry{std::move(value), until});
        index_.emplace(key, order_.begin());
    }

    std::size_t size() const { return order_.size(); }

  private:
    std::size_t maximum_;
    std::list<std::pair<Key, Entry>> order_;  // latest use first
    std::map<Key, typename std::list<std::pair<Key, Entry>>::iterator> index_;
};

}  // namespace pf_proxy
