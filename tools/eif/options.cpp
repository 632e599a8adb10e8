// The option table of eif(1).
#include "commands.h"

namespace eif {

namespace {

using base::Command;
using base::Option;

constexpr Option kBuildOptions[] = {
    {'k', "kernel", "FILE", "", "Kernel: bzImage, or Image for aarch64"},
    {'c', "cmdline", "TEXT", "", "Kernel command line"},
    {'\0', "cmdline-file", "FILE", "", "Kernel command line from a file, trimmed"},
    {'r', "ramdisk", "FILE", "", "Ramdisk; repeat for more, the first is the bootstrap one"},
    {'\0', "from", "DIR", "", "Build from a folder that 'eif extract' made"},
    {'o', "output", "FILE", "", "Image to write, - for standard output"},
    {'a', "arch", "ARCH", "x86_64", "Architecture: x86_64 or aarch64"},
    {'\0', "kernel-config", "FILE", "", "Take operating system and kernel version from a .config"},
    {'n', "name", "NAME", "enclave", "Image name"},
    {'\0', "version", "VERSION", "1.0", "Image version"},
    {'m', "metadata", "FILE", "", "Custom metadata: a JSON object of at most 4096 bytes"},
    {'\0', "build-time", "TIME", "", "Build time; SOURCE_DATE_EPOCH or 1970 if absent"},
    {'\0', "build-tool", "NAME", "enclavebox", "Build tool"},
    {'\0', "build-tool-version", "VERSION", "0.1.0", "Build tool's version"},
    {'\0', "img-os", "NAME", "", "Operating system, before --kernel-config"},
    {'\0', "img-kernel", "VERSION", "", "Kernel version, before --kernel-config"},
    {'C', "signing-certificate", "FILE", "", "Sign: certificate in PEM"},
    {'K', "private-key", "FILE", "", "Sign: its EC private key in PEM"},
};

constexpr Option kSignOptions[] = {
    {'C', "signing-certificate", "FILE", "", "Certificate in PEM"},
    {'K', "private-key", "FILE", "", "Its EC private key in PEM"},
    {'o', "output", "FILE", "", "Write the signed image here instead of replacing IMAGE"},
};

constexpr Option kVerifyOptions[] = {
    {'e', "expect", "FILE", "", "PCRs to hold the image against, as build and measure print them"},
    {'s', "signed", "", "", "Refuse an unsigned image"},
    {'\0', "at-time", "SECONDS", "", "Judge the certificate's validity at this Unix time, not now"},
    {'j', "json", "", "", "Print the findings as JSON"},
};

constexpr Option kExtractOptions[] = {
    {'o', "output", "DIR", "", "Folder to write to; made if absent"},
};

constexpr Option kDiffOptions[] = {
    {'j', "json", "", "", "Print the differences as JSON"},
    {'n', "limit", "COUNT", "1000", "Stop printing after so many differences; 0 for no limit"},
};

constexpr Option kCpioOptions[] = {
    {'o', "output", "FILE", "", "Archive to write, - for standard output"},
    {'p', "prefix", "DIR", "", "Put everything below this folder of the archive"},
    {'\0', "keep-owner", "", "", "Keep the owners of folder sources instead of 0:0"},
    {'z', "compress", "HOW", "none", "Compression: none, gzip or zstd"},
    {'\0', "mtime", "SECONDS", "", "Time of all members; SOURCE_DATE_EPOCH or 0 if absent"},
    {'a', "arch", "ARCH", "x86_64", "Image to take from an OCI index: x86_64 or aarch64"},
    {'t', "list", "", "", "List the members of newc archives instead of making one"},
    {'j', "json", "", "", "With --list: one JSON object per line"},
};

constexpr Command kCommands[] = {
    {"build", "", "Build an image from kernel, command line and ramdisks", kBuildOptions},
    {"show", "IMAGE", "Describe an image as JSON", {}},
    {"measure", "IMAGE", "Print an image's PCRs", {}},
    {"sign", "IMAGE", "Add or replace the signature", kSignOptions},
    {"verify", "IMAGE", "Check structure, checksum, signature and PCRs", kVerifyOptions},
    {"extract", "IMAGE", "Write an image's sections to files", kExtractOptions},
    {"diff", "IMAGE IMAGE", "Explain why two images differ", kDiffOptions},
    {"cpio", "SOURCE...", "Make a reproducible archive for a ramdisk", kCpioOptions},
};

}  // namespace

constexpr base::Tool kTool = {
    "eif", "",        "Build, measure, show, sign, verify, extract and compare enclave images.",
    {},    kCommands,
};

}  // namespace eif
