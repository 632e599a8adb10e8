# The front of the build. `make` alone builds; everything else is named in `make help`.
BUILD ?= build
SECONDS ?= 60
MESON_OPTIONS ?=

all: $(BUILD)/build.ninja  ## build every tool into $(BUILD)/tools/NAME/NAME
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@rbuilds/deps.sh --check
	@meson setup $(MESON_OPTIONS) $(BUILD) .

deps:  ## install what is missing from the distribution (as root or with sudo)
	@rbuilds/deps.sh

test: all  ## unit tests, scenarios, and the end-to-end test in an emulated enclave
	@test/run.sh $(BUILD)

lint: all  ## layout, shell, manual pages, include table, options against manual pages
	@test/lint/run.sh $(BUILD)

fuzz:  ## every fuzz target for SECONDS each (make fuzz SECONDS=60)
	@test/fuzz/run.sh $(SECONDS) $(BUILD)-fuzz

sanitize:  ## the unit tests and scenarios under address and undefined-behaviour sanitizers
	@[ -f $(BUILD)-sanitize/build.ninja ] || meson setup $(BUILD)-sanitize . -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
	@meson test -C $(BUILD)-sanitize --suite unit --print-errorlogs

bench: all  ## each benchmark beside its peer; prints ratios, never fails
	@for script in bench/*.sh; do echo "== $$script"; "$$script" $(BUILD) || true; done

install: all  ## install tools and manual pages (DESTDIR is honoured)
	@meson install -C $(BUILD) --no-rebuild

clean:  ## remove the build folders; the cache of kernels and emulators stays
	@rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-sanitize

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

.PHONY: all deps test lint fuzz sanitize bench install clean help
