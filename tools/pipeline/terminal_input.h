// What somebody types, on its way into a stream, without the escapes that are meant for the client.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "connection.h"
#include "escape.h"
#include "loop/loop.h"

namespace pipeline {

class TerminalInput {
  public:
    // `asked` hears of escapes; `ended` is called once when nothing more can be typed. The stream
    // is borrowed.
    static base::Result<std::unique_ptr<TerminalInput>> create(
        loop::Loop& loop, base::Fd terminal, Stream& stream, std::function<void(Escape::Ask)> asked,
        std::function<void()> ended);
    void on_room();

  private:
    TerminalInput(base::Fd terminal, Stream& stream, std::function<void(Escape::Ask)> asked,
                  std::function<void()> ended)
        : terminal_(std::move(terminal)),
          stream_(stream),
          asked_(std::move(asked)),
          ended_(std::move(ended)) {}
    void on_typed();
    // True when all that was typed has gone into the stream.
    bool pass_on();

    base::Fd terminal_;
    Stream& stream_;
    std::function<void(Escape::Ask)> asked_;
    std::function<void()> ended_;
    Escape escape_;
    std::string waiting_;  // for room; nothing is read meanwhile
    std::optional<loop::Poll> poll_;
};

}  // namespace pipeline
