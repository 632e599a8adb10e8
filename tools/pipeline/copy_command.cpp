// cp, send-file, recv-file, send-dir, recv-dir: from words to transfers, and what people see.
#include <fcntl.h>
#include <unistd.h>

#include "base/format.h"
#include "base/main.h"
#include "base/progress.h"
#include "base/text.h"
#include "codec/json.h"
#include "commands.h"
#include "copy_client.h"
#include "copy_parts.h"
#include "say.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

constexpr std::uint64_t kMaximumConnections = 32;
constexpr std::size_t kShownFailures = 20;

// One source and where it goes; exactly one of the two is on the other side.
struct Move {
    bool to_server = true;
    std::string from;
    std::string to;
    CopyStyle style = CopyStyle::into;
};

struct Look {
    bool archive = false;
    bool resume = false;
    std::uint64_t connections = 1;
    std::string progress;
    bool json = false;
};

Result<std::vector<Move>> moves_of_cp(const std::vector<std::string>& words) {
    if (words.size() < 2) {
        return Error::usage("cp takes at least one source and a destination",
                            "a colon before a path means the other side: cp ADDRESS file :/tmp/");
    }
    std::vector<Move> moves;
    const std::string& to = words.back();
    const bool to_server = to.starts_with(':');
    for (std::size_t index = 0; index + 1 < words.size(); ++index) {
        const std::string& from = words[index];
        if (from.starts_with(':') == to_server) {
            return Error::usage("cp copies between the two sides",
                                "a colon before a path means the other side; ./:name is a name");
        }
        Move move;
        move.to_server = to_server;
        move.from = to_server ? from : from.substr(1);
        move.to = to_server ? to.substr(1) : to;
        if (words.size() > 2 && !move.to.ends_with('/')) move.to += '/';
        moves.push_back(std::move(move));
    }
    return moves;
}

// The two paths as operands, or by the option names of old.
Result<std::vector<Move>> moves_of_old(const base::Arguments& arguments,
                                       std::vector<std::string> words) {
    const std::string_view command = arguments.command->name;
    const bool folder = command.ends_with("-dir");
    Move move;
    move.to_server = command.starts_with("send");
    move.style = folder ? CopyStyle::contents : CopyStyle::file;
    const std::string local(arguments.value(folder ? "localdir" : "localpath"));
    const std::string remote(arguments.value(folder ? "remotedir" : "remotepath"));
    if (!local.empty() && !remote.empty()) {
        words.push_back(move.to_server ? local : remote);
        words.push_back(move.to_server ? remote : local);
    }
    if (words.size() != 2) {
        return Error::usage(fmt::format("{} takes two paths", command),
                            folder ? "as operands, or by --localdir and --remotedir"
                                   : "as operands, or by --localpath and --remotepath");
    }
    move.from = words[0];
    move.to = words[1];
    return std::vector{move};
}

class Shown {
  public:
    explicit Shown(const Look& look) : look_(look) {}

    void begin(const std::string& label) {
        label_ = label;
        shown_ = 0;
        bar_.reset();
    }
    void moved(std::uint64_t bytes, std::uint64_t size) {
        if (look_.progress == "json") return moved_json(bytes, size);
        if (look_.progress != "auto") return;
        if (!bar_.has_value()) bar_.emplace(label_, size);
        if (bytes > shown_) bar_->advance(bytes - shown_);
        shown_ = bytes;
    }
    void end() { bar_.reset(); }

  private:
    // A line on standard error for every 16 MiB and at the end.
    void moved_json(std::uint64_t bytes, std::uint64_t size) {
        constexpr std::uint64_t kStep = std::uint64_t{16} * 1024 * 1024;
        if (bytes / kStep == shown_ / kStep && bytes != size) return;
        if (bytes == shown_) return;
        shown_ = bytes;
        codec::json::Value line{codec::json::Object{}};
        line.set("path", label_);
        line.set("bytes", static_cast<std::int64_t>(bytes));
        if (size > 0) line.set("size", static_cast<std::int64_t>(size));
        const std::string text = codec::json::write(line) + "\n";
        (void)base::write_all(STDERR_FILENO, base::as_bytes(text), "standard error");
    }

    const Look& look_;
    std::string label_;
    std::uint64_t shown_ = 0;
    std::optional<base::Progress> bar_;
};

Result<CopyOutcome> carry_out(CopyClient& transfer, Client& client) {
    while (!transfer.over())
        TRY(client.run());
    return transfer.outcome();
}

Result<CopyOutcome> send_one(Client& client, const ClientSettings& settings, const Move& move,
                             const Look& look, Shown& shown) {
    const Jail anywhere = Jail::everywhere();
    CopySource source;
    if (move.from == "-") {
        source = stream_source(TRY(base::own_stream(STDIN_FILENO, O_RDONLY)));
    } else {
        source = TRY(open_source(anywhere, move.from, true));
    }
    CopyRequest request;
    request.path = move.to;
    request.style = move.style;
    request.source_name = pipeline::source_name(move.from);
    request.archive = look.archive;
    request.resume = look.resume;
    if (worth_parts(source, look.connections)) {
        TRY(send_parts(settings, move.from, request, source, look.connections));
        request.resume = true;
    }
    CopyClient transfer(client);
    transfer.moved = [&](std::uint64_t bytes, std::uint64_t size) { shown.moved(bytes, size); };
    TRY(transfer.send(std::move(source), request));
    return carry_out(transfer, client);
}

Result<CopyOutcome> receive_one(Client& client, const Move& move, const Look& look, Shown& shown) {
    const Jail anywhere = Jail::everywhere();
    base::Fd output;
    CopyTarget target;
    target.jail = &anywhere;
    target.style = move.style;
    target.path = move.to;
    target.source_name = pipeline::source_name(move.from);
    if (move.to == "-") {
        output = TRY(base::own_stream(STDOUT_FILENO, O_WRONLY));
        target.sink = output.get();
    }
    CopyRequest request;
    request.path = move.from;
    request.archive = look.archive;
    request.resume = look.resume;
    CopyClient transfer(client);
    transfer.moved = [&](std::uint64_t bytes, std::uint64_t size) { shown.moved(bytes, size); };
    TRY(transfer.receive(std::move(target), request));
    return carry_out(transfer, client);
}

std::string digest_text(const CopyOutcome& outcome) {
    return outcome.digest.has_value() ? base::to_hex(*outcome.digest) : "";
}

Result<void> report(const Move& move, const CopyOutcome& outcome, const Look& look) {
    if (!look.json) {
        if (move.to == "-") return {};
        return base::print(fmt::format("{}  {}, {} entries, {}\n", digest_text(outcome),
                                       base::escape(move.to), outcome.entries,
                                       base::format_size(outcome.bytes)));
    }
    codec::json::Value line{codec::json::Object{}};
    line.set("from", move.from);
    line.set("to", move.to);
    line.set("entries", static_cast<std::int64_t>(outcome.entries));
    line.set("bytes", static_cast<std::int64_t>(outcome.bytes));
    line.set("sha256", digest_text(outcome));
    line.set("failures", static_cast<std::int64_t>(outcome.failure_count));
    return base::print(codec::json::write(line) + "\n");
}

// The first failures by name; the exit code is that of the first.
int tell_failures(const Move& move, const CopyOutcome& outcome) {
    for (std::size_t index = 0; index < outcome.failures.size(); ++index) {
        if (index == kShownFailures) {
            say(fmt::format("and {} more", outcome.failure_count - index));
            break;
        }
        const CopyFailure& failure = outcome.failures[index];
        say(failure.message(failure.at_peer == move.to_server ? move.to : move.from));
    }
    if (outcome.failure_count == 0) return 0;
    if (outcome.failures.empty()) return static_cast<int>(ExitCode::io);
    const CopyFailure& first = outcome.failures.front();
    return static_cast<int>(Error::system("copy", first.path, first.errno_value).code);
}

Result<Look> look_of(const base::Arguments& arguments) {
    Look look;
    look.archive = arguments.has("archive");
    look.resume = arguments.has("resume");
    look.connections = TRY(arguments.number("streams", 1, kMaximumConnections));
    look.progress = arguments.value("progress");
    look.json = arguments.has("json");
    if (look.progress != "auto" && look.progress != "none" && look.progress != "json") {
        return Error::usage("--progress is auto, none or json");
    }
    return look;
}

}  // namespace

Result<int> copy_command(const base::Arguments& arguments) {
    ClientCall call = TRY(client_call(arguments));
    const Look look = TRY(look_of(arguments));
    const bool cp = arguments.command->name == "cp";
    const std::vector<Move> moves =
        cp ? TRY(moves_of_cp(call.operands)) : TRY(moves_of_old(arguments, call.operands));
    loop::Loop loop = TRY(loop::Loop::create());
    const std::unique_ptr<Client> client = TRY(Client::connect(loop, call.settings));
    Shown shown(look);
    int status = 0;
    for (const Move& move : moves) {
        shown.begin(base::escape(move.from));
        const Result<CopyOutcome> outcome =
            move.to_server ? send_one(*client, call.settings, move, look, shown)
                           : receive_one(*client, move, look, shown);
        shown.end();
        if (!outcome.ok()) return outcome.error();
        const int told = tell_failures(move, outcome.value());
        if (status == 0) status = told;
        if (told == 0 || outcome.value().digest.has_value()) {
            TRY(report(move, outcome.value(), look));
        }
    }
    client->close();
    return status;
}

}  // namespace pipeline
