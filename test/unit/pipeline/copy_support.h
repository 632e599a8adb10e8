// What the tests of the copy engines share: folders of their own, trees and their digest, and a
// sender that feeds a receiver through pieces of any size.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "copy_receive.h"
#include "copy_send.h"

namespace copy_test {

// A folder of its own, gone with everything in it at the end.
class Folder {
  public:
    // In memory where there is /dev/shm, else under TMPDIR or /tmp.
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

// Failures of these abort the test.
void write_file(const std::string& path, const std::string& content, unsigned mode = 0644);
std::string read_file(const std::string& path);
void make_folder(const std::string& path, unsigned mode = 0755);
void make_link(const std::string& target, const std::string& path);
void set_time(const std::string& path, std::int64_t seconds, long nanoseconds);
// Bytes that look like chance and are the same for the same seed.
std::string noise(std::size_t size, unsigned seed);

// Everything about a tree but owners: names, kinds, modes, times, contents, link targets, which
// names are one file, and the blocks of holes as zeros. One line per entry, sorted.
std::string describe(const std::string& folder, bool top = true);
// Names in a folder that the engines made and should have removed.
std::vector<std::string> hidden_names(const std::string& folder);
std::uint64_t allocated_bytes(const std::string& path);

pipeline::SendOptions sending(bool archive = false, bool resume = false);
pipeline::ReceiveOptions receiving(bool archive = false, bool resume = false);
pipeline::CopyTarget target(const pipeline::Jail& jail, const std::string& path,
                            pipeline::CopyStyle style, const std::string& name = "");
pipeline::CopySource source(const std::string& path);

// A jail "box" beside "outside", which must stay as it is.
struct Scene {
    Folder place;
    std::string before;

    Scene() {
        make_folder(place / "outside");
        write_file(place / "outside/secret", "secret", 0600);
        make_folder(place / "box");
        before = describe(place / "outside");
    }
    std::string box() const { return place / "box"; }
    bool untouched() const { return describe(place / "outside") == before; }
};

struct Outcome {
    pipeline::CopySender::State sent{};
    pipeline::CopyReceiver::State received{};
    std::vector<pipeline::CopyFailure> sender_failures;
    std::vector<pipeline::CopyFailure> receiver_failures;
    proto::copy::Totals result;
    bool done() const {
        return sent == pipeline::CopySender::State::done &&
               received == pipeline::CopyReceiver::State::done;
    }
};

// Runs until both are done or failed, or `stop_after` bytes went over.
Outcome pump(pipeline::CopySender& sender, pipeline::CopyReceiver& receiver, std::size_t piece,
             std::uint64_t stop_after = UINT64_MAX,
             const std::function<void(std::uint64_t)>& at_bytes = {});

// The contents of one folder into another.
Outcome copy_tree(const std::string& from, const std::string& to, std::size_t piece = 64 * 1024,
                  bool archive = false, bool resume = false);
Outcome copy_file(const std::string& from, const std::string& to, std::size_t piece = 64 * 1024,
                  bool resume = false);

}  // namespace copy_test
