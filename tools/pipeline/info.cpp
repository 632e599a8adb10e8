// pipeline info: the evidence of an enclave, and what the key may do there.
#include <algorithm>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "client.h"
#include "codec/json.h"
#include "commands.h"
#include "decision.h"
#include "question.h"

namespace pipeline {

using base::Error;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;

namespace {

struct Facts {
    std::string key;
    std::string comment;
    std::uint64_t sessions = 0;
    std::uint64_t user_id = 0;
    std::vector<std::string> allowed;
};

Result<Facts> ask(Client& client) {
    proto::pipeline::Payload request;
    request.number(FieldId::operation, static_cast<std::uint64_t>(Operation::info));
    Question question(client);
    const Fields fields = TRY(question.ask(request));
    Facts facts;
    facts.key = base::escape(fields.text(FieldId::key).value_or(""));
    facts.comment = base::escape(fields.text(FieldId::comment).value_or(""));
    facts.sessions = fields.number(FieldId::sessions).value_or(0);
    facts.user_id = fields.number(FieldId::user_id).value_or(0);
    fields.for_each([&](const proto::Field<FieldId>& field) {
        if (field.id != FieldId::allowed) return;
        facts.allowed.push_back(base::escape(field.as_text()));
    });
    return facts;
}

std::string as_json(const Client& client, const Facts& facts) {
    using codec::json::Value;
    const Accepted& accepted = client.accepted();
    Value registers{codec::json::Object{}};
    for (const auto& [index, value] : accepted.pcrs)
        registers.set(fmt::format("PCR{}", index), base::to_hex(value));
    Value allowed{codec::json::Array{}};
    for (const std::string& operation : facts.allowed)
        allowed.append(operation);
    Value object{codec::json::Object{}};
    object.set("software", client.software());
    object.set("module_id", accepted.module_id);
    object.set("proven", accepted.proven);
    object.set("accepted_as", accepted.by);
    object.set("measurements", std::move(registers));
    object.set("key", facts.key);
    object.set("comment", facts.comment);
    object.set("user_id", static_cast<std::int64_t>(facts.user_id));
    object.set("sessions", static_cast<std::int64_t>(facts.sessions));
    object.set("allowed", std::move(allowed));
    return codec::json::write(object) + "\n";
}

std::string as_text(const Client& client, const Facts& facts) {
    const Accepted& accepted = client.accepted();
    std::string text = fmt::format(
        "software   {}\nmodule     {}\nevidence   {}, {}\n", client.software(), accepted.module_id,
        accepted.proven ? "proven" : "emulated, proves nothing", accepted.by);
    for (const auto& [index, value] : accepted.pcrs) {
        const bool zero = std::ranges::all_of(value, [](std::byte b) { return b == std::byte{0}; });
        if (!zero) text += fmt::format("PCR{:<8}{}\n", index, base::to_hex(value));
    }
    std::string allowed;
    for (const std::string& operation : facts.allowed)
        allowed += (allowed.empty() ? "" : " ") + operation;
    text += fmt::format("key        {} {}\nuser       {}\nsessions   {}\nallowed    {}\n",
                        facts.key, facts.comment, facts.user_id, facts.sessions, allowed);
    return text;
}

}  // namespace

Result<int> info_command(const base::Arguments& arguments) {
    const ClientCall call = TRY(client_call(arguments));
    if (!call.operands.empty()) return Error::usage("info takes an address and nothing else");
    loop::Loop loop = TRY(loop::Loop::create());
    const std::unique_ptr<Client> client = TRY(Client::connect(loop, call.settings));
    const Facts facts = TRY(ask(*client));
    TRY(base::print(arguments.has("json") ? as_json(*client, facts) : as_text(*client, facts)));
    client->close();
    return 0;
}

}  // namespace pipeline
