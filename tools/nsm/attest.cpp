// nsm attest.
#include "base/file.h"
#include "base/text.h"
#include "commands.h"

namespace nsm_tool {

using base::Error;
using base::Result;

namespace {

using OptionalBytes = std::optional<std::vector<std::byte>>;

Result<OptionalBytes> data_option(const base::Arguments& arguments, std::string_view name) {
    if (!arguments.has(name)) return OptionalBytes();
    auto data = read_data(arguments.value(name));
    if (!data.ok()) return std::move(data).error().at(std::string("--") + std::string(name));
    return OptionalBytes(std::move(data).value());
}

// Verifiers and key services expect a SubjectPublicKeyInfo in DER, and the module takes anything:
// the usual mistake is caught here.
Result<OptionalBytes> key_option(const base::Arguments& arguments) {
    if (!arguments.has("public-key")) return OptionalBytes();
    const std::string path(arguments.value("public-key"));
    const std::string content = TRY(base::read_file(path, nsm::kMaximumPublicKeyBytes));
    if (content.starts_with("-----BEGIN")) {
        return Error::data(base::quote(path) + " is PEM, the document wants DER")
            .with_hint("openssl pkey -pubin -in KEY.pem -outform DER -out KEY.der");
    }
    const auto bytes = base::as_bytes(content);
    return OptionalBytes(std::in_place, bytes.begin(), bytes.end());
}

}  // namespace

Result<std::string> attest(const base::Arguments& arguments, const Opener& open) {
    TRY(arguments.expect_operands(0, 0));
    if (arguments.value("nonce") == "-" && arguments.value("user-data") == "-") {
        return Error::usage("--nonce and --user-data cannot both read standard input");
    }
    nsm::AttestationRequest request;
    request.nonce = TRY(data_option(arguments, "nonce"));
    request.user_data = TRY(data_option(arguments, "user-data"));
    request.public_key = TRY(key_option(arguments));
    const auto module = TRY(open());
    return std::string(base::as_text(TRY(module->attest(request))));
}

}  // namespace nsm_tool
