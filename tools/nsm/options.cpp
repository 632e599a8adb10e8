// What the command line of nsm may say.
#include "options.h"

namespace nsm_tool {

namespace {

constexpr base::Option kToolOptions[] = {
    {'d', "device", "WHERE", "/dev/nsm", "Talk to the module at WHERE, see nsm(1)"},
};

constexpr base::Option kDescribeOptions[] = {
    {'j', "json", "", "", "Print one JSON object"},
};

constexpr base::Option kRandomOptions[] = {
    {'r', "raw", "", "", "Write the bytes as they are"},
    {'x', "hex", "", "", "Write hexadecimal digits and a newline, as without --raw"},
};

constexpr base::Option kPcrOptions[] = {
    {'b', "below", "N", "", "With lock: lock every register below N"},
    {'j', "json", "", "", "Print measurements as one JSON object"},
};

constexpr base::Option kAttestOptions[] = {
    {'n', "nonce", "DATA", "", "Put DATA into the document as its nonce"},
    {'u', "user-data", "DATA", "", "Put DATA into the document as its user data"},
    {'k', "public-key", "FILE", "", "Put the key in FILE (DER) into the document"},
    {'o', "output", "FILE", "-", "Write the document to FILE"},
};

constexpr base::Option kClockOptions[] = {
    {'i', "interval", "TIME", "5min", "Look at the module's time every TIME"},
    {'s', "step", "TIME", "500ms", "Step over a difference of at least TIME, slew a smaller one"},
    {'f', "floor", "FILE", "/run/clock-floor", "Keep the latest time ever told in FILE"},
    {'1', "once", "", "", "Look once, print what was done, and end"},
    {'D', "dry-run", "", "", "Only tell what would be done"},
    {'\0', "ready-fd", "N", "", "Write a newline to descriptor N after the first look"},
};

constexpr base::Command kCommands[] = {
    {"describe", "", "Show the module's identity, version and locked registers", kDescribeOptions},
    {"random", "N", "Print N random bytes of the module", kRandomOptions},
    {"pcr", "read [INDEX...] | extend INDEX DATA | lock INDEX | lock --below=N",
     "Show, extend or lock platform configuration registers", kPcrOptions},
    {"attest", "", "Get a signed attestation document", kAttestOptions},
    {"clock", "", "Keep the kernel's clock with the module's, as a service", kClockOptions},
};

}  // namespace

constinit const base::Tool kTool = {"nsm", "", "Talk to the Nitro Secure Module of this enclave.",
                                    kToolOptions, kCommands};

}  // namespace nsm_tool
