// What somebody types on a raw terminal, watched for the escape that ends a session that is stuck:
// '~' at the start of a line, as in ssh. Pure.
//
//   ~.   ends the session
//   ~~   sends one '~'
//   ~?   asks for this list
//
// Anything else behind the '~' is sent as it was typed. A line starts at the beginning and after
// carriage return or newline.
#pragma once

#include <string>
#include <string_view>

namespace pipeline {

class Escape {
  public:
    enum class Ask { nothing, end, help };
    struct Typed {
        std::string send;  // what goes to the peer
        Ask ask = Ask::nothing;
    };

    // Takes what was typed up to and including an escape that asks for something; `typed` is left
    // with the rest. Call until it is empty.
    Typed take(std::string_view& typed);

  private:
    enum class State { middle, line_start, tilde } state_ = State::line_start;
};

// For ~?, with the line ends that a raw terminal wants.
inline constexpr std::string_view kEscapeHelp =
    "~.  end the session\r\n~~  send ~\r\n~?  this list\r\n";

}  // namespace pipeline
