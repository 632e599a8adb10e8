// libyaml's events, checked and put into a tree. The only file that includes <yaml.h>.
#include "codec/yaml.h"

#include <yaml.h>

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace codec::yaml {

namespace {

using base::Error;
using base::Result;

Error error_at(const std::string& file, const Mark& mark, std::string_view message) {
    return Error(base::ExitCode::config,
                 fmt::format("{}:{}:{}: {}", file, mark.line, mark.column, message));
}

// An event of libyaml and its memory.
class Event {
  public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { yaml_event_delete(&raw_); }
    yaml_event_t* raw() { return &raw_; }
    yaml_event_type_t type() const { return raw_.type; }
    Mark mark() const { return {raw_.start_mark.line + 1, raw_.start_mark.column + 1}; }
    const yaml_event_t* operator->() const { return &raw_; }

  private:
    yaml_event_t raw_{};
};

class Builder {
  public:
    Builder(std::string_view text, const std::string& file, const Limits& limits)
        : file_(file), limits_(limits) {
        usable_ = yaml_parser_initialize(&parser_) == 1;
        if (!usable_) return;
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size());
    }
    Builder(const Builder&) = delete;
    Builder& operator=(const Builder&) = delete;
    ~Builder() {
        if (usable_) yaml_parser_delete(&parser_);
    }

    Result<Node> document() {
        if (!usable_) return Error(base::ExitCode::os, "out of memory");
        Node root;
        root.kind = Kind::mapping;
        Event stream, first;
        TRY(next(stream));
        TRY(next(first));
        if (first.type() == YAML_STREAM_END_EVENT) return root;
        if (first->data.document_start.version_directive != nullptr ||
            first->data.document_start.tag_directives.start !=
                first->data.document_start.tag_directives.end) {
            return error_at(file_, first.mark(), "directives are not allowed");
        }
        Event content;
        TRY(next(content));
        TRY(fill(root, content, 1));
        Event document_end, last;
        TRY(next(document_end));
        TRY(next(last));
        if (last.type() != YAML_STREAM_END_EVENT) {
            return error_at(file_, last.mark(), "a second document is not allowed");
        }
        return root;
    }

  private:
    Result<void> next(Event& event) {
        if (yaml_parser_parse(&parser_, event.raw()) == 1) return {};
        // Reader errors carry an offset only; the parser's mark is the best place known.
        const yaml_mark_t& mark =
            parser_.error == YAML_READER_ERROR ? parser_.mark : parser_.problem_mark;
        if (parser_.error == YAML_MEMORY_ERROR) return Error(base::ExitCode::os, "out of memory");
        const std::string problem = parser_.problem != nullptr ? parser_.problem : "out of memory";
        const std::string context =
            parser_.context != nullptr ? fmt::format(" {}", parser_.context) : "";
        return error_at(file_, {mark.line + 1, mark.column + 1}, problem + context);
    }

    Result<void> refuse_properties(const Event& event, const unsigned char* anchor,
                                   const unsigned char* tag) {
        if (anchor != nullptr) return error_at(file_, event.mark(), "anchors are not allowed");
        if (tag != nullptr) return error_at(file_, event.mark(), "tags are not allowed");
        return {};
    }

    Result<void> fill(Node& node, const Event& event, std::size_t depth) {
        if (depth > limits_.depth) {
            return error_at(file_, event.mark(),
                            fmt::format("nested deeper than {} levels", limits_.depth));
        }
        if (++nodes_ > limits_.nodes) {
            return error_at(file_, event.mark(), fmt::format("more than {} values", limits_.nodes));
        }
        node.mark = event.mark();
        switch (event.type()) {
            case YAML_SCALAR_EVENT: return fill_scalar(node, event);
            case YAML_SEQUENCE_START_EVENT: return fill_sequence(node, event, depth);
            case YAML_MAPPING_START_EVENT: return fill_mapping(node, event, depth);
            case YAML_ALIAS_EVENT: return error_at(file_, event.mark(), "aliases are not allowed");
            default: return error_at(file_, event.mark(), "expected a value");
        }
    }

    Result<void> fill_scalar(Node& node, const Event& event) {
        const auto& scalar = event->data.scalar;
        TRY(refuse_properties(event, scalar.anchor, scalar.tag));
        node.kind = Kind::scalar;
        node.plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
        node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        return {};
    }

    Result<void> fill_sequence(Node& node, const Event& start, std::size_t depth) {
        const auto& properties = start->data.sequence_start;
        TRY(refuse_properties(start, properties.anchor, properties.tag));
        node.kind = Kind::sequence;
        while (true) {
            Event event;
            TRY(next(event));
            if (event.type() == YAML_SEQUENCE_END_EVENT) return {};
            TRY(fill(node.items.emplace_back(), event, depth + 1));
        }
    }

    Result<void> fill_mapping(Node& node, const Event& start, std::size_t depth) {
        const auto& properties = start->data.mapping_start;
        TRY(refuse_properties(start, properties.anchor, properties.tag));
        node.kind = Kind::mapping;
        while (true) {
            Event key;
            TRY(next(key));
            if (key.type() == YAML_MAPPING_END_EVENT) return refuse_duplicates(node);
            Node name;
            TRY(fill(name, key, depth + 1));
            if (name.kind != Kind::scalar || name.text.empty()) {
                return error_at(file_, key.mark(), "a key must be text");
            }
            if (name.plain && name.text == "<<") {
                return error_at(file_, key.mark(), "merge keys are not allowed");
            }
            Event value;
            TRY(next(value));
            Entry& entry = node.entries.emplace_back();
            entry.key = std::move(name.text);
            entry.mark = key.mark();
            TRY(fill(entry.value, value, depth + 1));
        }
    }

    Result<void> refuse_duplicates(const Node& node) {
        std::vector<const Entry*> sorted;
        for (const Entry& entry : node.entries)
            sorted.push_back(&entry);
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const Entry* a, const Entry* b) { return a->key < b->key; });
        const auto twin =
            std::adjacent_find(sorted.begin(), sorted.end(),
                               [](const Entry* a, const Entry* b) { return a->key == b->key; });
        if (twin == sorted.end()) return {};
        return error_at(file_, twin[1]->mark,
                        fmt::format("the key {} was already given in line {}",
                                    base::quote(twin[1]->key), twin[0]->mark.line));
    }

    const std::string& file_;
    const Limits& limits_;
    yaml_parser_t parser_{};
    bool usable_ = false;
    std::size_t nodes_ = 0;
};

}  // namespace

Result<Document> parse(std::string_view text, std::string file, const Limits& limits) {
    if (text.size() > limits.bytes) {
        return error_at(file, {}, fmt::format("larger than {}", base::format_size(limits.bytes)));
    }
    Document document{std::move(file), {}};
    document.root = TRY(Builder(text, document.file, limits).document());
    return document;
}

}  // namespace codec::yaml
