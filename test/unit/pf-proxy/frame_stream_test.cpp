// Frames through streams that are cut, slow, hostile or full.
#include "frame_stream.h"

#include "udp_support.h"

using namespace pf_proxy;
using namespace pf_proxy_test;
using proto::pf_proxy::Frame;
using proto::pf_proxy::Way;

namespace {

constexpr std::size_t kScratchBytes = 256 * 1024;

struct Reading {
    FrameReader::Outcome read(std::vector<std::string>& got) {
        return reader.read(ends.first.get(), scratch, [&](const Frame& frame) {
            got.emplace_back(base::as_text(frame.payload));
        });
    }
    void send(std::span<const std::byte> bytes) {
        REQUIRE(::send(ends.second.get(), bytes.data(), bytes.size(), 0) ==
                static_cast<ssize_t>(bytes.size()));
    }

    HeldBytes held{1 << 20};
    std::pair<base::Fd, base::Fd> ends = stream_pair();
    FrameReader reader{Way::outward, held};
    std::vector<std::byte> scratch = std::vector<std::byte>(kScratchBytes);
};

std::vector<std::byte> frame_of(std::string_view text) {
    std::array<std::byte, proto::pf_proxy::kMaximumFrameHeaderBytes> memory;
    const IpEndpoint to{kLocal6, 53};
    const auto header = proto::pf_proxy::encode_datagram_header(to, text.size(), memory);
    std::vector<std::byte> frame(header.begin(), header.end());
    frame.insert(frame.end(), base::as_bytes(text).begin(), base::as_bytes(text).end());
    return frame;
}

}  // namespace

TEST_CASE("frames come out whole, however the stream cuts them") {
    Reading reading;
    std::vector<std::byte> bytes;
    const std::vector<std::string> texts = {"one", "", std::string(3000, 'x'), "four"};
    for (const std::string& text : texts) {
        const auto frame = frame_of(text);
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
        std::vector<std::string> got;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            reading.send(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
            REQUIRE(reading.read(got) == FrameReader::Outcome::would_block);
        }
        CHECK(got == texts);
        CHECK(reading.held.held() == 0);
    }
}

TEST_CASE("a stream that ends between frames has ended, within one it is cut off") {
    for (const bool within : {false, true}) {
        Reading reading;
        std::vector<std::string> got;
        const auto frame = frame_of("text");
        reading.send(std::span(frame).first(frame.size() - (within ? 1 : 0)));
        CHECK(reading.read(got) == FrameReader::Outcome::would_block);
        reading.ends.second.reset();
        CHECK(reading.read(got) ==
              (within ? FrameReader::Outcome::cut_off : FrameReader::Outcome::ended));
        CHECK(got.size() == (within ? 0 : 1));
    }
}

TEST_CASE("what is no frame is bad at once and as the rest of a part") {
    Reading reading;
    std::vector<std::string> got;
    const auto frame = frame_of("text");
    reading.send(std::span(frame).first(3));
    CHECK(reading.read(got) == FrameReader::Outcome::would_block);
    const std::array<std::byte, 3> wrong = {std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};
    reading.send(wrong);
    CHECK(reading.read(got) == FrameReader::Outcome::bad);

    Reading other;
    const std::array<std::byte, 6> zeros{};
    other.send(zeros);
    CHECK(other.read(got) == FrameReader::Outcome::bad);
    CHECK(got.empty());
}

TEST_CASE("parts of frames count against the limit of held bytes") {
    Reading reading;
    std::vector<std::string> got;
    REQUIRE(reading.held.take((1 << 20) - 100));
    const auto frame = frame_of(std::string(1000, 'x'));
    reading.send(std::span(frame).first(50));
    CHECK(reading.read(got) == FrameReader::Outcome::would_block);
    reading.send(std::span(frame).subspan(50, 100));
    CHECK(reading.read(got) == FrameReader::Outcome::no_room);
}

TEST_CASE("into a slow stream go whole frames or none") {
    HeldBytes held(1 << 20);
    auto ends = stream_pair();
    constexpr int kSendBuffer = 20'000;
    ::setsockopt(ends.first.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
    auto writer = std::make_unique<FrameWriter>(held, 128 * 1024);
    auto gather = std::make_unique<FrameGather>();
    std::vector<std::byte> scratch(kScratchBytes);
    FrameReader reader(Way::outward, held);
    int last = -1;
    int received = 0;
    const auto read_some = [&] {
        return reader.read(ends.second.get(), scratch, [&](const Frame& frame) {
            const std::string text(base::as_text(frame.payload));
            const int number = std::stoi(text);
            CHECK(number > last);
            CHECK(text.size() == static_cast<std::size_t>(500 + number % 3000));
            last = number;
            ++received;
        });
    };
    constexpr int kFrames = 3000;
    for (int number = 0; number < kFrames; ++number) {
        std::string text = std::to_string(number) + " ";
        text.resize(static_cast<std::size_t>(500 + number % 3000), 'x');
        REQUIRE(gather->add_datagram(std::nullopt, base::as_bytes(text)));
        REQUIRE(writer->write(ends.first.get(), *gather) == FrameWriter::Outcome::written);
        REQUIRE(gather->empty());
        REQUIRE(held.held() <= 128 * 1024 + 4096);
        if (number % 10 == 0)
            REQUIRE(writer->resume(ends.first.get()) == FrameWriter::Outcome::written);
        if (number % 50 == 0) REQUIRE(read_some() != FrameReader::Outcome::bad);
    }
    while (writer->full()) {
        REQUIRE(read_some() != FrameReader::Outcome::bad);
        REQUIRE(writer->resume(ends.first.get()) == FrameWriter::Outcome::written);
    }
    while (read_some() == FrameReader::Outcome::more) {
    }
    CHECK(writer->dropped() > 0);
    CHECK(static_cast<std::uint64_t>(received) + writer->dropped() == kFrames);
    CHECK(held.held() == 0);
}

TEST_CASE("a stream without a reader is gone") {
    HeldBytes held(1 << 20);
    auto ends = stream_pair();
    FrameWriter writer(held, 128 * 1024);
    auto gather = std::make_unique<FrameGather>();
    ends.second.reset();
    REQUIRE(gather->add_error(std::nullopt, EACCES));
    CHECK(writer.write(ends.first.get(), *gather) == FrameWriter::Outcome::gone);
    CHECK(gather->empty());
}
