// The server's half of a copy: a folder or file below what the key may reach, and a stream.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "copy_stream.h"
#include "jail.h"
#include "request.h"
#include "task.h"

namespace pipeline {

// Where a path of a client lies: below one of the folders, or anywhere when there are none. Pure.
struct JailedPath {
    std::string folder;  // "": everywhere
    std::string path;
};
// An absolute path must begin with one of the folders; a relative one is below the first. The Error
// is a refusal that names them.
base::Result<JailedPath> jailed_path(const std::vector<std::string>& folders,
                                     const std::string& path);

class CopyTask : public Task {
  public:
    CopyTask(loop::Loop& loop, CopyRequest request, std::vector<std::string> folders)
        : loop_(loop), request_(std::move(request)), folders_(std::move(folders)) {}

  protected:
    // Tells the client, and the audit log, how the engine ended.
    template <typename Engine>
    void finish_as(Engine& engine);

    loop::Loop& loop_;
    CopyRequest request_;
    std::vector<std::string> folders_;
};

// Records of the client, written here.
class PutTask : public CopyTask {
  public:
    PutTask(loop::Loop& loop, CopyRequest request, std::vector<std::string> folders,
            std::uint64_t max_bytes)
        : CopyTask(loop, std::move(request), std::move(folders)), max_bytes_(max_bytes) {}
    void on_data(std::uint8_t, std::span<const std::byte> bytes) override { copy_->on_data(bytes); }
    void on_room() override { copy_->on_room(); }

  protected:
    base::Result<void> start() override;

  private:
    std::uint64_t max_bytes_;  // of content, holes included
    std::optional<Jail> jail_;
    std::unique_ptr<ReceivingCopy> copy_;
};

// Files here, as records to the client.
class GetTask : public CopyTask {
  public:
    using CopyTask::CopyTask;
    void on_data(std::uint8_t, std::span<const std::byte> bytes) override { copy_->on_data(bytes); }
    void on_room() override { copy_->on_room(); }

  protected:
    base::Result<void> start() override;

  private:
    std::unique_ptr<SendingCopy> copy_;
};

}  // namespace pipeline
