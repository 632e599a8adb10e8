// A large file in ranges.
#include "copy_parts.h"

#include <algorithm>
#include <vector>

#include "copy_client.h"

namespace pipeline {

using base::Result;

namespace {

constexpr std::uint64_t kSmallestPart = std::uint64_t{64} * 1024 * 1024;
constexpr std::uint64_t kAlignment = std::uint64_t{1024} * 1024;

std::uint64_t size_of(const CopySource& source) {
    return static_cast<std::uint64_t>(source.status.st_size);
}

}  // namespace

bool worth_parts(const CopySource& source, std::uint64_t connections) {
    return connections > 1 && !source.stream && source.shape == proto::copy::Shape::file &&
           size_of(source) >= connections * kSmallestPart;
}

Result<void> send_parts(const ClientSettings& settings, const std::string& path,
                        const CopyRequest& request, const CopySource& source,
                        std::uint64_t connections) {
    const std::uint64_t size = size_of(source);
    const std::uint64_t step = (size / connections + kAlignment) / kAlignment * kAlignment;
    const Jail anywhere = Jail::everywhere();
    loop::Loop loop = TRY(loop::Loop::create());
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<std::unique_ptr<CopyClient>> transfers;
    for (std::uint64_t offset = 0; offset < size; offset += step) {
        clients.push_back(TRY(Client::connect(loop, settings)));
        CopyRequest part = request;
        part.resume = true;
        part.part = CopyRequest::Part{offset, std::min(step, size - offset)};
        transfers.push_back(std::make_unique<CopyClient>(*clients.back()));
        CopySource own = TRY(open_source(anywhere, path, true));
        TRY(transfers.back()->send(std::move(own), part));
    }
    for (std::size_t index = 0; index < clients.size(); ++index) {
        while (!transfers[index]->over())
            TRY(clients[index]->run());
        (void)TRY(transfers[index]->outcome());
        clients[index]->close();
    }
    return {};
}

}  // namespace pipeline
