// Names to edges, then strongly connected components (Tarjan) to find cycles.
#include "order.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/format.h"

namespace initd {

namespace {

using Services = std::vector<const ServiceSettings*>;
using Gates = std::vector<std::vector<Gate>>;

class Edges {
  public:
    Edges(const Services& services, Order& order) : services_(services), order_(order) {
        for (std::size_t index = 0; index < services.size(); ++index) {
            if (services[index]->enabled) index_of_[services[index]->name] = index;
        }
    }

    void add_all() {
        for (std::size_t index = 0; index < services_.size(); ++index) {
            const Links& links = services_[index]->links;
            if (!services_[index]->enabled) continue;
            for (const std::string& name : links.requirements)
                add(index, name, true);
            for (const std::string& name : links.after)
                add(index, name, false);
            for (const std::string& name : links.wants)
                add(index, name, false);
            for (const std::string& name : links.before) {
                const auto other = index_of_.find(name);
                if (other == index_of_.end())
                    warn(index, "before", name);
                else
                    order_.gates[other->second].push_back({index, false});
            }
        }
    }

  private:
    void add(std::size_t index, const std::string& name, bool required) {
        const auto other = index_of_.find(name);
        if (other != index_of_.end()) {
            order_.gates[index].push_back({other->second, required});
        } else if (required) {
            order_.failures.push_back(
                {index,
                 fmt::format("it requires '{}', which does not exist or is disabled", name)});
        } else {
            warn(index, "after", name);
        }
    }

    void warn(std::size_t index, std::string_view side, const std::string& name) {
        order_.warnings.push_back(
            {index,
             fmt::format("it starts {} '{}', which does not exist or is disabled", side, name)});
    }

    const Services& services_;
    Order& order_;
    std::map<std::string_view, std::size_t> index_of_;
};

// Tarjan's algorithm with a stack of its own: a chain may be as long as there are services.
class Components {
  public:
    explicit Components(const Gates& gates)
        : gates_(gates),
          number_(gates.size(), 0),
          low_(gates.size(), 0),
          on_stack_(gates.size(), false) {
        for (std::size_t node = 0; node < gates.size(); ++node) {
            if (number_[node] == 0) visit(node);
        }
    }
    // Each with more than one member, or one that waits for itself; members in file order.
    const std::vector<std::vector<std::size_t>>& cycles() const { return cycles_; }

  private:
    struct Frame {
        std::size_t node;
        std::size_t next_edge;
    };

    void open(std::size_t node) {
        number_[node] = low_[node] = ++counter_;
        stack_.push_back(node);
        on_stack_[node] = true;
        frames_.push_back({node, 0});
    }

    void visit(std::size_t root) {
        open(root);
        while (!frames_.empty()) {
            Frame& frame = frames_.back();
            const std::size_t node = frame.node;
            if (frame.next_edge < gates_[node].size()) {
                const std::size_t other = gates_[node][frame.next_edge++].on;
                if (number_[other] == 0)
                    open(other);
                else if (on_stack_[other])
                    low_[node] = std::min(low_[node], number_[other]);
                continue;
            }
            frames_.pop_back();
            if (!frames_.empty()) {
                std::size_t& parent_low = low_[frames_.back().node];
                parent_low = std::min(parent_low, low_[node]);
            }
            if (low_[node] == number_[node]) close(node);
        }
    }

    void close(std::size_t root) {
        std::vector<std::size_t> members;
        std::size_t member;
        do {
            member = stack_.back();
            stack_.pop_back();
            on_stack_[member] = false;
            members.push_back(member);
        } while (member != root);
        const bool waits_for_itself =
            std::any_of(gates_[root].begin(), gates_[root].end(),
                        [&](const Gate& gate) { return gate.on == root; });
        if (members.size() == 1 && !waits_for_itself) return;
        std::sort(members.begin(), members.end());
        cycles_.push_back(std::move(members));
    }

    const Gates& gates_;
    std::vector<std::size_t> number_;
    std::vector<std::size_t> low_;
    std::vector<bool> on_stack_;
    std::vector<std::size_t> stack_;
    std::vector<Frame> frames_;
    std::vector<std::vector<std::size_t>> cycles_;
    std::size_t counter_ = 0;
};

// One way round: from the first member along edges that stay in the cycle.
std::string describe_cycle(const Services& services, const Gates& gates,
                           const std::vector<std::size_t>& members) {
    std::string text = services[members[0]]->name;
    std::vector<std::size_t> path{members[0]};
    while (true) {
        std::size_t next = members[0];
        bool closes = false;
        for (const Gate& gate : gates[path.back()]) {
            if (!std::binary_search(members.begin(), members.end(), gate.on)) continue;
            closes = closes || gate.on == members[0];
            if (std::find(path.begin(), path.end(), gate.on) == path.end()) next = gate.on;
        }
        if (closes) next = members[0];
        text += " -> " + services[next]->name;
        if (next == members[0]) return text;
        path.push_back(next);
    }
}

}  // namespace

Order order_services(const Services& services) {
    Order order;
    order.gates.resize(services.size());
    Edges(services, order).add_all();
    const Components components(order.gates);
    for (const std::vector<std::size_t>& cycle : components.cycles()) {
        const std::string path = describe_cycle(services, order.gates, cycle);
        for (const std::size_t member : cycle) {
            order.failures.push_back({member, fmt::format("its order is a cycle: {}", path)});
        }
    }
    return order;
}

}  // namespace initd
