// The writer: shortest numbers, the fewest escapes, members in their order.

#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"

namespace codec::json {

namespace {

class Writer {
  public:
    explicit Writer(unsigned indent) : indent_(indent) {}

    void value(const Value& item) {
        switch (item.kind()) {
            case Value::Kind::null: out += "null"; break;
            case Value::Kind::boolean: out += *item.as_bool() ? "true" : "false"; break;
            case Value::Kind::integer: out += std::to_string(*item.as_integer()); break;
            case Value::Kind::real: out += fmt::format("{}", *item.as_real()); break;
            case Value::Kind::string: string(*item.as_text()); break;
            case Value::Kind::array:
                list('[', ']', *item.as_array(), [this](const Value& each) { value(each); });
                break;
            case Value::Kind::object:
                list('{', '}', *item.as_object(), [this](const Member& each) {
                    string(each.key);
                    out += indent_ > 0 ? ": " : ":";
                    value(each.value);
                });
                break;
        }
    }

    std::string out;

  private:
    template <typename Items, typename Each>
    void list(char open, char close, const Items& items, Each each) {
        out += open;
        ++level_;
        bool first = true;
        for (const auto& item : items) {
            if (!first) out += ',';
            first = false;
            new_line();
            each(item);
        }
        --level_;
        if (!items.empty()) new_line();
        out += close;
    }

    void new_line() {
        if (indent_ == 0) return;
        out += '\n';
        out.append(static_cast<std::size_t>(indent_) * level_, ' ');
    }

    void string(std::string_view text) {
        out += '"';
        while (!text.empty()) {
            const std::size_t length = base::utf8_length(text);
            const unsigned char first = static_cast<unsigned char>(text[0]);
            if (length == 0) {
                out += "\xEF\xBF\xBD";
                text.remove_prefix(1);
                continue;
            }
            if (first == '"' || first == '\\') {
                out += '\\';
                out += text[0];
            } else if (first == '\n') {
                out += "\\n";
            } else if (first < 0x20 || first == 0x7F) {
                out += fmt::format("\\u{:04x}", first);
            } else {
                out += text.substr(0, length);
            }
            text.remove_prefix(length);
        }
        out += '"';
    }

    unsigned indent_;
    std::size_t level_ = 0;
};

}  // namespace

std::string write(const Value& value, unsigned indent) {
    Writer writer(indent);
    writer.value(value);
    return std::move(writer.out);
}

}  // namespace codec::json
