// Under a policy that allows everything, no spelling of the metadata and loopback addresses gets
// through, as a host that is asked for or as the address of one.
#include "support.h"

using policy::Policy;
using policy_test::holds;
using vsockio::Transport;

namespace {

constexpr const char* kMetadata[] = {
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.43518",
    "169.254.43518.",
    "169.16689662",
    "2852039166",
    "2852039166.",
    "0xa9fea9fe",
    "0XA9FEA9FE",
    "0xA9fEa9Fe.",
    "0x00000000a9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0XA9.0XFE.0XA9.0XFE",
    "0xa9.0xfe.0xa9fe",
    "0xa9.0xfea9fe",
    "0xa9.254.0251.254",
    "025177524776",
    "0025177524776",
    "0251.0376.0251.0376",
    "0251.0376.0251.0376.",
    "0251.0376.0124776",
    "0251.077524776",
    "00000251.00000376.00000251.00000376",
    "169.254.0xa9.0376",
    "169.0xfe.0251.254",
    "0251.254.169.254",
    "169.254.169.0xfe",
    "169.254.0251.254",
    "169.0376.43518",
    "169.254.169.254:80",
    "[169.254.169.254]",
    "[::ffff:169.254.169.254]",
    "::ffff:169.254.169.254",
    "::FFFF:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:A9FE:A9FE",
    "0:0:0:0:0:ffff:a9fe:a9fe",
    "0000:0000:0000:0000:0000:ffff:a9fe:a9fe",
    "::169.254.169.254",
    "::a9fe:a9fe",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "FD00:0EC2:0:0:0:0:0:254",
    "[fd00:ec2::254]",
    "fd00:ec2::254%eth0",
    "169.254.169.254%eth0",
    "169.254.169.254 ",
    " 169.254.169.254",
    "169.254.169.254\n",
    "169.254.169.254/32",
    "x@169.254.169.254",
    "\xEF\xBC\x91.254.169.254",
};

constexpr const char* kLoopback[] = {
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.1.",
    "127.0.1",
    "127.0.0.001",
    "127.000.000.001",
    "127.255.255.254",
    "2130706433",
    "2130706433.",
    "0x7f000001",
    "0X7F000001",
    "0x7F000001.",
    "0x000000007f000001",
    "0x7f.1",
    "0x7F.1",
    "0x7f.0.1",
    "0x7f.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0x7f.0x1",
    "017700000001",
    "0017700000001",
    "0177.1",
    "0177.0.1",
    "0177.0.0.1",
    "0177.0.0.01",
    "0177.0000.0000.0001",
    "00000177.0.0.1",
    "0177.0x0.0.1",
    "127.0x1",
    "127.0x000001",
    "127.00000001",
    "127.0.0.1:80",
    "[127.0.0.1]",
    "[::1]",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::0.0.0.1",
    "::1%lo",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::FFFF:7F00:0001",
    "0:0:0:0:0:ffff:127.0.0.1",
    "[::ffff:127.0.0.1]",
    "::127.0.0.1",
    "::7f00:1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::ffff:0:127.0.0.1",
    "0",
    "0.0.0.0",
    "0x0",
    "00",
    "0.0",
    "0.",
    "::",
    "127.0.0.1 ",
    "127.0.0.1\t",
};

}  // namespace

TEST_CASE("no spelling of the metadata address is allowed by default: allow") {
    const Policy policy = policy_test::parsed("default: allow\n");
    static_assert(std::size(kMetadata) >= 40 && std::size(kLoopback) >= 40);
    for (const char* text : kMetadata) {
        INFO(text);
        const auto decision = policy.judge_name(text, 80, Transport::tcp);
        INFO(decision.reason);
        CHECK_FALSE(decision.allowed);
        CHECK_FALSE(policy.judge_name(text).allowed);
        CHECK(decision.line == 0);
        CHECK_FALSE(decision.reason.empty());
    }
}

TEST_CASE("no spelling of the loopback address is allowed by default: allow") {
    const Policy policy = policy_test::parsed("default: allow\n");
    for (const char* text : kLoopback) {
        INFO(text);
        CHECK_FALSE(policy.judge_name(text, 80, Transport::tcp).allowed);
        CHECK_FALSE(policy.judge_name(text).allowed);
        // Nor when somebody read the spelling as some harmless address.
        CHECK_FALSE(
            policy.judge({text, policy_test::address("8.8.8.8"), 80, Transport::tcp}).allowed);
    }
}

TEST_CASE("no rule for everything names a special address in any spelling") {
    const Policy policy = policy_test::parsed(
        "default: allow\n"
        "rules:\n"
        "  - allow: '*'\n"
        "  - allow: 0.0.0.0/0\n"
        "  - allow: ::/0\n"
        "  - allow: 128.0.0.0/1\n"
        "  - allow: 0.0.0.0/1\n");
    for (const char* text : kMetadata) {
        INFO(text);
        CHECK_FALSE(policy.judge_name(text, 80, Transport::tcp).allowed);
    }
    for (const char* text : kLoopback) {
        INFO(text);
        CHECK_FALSE(policy.judge_name(text, 80, Transport::udp).allowed);
    }
}

TEST_CASE("a name that resolves to a special address is refused in each of its forms") {
    const Policy policy = policy_test::parsed("default: allow\nrules: [allow: rebind.example]\n");
    CHECK(policy.judge_name("rebind.example", 80, Transport::tcp).allowed);
    for (const char* text :
         {"127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
          "10.0.0.1", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "0.0.0.0", "::"}) {
        INFO(text);
        const auto decision =
            policy.judge({"rebind.example", policy_test::address(text), 80, Transport::tcp});
        INFO(decision.reason);
        CHECK_FALSE(decision.allowed);
        CHECK(holds(decision.reason, "is special"));
    }
    CHECK(policy.judge({"rebind.example", policy_test::address("8.8.8.8"), 80, Transport::tcp})
              .allowed);
    CHECK(
        policy.judge({"rebind.example", policy_test::address("::ffff:8.8.8.8"), 80, Transport::tcp})
            .allowed);
}
