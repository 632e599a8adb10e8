// Connecting from within a loop.
#include "vsockio/connector.h"

#include <poll.h>

#include <cerrno>
#include <cstdlib>

namespace vsockio {

using base::Error;
using base::Fd;
using base::Result;

Connector::Connector(loop::Loop& loop, Address address, std::vector<SocketAddress> targets,
                     Done done)
    : loop_(loop),
      address_(std::move(address)),
      targets_(std::move(targets)),
      done_(std::move(done)),
      last_(Error::system("connect to", to_string(address_), EADDRNOTAVAIL)) {}

Result<std::unique_ptr<Connector>> Connector::start(loop::Loop& loop, const Address& address,
                                                    std::chrono::milliseconds timeout, Done done) {
    Address target = TRY(through_environment(address, Direction::connect));
    std::vector<SocketAddress> targets = TRY(resolve(target));
    std::unique_ptr<Connector> connector(
        new Connector(loop, std::move(target), std::move(targets), std::move(done)));
    TRY(connector->begin(timeout));
    return connector;
}

Result<void> Connector::begin(std::chrono::milliseconds timeout) {
    deadline_ = TRY(loop::Timer::create(
        loop_, [this] { finish(Error::system("connect to", to_string(address_), ETIMEDOUT)); }));
    first_ = TRY(loop::Timer::create(loop_, [this] { next(); }));
    deadline_->start(timeout);
    first_->start(std::chrono::milliseconds(0));
    return {};
}

void Connector::next() {
    poll_.reset();
    dialer_.reset();
    if (tried_ == targets_.size()) return finish(last_);
    std::optional<std::uint32_t> muxed_port;
    if (address_.kind == Address::Kind::muxed) muxed_port = address_.port;
    Result<Dialer> dialer = Dialer::start(targets_[tried_++], to_string(address_), muxed_port);
    if (!dialer.ok()) {
        last_ = std::move(dialer).error();
        return next();
    }
    dialer_ = std::move(dialer).value();
    Result<loop::Poll> poll = loop::Poll::create(loop_, dialer_->fd(), [this](int) { advance(); });
    if (!poll.ok()) return finish(std::move(poll).error());
    poll_ = std::move(poll).value();
    advance();
}

void Connector::advance() {
    const Result<bool> connected = dialer_->advance();
    if (!connected.ok()) {
        last_ = connected.error();
        return next();
    }
    if (connected.value()) {
        poll_.reset();
        return finish(dialer_->take());
    }
    poll_->watch(dialer_->wants() == POLLIN ? loop::Poll::kReadable : loop::Poll::kWritable);
}

void Connector::finish(Result<Fd> result) {
    deadline_.reset();
    first_.reset();
    poll_.reset();
    const Done done = std::move(done_);
    done(std::move(result));  // may destroy this
}

}  // namespace vsockio
