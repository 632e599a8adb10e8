// Names to edges, edges to lines.
#include "tree.h"

#include <map>
#include <set>

#include "base/text.h"
#include "fields.h"
#include "output.h"

namespace initctl {

namespace {

using codec::json::Value;

class Forest {
  public:
    Forest(const std::vector<Value>& services, bool coloured) : coloured_(coloured) {
        for (const Value& service : services)
            states_[text_of(service, "name")] = text_of(service, "state");
        for (const Value& service : services) {
            const std::string name = text_of(service, "name");
            for (const char* key : {"needed", "after", "wanted"}) {
                for (const std::string& other : names(service, key))
                    below_[name].insert(other);
            }
            for (const std::string& other : names(service, "before"))
                below_[other].insert(name);
        }
        for (const auto& [name, others] : below_)
            awaited_.insert(others.begin(), others.end());
    }

    std::string format() {
        for (const auto& [name, state] : states_) {
            if (!awaited_.contains(name)) add(name, "", "");
        }
        // In a cycle everybody is awaited.
        for (const auto& [name, state] : states_) {
            if (!shown_.contains(name)) add(name, "", "");
        }
        return std::move(text_);
    }

  private:
    static std::vector<std::string> names(const Value& service, const char* key) {
        std::vector<std::string> found;
        const Value* list = service.find(key);
        if (list == nullptr || list->as_array() == nullptr) return found;
        for (const Value& name : *list->as_array())
            found.emplace_back(name.as_text().value_or(""));
        return found;
    }

    // `lead` stands before the name, `indent` before what is below it.
    void add(const std::string& name, const std::string& lead, const std::string& indent) {
        const auto state = states_.find(name);
        const auto below = below_.find(name);
        const bool again = !shown_.insert(name).second && below != below_.end();
        text_ += lead + base::escape(name);
        if (again) text_ += " ...";
        if (state == states_.end()) {
            text_ += paint(" (missing)", Colour::bad, coloured_);
        } else if (!again) {
            text_ += " (" +
                     paint(base::escape(state->second), colour_of(state->second), coloured_) + ")";
        }
        text_ += '\n';
        if (again || below == below_.end()) return;
        for (auto other = below->second.begin(); other != below->second.end(); ++other) {
            const bool last = std::next(other) == below->second.end();
            add(*other, indent + (last ? "`-- " : "|-- "), indent + (last ? "    " : "|   "));
        }
    }

    bool coloured_;
    std::map<std::string, std::string> states_;
    std::map<std::string, std::set<std::string>> below_;
    std::set<std::string> awaited_;
    std::set<std::string> shown_;
    std::string text_;
};

}  // namespace

std::string format_tree(const std::vector<Value>& services, bool coloured) {
    return Forest(services, coloured).format();
}

}  // namespace initctl
