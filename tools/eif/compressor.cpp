// The three ways to write an archive.
#include "compressor.h"

#include <zlib.h>
#include <zstd.h>

#include <array>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace eif {

namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;
constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 9;  // its window of 4 MiB suits the kernel's decoder

base::Error refused(std::string_view what) {
    return base::Error(base::ExitCode::internal, fmt::format("{} failed", what));
}

class Plain final : public Compressor {
  public:
    Plain(int fd, std::string_view name) : fd_(fd), name_(name) { buffer_.reserve(kBufferBytes); }

    base::Result<void> write(std::span<const std::byte> bytes) override {
        if (buffer_.size() + bytes.size() > kBufferBytes) TRY(flush());
        if (bytes.size() >= kBufferBytes) return base::write_all(fd_, bytes, name_);
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        return {};
    }

    base::Result<void> finish() override { return flush(); }

  private:
    base::Result<void> flush() {
        TRY(base::write_all(fd_, buffer_, name_));
        buffer_.clear();
        return {};
    }

    int fd_;
    std::string name_;
    std::vector<std::byte> buffer_;
};

class Gzip final : public Compressor {
  public:
    Gzip(int fd, std::string_view name) : fd_(fd), name_(name), buffer_(kBufferBytes) {}
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;
    ~Gzip() override { ::deflateEnd(&stream_); }

    base::Result<void> start() {
        constexpr int kGzipFormat = 16;
        if (::deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, MAX_WBITS + kGzipFormat, 8,
                           Z_DEFAULT_STRATEGY) != Z_OK) {
            return refused("starting gzip");
        }
        header_.os = 255;  // unknown, wherever we run; the time in it is 0
        if (::deflateSetHeader(&stream_, &header_) != Z_OK) return refused("starting gzip");
        return {};
    }

    base::Result<void> write(std::span<const std::byte> bytes) override {
        return push(bytes, Z_NO_FLUSH);
    }
    base::Result<void> finish() override { return push({}, Z_FINISH); }

  private:
    base::Result<void> push(std::span<const std::byte> bytes, int mode) {
        stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        while (true) {
            stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
            stream_.avail_out = static_cast<uInt>(buffer_.size());
            const int status = ::deflate(&stream_, mode);
            if (status == Z_STREAM_ERROR) return refused("gzip");
            const auto done = std::span(buffer_).first(buffer_.size() - stream_.avail_out);
            TRY(base::write_all(fd_, done, name_));
            if (status == Z_STREAM_END || stream_.avail_out != 0) return {};
        }
    }

    int fd_;
    std::string name_;
    std::vector<std::byte> buffer_;
    z_stream stream_{};
    gz_header header_{};
};

class Zstd final : public Compressor {
  public:
    Zstd(int fd, std::string_view name) : fd_(fd), name_(name), buffer_(kBufferBytes) {}

    base::Result<void> start() {
        if (context_ == nullptr || ZSTD_isError(ZSTD_CCtx_setParameter(
                                       context_.get(), ZSTD_c_compressionLevel, kZstdLevel)) != 0) {
            return refused("starting zstd");
        }
        return {};
    }

    base::Result<void> write(std::span<const std::byte> bytes) override {
        return push(bytes, ZSTD_e_continue);
    }
    base::Result<void> finish() override { return push({}, ZSTD_e_end); }

  private:
    struct Free {
        void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    };

    base::Result<void> push(std::span<const std::byte> bytes, ZSTD_EndDirective mode) {
        ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
        while (true) {
            ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
            const std::size_t left = ZSTD_compressStream2(context_.get(), &output, &input, mode);
            if (ZSTD_isError(left) != 0) return refused("zstd");
            TRY(base::write_all(fd_, std::span(buffer_).first(output.pos), name_));
            const bool done = mode == ZSTD_e_end ? left == 0 : input.pos == input.size;
            if (done) return {};
        }
    }

    int fd_;
    std::string name_;
    std::vector<std::byte> buffer_;
    std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

template <typename T>
base::Result<std::unique_ptr<Compressor>> started(std::unique_ptr<T> compressor) {
    TRY(compressor->start());
    return std::unique_ptr<Compressor>(std::move(compressor));
}

}  // namespace

base::Result<std::unique_ptr<Compressor>> make_compressor(std::string_view how, int fd,
                                                          std::string_view name) {
    if (how == "gzip") return started(std::make_unique<Gzip>(fd, name));
    if (how == "zstd") return started(std::make_unique<Zstd>(fd, name));
    if (how == "none") return std::unique_ptr<Compressor>(std::make_unique<Plain>(fd, name));
    return base::Error::usage(fmt::format("unknown compression {}", base::quote(how)),
                              "none, gzip or zstd");
}

}  // namespace eif
