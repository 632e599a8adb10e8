// Decoding with zlib and libzstd.
#include "decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/format.h"
#include "base/text.h"

namespace eif {

namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;
constexpr int kMaximumWindowLog = 27;  // 128 MiB, zstd's own limit without --long

// What a decoder did with a piece of input.
struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool ended = false;
    bool failed = false;
};

class GzipDecoder {
  public:
    GzipDecoder() {
        constexpr int kGzipFormat = 16;
        ready_ = ::inflateInit2(&stream_, MAX_WBITS + kGzipFormat) == Z_OK;
    }
    GzipDecoder(const GzipDecoder&) = delete;
    GzipDecoder& operator=(const GzipDecoder&) = delete;
    ~GzipDecoder() { ::inflateEnd(&stream_); }

    Step step(std::span<const std::byte> from, std::span<std::byte> to) {
        stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(from.data()));
        stream_.avail_in = static_cast<uInt>(from.size());
        stream_.next_out = reinterpret_cast<Bytef*>(to.data());
        stream_.avail_out = static_cast<uInt>(to.size());
        const int status = ready_ ? ::inflate(&stream_, Z_NO_FLUSH) : Z_MEM_ERROR;
        return {from.size() - stream_.avail_in, to.size() - stream_.avail_out,
                status == Z_STREAM_END,
                status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR};
    }

  private:
    z_stream stream_{};
    bool ready_ = false;
};

class ZstdDecoder {
  public:
    ZstdDecoder() {
        if (context_ != nullptr) {
            ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaximumWindowLog);
        }
    }

    Step step(std::span<const std::byte> from, std::span<std::byte> to) {
        ZSTD_inBuffer input{from.data(), from.size(), 0};
        ZSTD_outBuffer output{to.data(), to.size(), 0};
        const std::size_t left = ZSTD_decompressStream(context_.get(), &output, &input);
        return {input.pos, output.pos, left == 0, ZSTD_isError(left) != 0};
    }

  private:
    struct Free {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };
    std::unique_ptr<ZSTD_DCtx, Free> context_{ZSTD_createDCtx()};
};

template <typename Decoder>
base::Result<Decompressed> run(Decoder& decoder, const Input& input, std::uint64_t offset,
                               std::uint64_t end, int spool, std::uint64_t maximum_bytes) {
    std::vector<std::byte> from(kBufferBytes);
    std::vector<std::byte> to(kBufferBytes);
    Decompressed result;
    std::span<const std::byte> available;
    std::uint64_t next = offset;
    while (true) {
        if (available.empty() && next < end) {
            const auto block = std::span(from).first(
                static_cast<std::size_t>(std::min<std::uint64_t>(from.size(), end - next)));
            TRY(input.read_at(next, block));
            next += block.size();
            available = block;
        }
        const Step step = decoder.step(available, to);
        if (step.failed) {
            return base::Error::data(
                fmt::format("compressed data is damaged near {}", offset + result.consumed_bytes));
        }
        available = available.subspan(step.consumed);
        result.consumed_bytes += step.consumed;
        result.produced_bytes += step.produced;
        if (result.produced_bytes > maximum_bytes) {
            return base::Error::data(fmt::format("compressed data at {} unpacks to more than {}",
                                                 offset, base::format_size(maximum_bytes)));
        }
        TRY(base::write_all(spool, std::span(to).first(step.produced), "a temporary file"));
        if (step.ended) return result;
        if (available.empty() && next == end && step.produced == 0) {
            return base::Error::data(fmt::format("compressed data at {} is cut off", offset));
        }
    }
}

}  // namespace

Compression recognise(std::span<const std::byte> bytes) {
    const std::string_view text = base::as_text(bytes);
    if (text.starts_with("07070")) return Compression::none;
    if (text.starts_with("\x1f\x8b")) return Compression::gzip;
    if (text.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
    return Compression::unknown;
}

base::Result<Decompressed> decompress(const Input& input, std::uint64_t offset, std::uint64_t end,
                                      Compression compression, int spool,
                                      std::uint64_t maximum_bytes) {
    if (compression == Compression::gzip) {
        GzipDecoder decoder;
        return run(decoder, input, offset, end, spool, maximum_bytes);
    }
    ZstdDecoder decoder;
    return run(decoder, input, offset, end, spool, maximum_bytes);
}

}  // namespace eif
