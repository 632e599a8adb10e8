// What is complete and waits for its final name, in the order in which it came.
//
// One file at a time would cost a journal commit each. A batch starts the write-back of all its
// files as they come, then syncs each, then names each, then syncs the folders: the first fsync
// pays and the others find their work done. A file never has its name before its content is safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "copy_attributes.h"
#include "copy_file_writer.h"
#include "copy_types.h"

namespace pipeline {

struct Refusal {
    std::uint64_t serial = 0;
    std::string path;
    Trouble trouble;
};

class CommitBatch {
  public:
    struct Action {
        enum class Kind { file, hard_link, folder } kind = Kind::file;
        std::shared_ptr<TargetFolder> folder;  // that holds the entry; of a folder: itself
        std::string name;
        std::uint64_t serial = 0;
        std::string path;       // for messages
        base::Fd fd;            // file
        HiddenName hidden;      // file, unless it is nameless
        bool linked = false;    // file: hard_link may refer to it
        std::string target;     // hard_link: path below the top
        Attributes attributes;  // folder: set when everything in it has its name
    };

    // Actions held at most: each is one or two descriptors.
    static constexpr std::size_t kMaximumActions = 256;

    CommitBatch();

    void configure(int top_folder, bool overwrite, const AttributeRules& rules) {
        top_folder_ = top_folder;
        overwrite_ = overwrite;
        rules_ = rules;
    }
    void add(Action action) { actions_.push_back(std::move(action)); }
    // The folder got a new entry and is synced with the batch.
    void touch(const std::shared_ptr<TargetFolder>& folder);
    // A file that was there already, and that hard_link may refer to.
    void add_linked(const struct stat& status);

    bool full() const { return actions_.size() + touched_.size() >= limit_; }
    bool empty() const { return actions_.empty() && touched_.empty(); }

    // A bounded piece of the work; true when all of it is done. Refusals are appended.
    bool step(std::vector<Refusal>& refusals);

  private:
    using Report = std::function<void(Action&, const MaybeTrouble&)>;
    void sync_some(const Report& report);
    MaybeTrouble carry_out(Action& action);
    MaybeTrouble give_name(Action& action) const;
    MaybeTrouble make_hard_link(const Action& action);

    int top_folder_ = -1;
    bool overwrite_ = true;
    AttributeRules rules_;
    std::size_t limit_ = kMaximumActions;
    std::vector<Action> actions_;
    std::size_t synced_ = 0;
    std::size_t carried_out_ = 0;
    std::vector<std::shared_ptr<TargetFolder>> touched_;
    std::set<std::pair<dev_t, ino_t>> linked_;
};

}  // namespace pipeline
