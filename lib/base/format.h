// fmt in header-only form, with its formatter compiled once: the only includer of <fmt/...>.
//
// Debian has no static libfmt, which PID 1 would need, and the headers alone make every file that
// formats a line compile the whole formatter anew (3 s each). The declaration below stops that.
#pragma once

#include <fmt/format.h>

extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                                   fmt::format_args, fmt::detail::locale_ref);
