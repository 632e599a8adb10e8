// Log lines about connections, which strangers can cause: so many in a second, then only how many
// were left out.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/log.h"

namespace pf_proxy {

class Talk {
  public:
    void warn(std::chrono::milliseconds now, std::string_view message,
              std::initializer_list<base::log::Field> fields);

  private:
    static constexpr unsigned kMostPerSecond = 20;

    std::chrono::milliseconds second_{};  // when the present one began
    unsigned said_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace pf_proxy
