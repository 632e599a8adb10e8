// Errors as values: Result<T> holds a T or an Error; TRY passes an Error up unchanged.
//
// Unexpected failures are Errors and are never matched on. Expected outcomes (absent, refused,
// not yet) are part of T. A library returns; only base/main prints.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/exit_code.h"

namespace base {

// What failed, in a sentence without the tool's name and without a final period:
// "cannot open '/x': No such file or directory". `hint` says what to do next, or is empty.
struct [[nodiscard]] Error {
    ExitCode code = ExitCode::internal;
    std::string message;
    std::string hint;
    int errno_value = 0;  // 0 when no system call was involved

    Error(ExitCode exit_code, std::string text, std::string hint_text = {})
        : code(exit_code), message(std::move(text)), hint(std::move(hint_text)) {}

    // "cannot OPERATION 'OBJECT': STRERROR". The exit code follows from errno: a missing file is
    // no_input, a refused permission is refused, a dead peer is unavailable, a full disk is io.
    static Error system(std::string_view operation, std::string_view object,
                        int errno_value = errno);
    static Error usage(std::string text, std::string hint = "try --help");
    static Error data(std::string text);

    Error with_hint(std::string text) && {
        hint = std::move(text);
        return std::move(*this);
    }
    // Prefixes the message with the place at which it happened: "PLACE: message".
    Error at(std::string_view place) &&;
};

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & { return *std::get_if<0>(&state_); }
    const T& value() const& { return *std::get_if<0>(&state_); }
    T value() && { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() { return std::get_if<0>(&state_); }
    const T* operator->() const { return std::get_if<0>(&state_); }

    const Error& error() const& { return *std::get_if<1>(&state_); }
    Error error() && { return std::move(*std::get_if<1>(&state_)); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return error_.index() == 0; }
    explicit operator bool() const { return ok(); }
    void value() const {}

    const Error& error() const& { return *std::get_if<1>(&error_); }
    Error error() && { return std::move(*std::get_if<1>(&error_)); }

  private:
    std::variant<std::monostate, Error> error_;
};

}  // namespace base

// Evaluates to the value of a Result, or returns its Error from the enclosing function. As an
// argument of a call it is safe; within `new X(...)` or after another member in `X{...}` it leaks
// what is half built when it returns: give the value a name first.
#define TRY(expression)                                             \
    __extension__({                                                 \
        auto try_result = (expression);                             \
        if (!try_result.ok()) return std::move(try_result).error(); \
        std::move(try_result).value();                              \
    })
