// What the copy engines tell their callers: failures by name, and how far they are. The records
// themselves are in proto/copy.h, the engines in copy_send.h and copy_receive.h.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/copy.h"

namespace pipeline {

using proto::copy::DigestBytes;
using CopyStep = proto::copy::Operation;

// A system call that failed and what it was for. Nothing: all went well.
struct Trouble {
    int errno_value = 0;
    CopyStep operation = CopyStep::open;
};
using MaybeTrouble = std::optional<Trouble>;

// The entry is there, only not with everything it should have.
constexpr bool is_about_attributes(CopyStep operation) {
    return operation == CopyStep::set_mode || operation == CopyStep::set_times ||
           operation == CopyStep::set_owner || operation == CopyStep::set_xattr;
}
// No more can be written anywhere: a transfer ends, instead of failing once for each entry. An
// attribute that finds no room may be too large for its file system while the disk is empty.
constexpr bool is_final(const Trouble& trouble) {
    const bool no_room = trouble.errno_value == ENOSPC || trouble.errno_value == EDQUOT;
    return trouble.operation == CopyStep::limit ||
           (no_room && !is_about_attributes(trouble.operation));
}

struct CopyFailure {
    std::string path;  // bytes, below the top of the transfer; empty: the top itself
    int errno_value = 0;
    CopyStep operation = CopyStep::open;
    bool at_peer = false;  // the peer said so; its words are not trusted with a terminal

    // "cannot write 'a/b': No space left on device", with everything unprintable escaped.
    // `top` is what the caller calls the top.
    std::string message(std::string_view top = {}) const;
};

// Failures that the caller has not fetched, a bounded number of them; all are counted.
class CopyFailures {
  public:
    void add(CopyFailure failure) {
        ++count_;
        if (kept_.size() < kMaximumKept) kept_.push_back(std::move(failure));
    }
    std::vector<CopyFailure> take() { return std::exchange(kept_, {}); }
    std::uint64_t count() const { return count_; }

  private:
    static constexpr std::size_t kMaximumKept = 1000;
    std::vector<CopyFailure> kept_;
    std::uint64_t count_ = 0;
};

struct CopyProgress {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;       // content carried so far, holes included
    std::uint64_t file_bytes = 0;  // of the file under way, with what a resume found there
    std::uint64_t file_size = 0;   // 0 when unknown
    std::string path;              // of the entry under way
};

}  // namespace pipeline
