// One stream to a nameserver, shared by all questions.
#include "dns_forwarder.h"

#include <sys/random.h>

#include <map>
#include <optional>

#include "base/bytes.h"
#include "dns_stream.h"
#include "vsockio/connector.h"

namespace pf_proxy {

using base::Error;
using base::Fd;
using base::Result;
using std::chrono::milliseconds;

namespace {

constexpr int kMaximumTries = 2;   // on streams that opened and answered nothing
constexpr milliseconds kTick{50};  // how exact the times are
constexpr std::size_t kHeaderBytes = 12;

Error failure(int errno_value) {
    return Error::system("ask", "the nameserver", errno_value);
}

// What is shared by whoever waits and whoever answers: an empty `done` has been cancelled.
struct Waiting {
    Forwarder::Done done;
};

class Handle : public Forwarder::Exchange {
  public:
    explicit Handle(std::shared_ptr<Waiting> waiting) : waiting_(std::move(waiting)) {}
    ~Handle() override { waiting_->done = nullptr; }

  private:
    std::shared_ptr<Waiting> waiting_;
};

struct Asked {
    std::vector<std::byte> query;  // with the id that it came with
    std::shared_ptr<Waiting> waiting;
    milliseconds deadline{};
    int tries = 0;
    bool sent = false;  // on the stream that there is
};

class StreamForwarder : public Forwarder {
  public:
    StreamForwarder(loop::Loop& loop, std::vector<NameserverOpener> openers,
                    StreamForwarderSettings settings)
        : loop_(loop), openers_(std::move(openers)), settings_(settings) {}

    Result<void> open() {
        tick_ = TRY(loop::Timer::create(loop_, [this] { tick(); }));
        turn_ = TRY(loop::Timer::create(loop_, [this] { turn(); }));
        return {};
    }

    std::unique_ptr<Exchange> ask(std::vector<std::byte> query, Done done) override;

  private:
    using Outcome = Result<std::vector<std::byte>>;

    std::uint16_t free_id() const;
    void begin_opening();
    void opened(Result<Fd> fd);
    void opening_failed(const Error& error);
    void send_all();
    void arrived(std::span<const std::byte> message);
    void lose_stream(int errno_value);
    void tick();
    void turn();
    void settle(std::shared_ptr<Waiting> waiting, Outcome outcome);

    loop::Loop& loop_;
    std::vector<NameserverOpener> openers_;
    StreamForwarderSettings settings_;
    std::map<std::uint16_t, Asked> asked_;  // by the id on the stream
    std::size_t opener_ = 0;                // the one in use
    std::size_t failed_ = 0;                // openers in a row
    std::unique_ptr<Opening> opening_;
    std::unique_ptr<DnsStream> stream_;
    bool heard_ = false;      // any answer on this stream
    milliseconds busy_at_{};  // last answer, or first question after none was open
    std::vector<std::pair<std::shared_ptr<Waiting>, Outcome>> due_;
    std::optional<loop::Timer> tick_;
    std::optional<loop::Timer> turn_;  // for what ask() must not do itself
};

std::unique_ptr<Forwarder::Exchange> StreamForwarder::ask(std::vector<std::byte> query, Done done) {
    auto waiting = std::make_shared<Waiting>();
    waiting->done = std::move(done);
    auto handle = std::make_unique<Handle>(waiting);
    if (query.size() < kHeaderBytes) {
        settle(std::move(waiting), failure(EINVAL));
        return handle;
    }
    if (asked_.size() >= settings_.maximum_exchanges) {
        settle(std::move(waiting), failure(EAGAIN));
        return handle;
    }
    if (asked_.empty()) {
        busy_at_ = loop_.now();
        tick_->start(kTick, kTick);
    }
    asked_[free_id()] = {std::move(query), std::move(waiting), loop_.now() + settings_.limit};
    turn_->start(milliseconds(0));
    return handle;
}

// At random, which keeps late answers of an earlier stream's question from meeting a later one.
std::uint16_t StreamForwarder::free_id() const {
    std::uint16_t id = 0;
    if (::getrandom(&id, sizeof id, 0) != sizeof id) id = 0;
    while (asked_.contains(id))
        ++id;
    return id;
}

void StreamForwarder::begin_opening() {
    auto opening = openers_[opener_]([this](Result<Fd> fd) { opened(std::move(fd)); });
    if (!opening.ok()) return opening_failed(opening.error());
    opening_ = std::move(opening).value();
}

void StreamForwarder::opened(Result<Fd> fd) {
    opening_.reset();
    if (!fd.ok()) return opening_failed(fd.error());
    auto stream = DnsStream::create(
        loop_, std::move(fd).value(), [this](auto message) { arrived(message); },
        [this](bool) { lose_stream(ECONNRESET); });
    if (!stream.ok()) return opening_failed(stream.error());
    stream_ = std::move(stream).value();
    failed_ = 0;
    heard_ = false;
    busy_at_ = loop_.now();
    send_all();
}

void StreamForwarder::opening_failed(const Error& error) {
    opener_ = (opener_ + 1) % openers_.size();
    if (++failed_ < openers_.size()) return begin_opening();
    failed_ = 0;
    for (auto& [id, asked] : asked_)
        settle(std::move(asked.waiting), error);
    asked_.clear();
}

void StreamForwarder::send_all() {
    for (auto& [id, asked] : asked_) {
        if (asked.sent) continue;
        std::vector<std::byte> query = asked.query;
        base::store_be(std::span(query), id);
        asked.sent = true;
        if (!stream_->send(query)) return lose_stream(ECONNRESET);
    }
}

void StreamForwarder::arrived(std::span<const std::byte> message) {
    if (message.size() < kHeaderBytes) return lose_stream(EPROTO);
    busy_at_ = loop_.now();
    const auto found = asked_.find(base::load_be<std::uint16_t>(message));
    if (found == asked_.end() || !found->second.sent) return;
    heard_ = true;
    std::vector<std::byte> answer(message.begin(), message.end());
    const auto& query = found->second.query;
    std::copy(query.begin(), query.begin() + 2, answer.begin());
    settle(std::move(found->second.waiting), std::move(answer));
    asked_.erase(found);
}

// Questions without an answer go to the next stream. One that answered something counts as no try:
// servers may close a stream after any answer, and each such stream has brought us forward.
void StreamForwarder::lose_stream(int errno_value) {
    stream_.reset();
    for (auto each = asked_.begin(); each != asked_.end();) {
        Asked& asked = each->second;
        if (asked.sent && !heard_) ++asked.tries;
        asked.sent = false;
        if (asked.tries < kMaximumTries) {
            ++each;
            continue;
        }
        settle(std::move(asked.waiting), failure(errno_value));
        each = asked_.erase(each);
    }
    if (!heard_) opener_ = (opener_ + 1) % openers_.size();
    if (!asked_.empty()) begin_opening();
}

void StreamForwarder::tick() {
    const milliseconds now = loop_.now();
    for (auto each = asked_.begin(); each != asked_.end();) {
        if (each->second.deadline > now) {
            ++each;
            continue;
        }
        settle(std::move(each->second.waiting), failure(ETIMEDOUT));
        each = asked_.erase(each);
    }
    if (stream_ != nullptr) {
        const bool busy = !asked_.empty();
        if (busy && now - busy_at_ >= settings_.silence) {
            heard_ = false;
            lose_stream(ETIMEDOUT);
        } else if (!busy && now - busy_at_ >= settings_.idle) {
            stream_.reset();
        }
    }
    if (!asked_.empty() || stream_ != nullptr) return;
    opening_.reset();
    tick_->stop();
}

void StreamForwarder::settle(std::shared_ptr<Waiting> waiting, Outcome outcome) {
    due_.emplace_back(std::move(waiting), std::move(outcome));
    turn_->start(milliseconds(0));
}

void StreamForwarder::turn() {
    if (stream_ != nullptr) {
        send_all();
    } else if (opening_ == nullptr && !asked_.empty()) {
        begin_opening();
    }
    // Whoever is told may destroy anything, this included.
    auto due = std::exchange(due_, {});
    for (auto& [waiting, outcome] : due) {
        if (waiting->done) std::exchange(waiting->done, nullptr)(std::move(outcome));
    }
}

class DirectOpening : public Opening {
  public:
    explicit DirectOpening(std::unique_ptr<vsockio::Connector> connector)
        : connector_(std::move(connector)) {}

  private:
    std::unique_ptr<vsockio::Connector> connector_;
};

}  // namespace

NameserverOpener open_directly(loop::Loop& loop, const vsockio::IpEndpoint& nameserver,
                               milliseconds timeout) {
    vsockio::Address address;
    address.kind = vsockio::Address::Kind::tcp;
    address.host = to_string(nameserver.address);
    address.port = nameserver.port;
    return [&loop, address, timeout](Opened opened) -> Result<std::unique_ptr<Opening>> {
        auto connector = TRY(vsockio::Connector::start(
            loop, address, timeout, [opened = std::move(opened)](auto stream) {
                if (!stream.ok()) return opened(std::move(stream).error());
                opened(stream.value()->release());
            }));
        return std::unique_ptr<Opening>(std::make_unique<DirectOpening>(std::move(connector)));
    };
}

Result<std::unique_ptr<Forwarder>> make_stream_forwarder(loop::Loop& loop,
                                                         std::vector<NameserverOpener> openers,
                                                         StreamForwarderSettings settings) {
    if (openers.empty()) return Error::usage("a nameserver to forward to is needed");
    auto made = std::make_unique<StreamForwarder>(loop, std::move(openers), settings);
    TRY(made->open());
    return std::unique_ptr<Forwarder>(std::move(made));
}

}  // namespace pf_proxy
