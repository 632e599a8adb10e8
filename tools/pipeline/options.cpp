// What the command line of pipeline may say.
#include "options.h"

#include <algorithm>
#include <array>

namespace pipeline {

namespace {

template <std::size_t A, std::size_t B>
constexpr std::array<base::Option, A + B> join(const base::Option (&first)[A],
                                               const base::Option (&second)[B]) {
    std::array<base::Option, A + B> all{};
    std::ranges::copy(first, all.begin());
    std::ranges::copy(second, all.begin() + A);
    return all;
}

constexpr base::Option kConnect[] = {
    {'c', "cid", "N", "", "Connect to the enclave N instead of an ADDRESS operand"},
    {'p', "port", "N", "53000", "Port for --cid"},
    {'k', "key", "FILE", "", "Prove the identity in FILE instead of the user's own"},
    {'P', "pcrs", "FILE", "", "Demand the measurements in FILE, as eif measure prints them"},
    {'\0', "root", "FILE", "", "Trust the certificate in FILE instead of the vendor's root"},
    {'\0', "allow-emulated", "", "", "Accept evidence of an emulator, which proves nothing"},
    {'\0', "allow-debug", "", "", "Accept an enclave in debug mode, which proves nothing"},
    {'\0', "known-enclaves", "FILE", "", "Remember measurements in FILE instead of the user's own"},
    {'\0', "connect-timeout", "TIME", "10s", "Give up when there is no channel after TIME"},
};

constexpr base::Option kRunOnly[] = {
    {'i', "interactive", "", "", "Pass standard input even from a terminal"},
    {'n', "no-input", "", "", "Give the command an empty standard input"},
    {'t', "tty", "", "", "Give the command a terminal"},
    {'e', "env", "KEY=VALUE", "", "Set a variable of the command"},
    {'w', "workdir", "DIR", "", "Start the command in DIR"},
    {'u', "user", "USER", "", "Run the command as USER, where the key leaves the choice"},
    {'\0', "command", "TEXT", "", "Run TEXT by sh -c instead of the operands"},
    {'\0', "timeout", "TIME", "", "End the command after TIME"},
    {'d', "no-wait", "", "", "Leave the command running as a job and print its name"},
    {'j', "json", "", "", "Print one object with stdout, stderr and rc"},
};
constexpr auto kRun = join(kConnect, kRunOnly);

constexpr base::Option kShellOnly[] = {
    {'e', "env", "KEY=VALUE", "", "Set a variable of the shell"},
    {'u', "user", "USER", "", "Log in as USER, where the key leaves the choice"},
};
constexpr auto kShell = join(kConnect, kShellOnly);

constexpr base::Option kCopyOnly[] = {
    {'a', "archive", "", "", "Keep owners, extended attributes and set-id bits, too"},
    {'r', "resume", "", "", "Go on with what an earlier attempt has left"},
    {'s', "streams", "N", "1", "Copy a large file over N connections"},
    {'\0', "localpath", "FILE", "", "The file on this side"},
    {'\0', "remotepath", "FILE", "", "The file on the other side"},
    {'\0', "localdir", "DIR", "", "The folder on this side"},
    {'\0', "remotedir", "DIR", "", "The folder on the other side"},
    {'\0', "progress", "HOW", "auto", "Show progress: auto, none or json"},
    {'j', "json", "", "", "Print what was copied as one object"},
};
constexpr auto kCopy = join(kConnect, kCopyOnly);

constexpr base::Option kForwardOnly[] = {
    {'L', "local", "FROM=TO", "", "Listen on FROM here and connect to TO there"},
    {'R', "remote", "FROM=TO", "", "Listen on FROM there and connect to TO here"},
    {'W', "stdio", "TO", "", "Join standard input and output to TO there"},
    {'\0', "control", "", "", "Join standard input and output to initd's control socket"},
    {'\0', "ready-fd", "N", "", "Write a newline to descriptor N when all is listened on"},
};
constexpr auto kForward = join(kConnect, kForwardOnly);

constexpr base::Option kPingOnly[] = {
    {'n', "count", "N", "1", "Ask N times"},
    {'\0', "interval", "TIME", "1s", "Wait for TIME between two questions"},
};
constexpr auto kPing = join(kConnect, kPingOnly);

constexpr base::Option kFactsOnly[] = {
    {'j', "json", "", "", "Print JSON"},
};
constexpr auto kFacts = join(kConnect, kFactsOnly);

constexpr base::Option kJobsOnly[] = {
    {'j', "json", "", "", "Print JSON"},
    {'\0', "end", "", "", "End the job"},
};
constexpr auto kJobs = join(kConnect, kJobsOnly);

constexpr base::Option kServe[] = {
    {'p', "port", "N", "53000", "Listen on vsock port N when no ADDRESS is given"},
    {'a', "authorized-keys", "FILE", "/etc/enclavebox/authorized_keys", "Who may do what"},
    {'m', "module", "WHERE", "/dev/nsm", "Get evidence from the module WHERE, as nsm does"},
    {'\0', "audit", "FILE", "", "Append a line for each operation to FILE, chained by hash"},
    {'\0', "jobs", "DIR", "/run/pipeline/jobs", "Keep the output of jobs in DIR"},
    {'\0', "control-socket", "PATH", "/run/initd.sock", "Where keys that may control initd get to"},
    {'\0', "max-sessions", "N", "64", "Serve N sessions at the same time"},
    {'\0', "max-greetings", "N", "64", "Hold N connections whose key is not known yet"},
    {'\0', "max-output", "SIZE", "0", "End a command that prints more than SIZE"},
    {'\0', "max-copy", "SIZE", "0", "Take no more than SIZE in one copy"},
    {'\0', "greeting-timeout", "TIME", "10s", "End a connection that has not greeted after TIME"},
    {'\0', "idle-timeout", "TIME", "15min", "End a session that asks for nothing for TIME"},
    {'\0', "check", "", "", "Check the file of keys and exit"},
    {'\0', "ready-fd", "N", "", "Write a newline to descriptor N when listening"},
};

constexpr base::Option kKeygen[] = {
    {'o', "output", "FILE", "", "Write the key to FILE and its public half to FILE.pub"},
    {'C', "comment", "TEXT", "", "What the line for authorized_keys says about the key"},
    {'\0', "show", "", "", "Print the line of the key that is there, make none"},
};

constexpr base::Command kCommands[] = {
    {"keygen", "", "Make the user's key and print its line for authorized_keys", kKeygen},
    {"serve", "[ADDRESS]", "Serve the holders of authorised keys", kServe},
    {"listen", "[ADDRESS]", "The same as serve", kServe},
    {"run", "ADDRESS -- PROGRAM [ARGUMENT...]", "Run a command and exit as it does", kRun},
    {"shell", "ADDRESS", "Log in on a terminal", kShell},
    {"cp", "ADDRESS FROM... TO", "Copy files; a colon before a path means the other side", kCopy},
    {"send-file", "ADDRESS LOCAL REMOTE", "Copy a file there", kCopy},
    {"recv-file", "ADDRESS REMOTE LOCAL", "Copy a file here", kCopy},
    {"send-dir", "ADDRESS LOCAL REMOTE", "Copy what is in a folder there", kCopy},
    {"recv-dir", "ADDRESS REMOTE LOCAL", "Copy what is in a folder here", kCopy},
    {"forward", "ADDRESS", "Forward connections until interrupted", kForward},
    {"ping", "ADDRESS", "Tell how long an answer takes", kPing},
    {"info", "ADDRESS", "Show the evidence, and what the key may do", kFacts},
    {"jobs", "ADDRESS [JOB]", "Show the key's jobs, or one with its output", kJobs},
    {"audit", "FILE", "Verify an audit log and print it", {}},
};

}  // namespace

constinit const base::Tool kTool = {
    "pipeline",
    "",
    "Run commands and copy files over an attested, encrypted channel.",
    {},
    kCommands};

}  // namespace pipeline
