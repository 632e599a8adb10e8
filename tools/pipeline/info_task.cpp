// What a client may know.
#include "info_task.h"

#include <unistd.h>

#include "decision.h"

namespace pipeline {

using proto::pipeline::FieldId;
using proto::pipeline::Payload;

base::Result<void> InfoTask::start() {
    Payload fields;
    fields.number(FieldId::code, 0);
    fields.text(FieldId::key, key_.fingerprint);
    fields.text(FieldId::comment, key_.comment);
    fields.number(FieldId::sessions, std::uint64_t{others_} + 1);
    fields.number(FieldId::user_id, ::getuid());
    for (const Operation operation : kOperations) {
        if (may_ask_for(key_, operation)) fields.text(FieldId::allowed, operation_name(operation));
    }
    finish(fields, {"done", 0});
    return {};
}

}  // namespace pipeline
