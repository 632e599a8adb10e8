// One file being received, under a name that is not its own: nameless (O_TMPFILE) where the file
// system can do that, else hidden in its folder; with resume under a stable hidden name, which
// stays when the transfer breaks off. When its digest is right it becomes a CommitBatch action.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "base/fd.h"
#include "copy_attributes.h"
#include "copy_digest.h"
#include "copy_types.h"

namespace pipeline {

// A folder of the destination that is written into. Shared by its level and by what waits to be
// committed in it.
struct TargetFolder {
    base::Fd fd;
    bool created = false;  // by this transfer: nothing can be in it that we did not put there
    bool touched = false;  // waits for its fsync
    bool nameless = true;  // O_TMPFILE works here, as far as is known
    bool proven = false;   // it does
};

// The name that a file has in its folder while it is incomplete and may be resumed:
// ".enclavebox-", the first 32 hexadecimal digits of SHA-256 of its name, ".part".
std::string partial_name(const std::string& name);
// ".enclavebox-" and 16 hexadecimal digits of chance.
std::string random_hidden_name();

// A hidden name that goes when the object goes, unless it was renamed or shall stay.
class HiddenName {
  public:
    HiddenName() = default;
    HiddenName(std::shared_ptr<TargetFolder> folder, std::string name, bool stays)
        : folder_(std::move(folder)), name_(std::move(name)), stays_(stays) {}
    HiddenName(HiddenName&& other) noexcept
        : folder_(std::move(other.folder_)),
          name_(std::exchange(other.name_, {})),
          stays_(other.stays_) {}
    HiddenName& operator=(HiddenName&& other) noexcept;
    ~HiddenName() { remove(); }

    bool exists() const { return !name_.empty(); }
    const std::string& name() const { return name_; }
    void release() { name_.clear(); }
    // Also a stable one: what is in it turned out to be worth nothing.
    void discard() {
        stays_ = false;
        remove();
    }

  private:
    void remove();
    std::shared_ptr<TargetFolder> folder_;
    std::string name_;
    bool stays_ = false;
};

class FileWriter {
  public:
    enum class Way {
        fresh,    // nothing stays behind
        partial,  // the stable name, alone
        shared,   // the stable name, with other parts writing at the same time
    };

    // A stable name that another transfer holds is waited for up to `patience`, then EBUSY.
    MaybeTrouble open(const std::shared_ptr<TargetFolder>& folder, const std::string& name, Way way,
                      std::chrono::milliseconds patience);

    // Hashes what is there, a bounded step at a time; true when all of it is.
    bool hash_existing(MaybeTrouble& trouble);
    std::uint64_t existing_bytes() const { return existing_; }

    // Where content goes on: 0, which empties a file of its own, or what hash_existing() hashed.
    MaybeTrouble start(std::uint64_t offset);
    // Parts: content begins at `offset` of a file of `size`, only the part is hashed.
    MaybeTrouble start_part(std::uint64_t offset, std::uint64_t size);

    MaybeTrouble write(std::span<const std::byte> bytes);
    MaybeTrouble hole(std::uint64_t length);
    std::uint64_t position() const { return position_; }
    std::optional<DigestBytes> digest() const { return digest_.value(); }

    // Gives the file its size and asks the kernel to start writing it out.
    MaybeTrouble finish();

    int fd() const { return fd_.get(); }
    base::Fd take_fd() { return std::move(fd_); }
    HiddenName take_hidden() { return std::move(hidden_); }
    HiddenName& hidden() { return hidden_; }

  private:
    MaybeTrouble open_hidden(const std::shared_ptr<TargetFolder>& folder);
    MaybeTrouble open_stable(const std::shared_ptr<TargetFolder>& folder, const std::string& name,
                             bool shared, std::chrono::milliseconds patience);

    base::Fd fd_;
    HiddenName hidden_;
    bool shared_ = false;
    bool hole_at_end_ = false;
    std::uint64_t existing_ = 0;
    std::uint64_t position_ = 0;
    ContentDigest digest_;
};

}  // namespace pipeline
