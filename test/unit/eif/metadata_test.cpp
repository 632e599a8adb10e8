// The metadata section's text and the facts of a kernel configuration.
#include "metadata.h"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("metadata is one line with its members in the vendor's order") {
    eif::Metadata metadata;
    metadata.image_name = "n";
    metadata.image_version = "v";
    metadata.build_time = eif::format_time(0);
    metadata.operating_system = "Linux";
    CHECK(eif::to_text(metadata) ==
          R"({"ImageName":"n","ImageVersion":"v","BuildMetadata":{"BuildTime":)"
          R"("1970-01-01T00:00:00Z","BuildTool":"","BuildToolVersion":"","OperatingSystem":)"
          R"("Linux","KernelVersion":""},"DockerInfo":null,"CustomMetadata":null})");
}

TEST_CASE("times are RFC 3339 in UTC") {
    CHECK(eif::format_time(1'700'000'000) == "2023-11-14T22:13:20Z");
    CHECK(eif::format_time(951'782'400) == "2000-02-29T00:00:00Z");
}

TEST_CASE("operating system and version come from the third line of a kernel's .config") {
    const auto facts = eif::parse_kernel_config(
        "#\n# Automatically generated file; DO NOT EDIT.\n"
        "# Linux/x86 6.12.1 Kernel Configuration\n#\n");
    CHECK(facts.operating_system == "Linux");
    CHECK(facts.version == "6.12.1");
    CHECK(eif::parse_kernel_config("# Linux/x86 6.12.1\n").version == "Unknown");
    CHECK(eif::parse_kernel_config("\n\n\n").operating_system == "Unknown");
}
