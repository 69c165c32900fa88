# From a fresh clone: `make demo` makes a piece of music, `make test` runs every test. Each verb does its own set-up:
# demo and run install what running needs, the others the tools of the tests and checks too.
VENV      := .venv
PY        := $(VENV)/bin/python
RUNS      := $(VENV)/installed-to-run
TESTS     := $(VENV)/installed-to-test
INSTALL   := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# The first Python that fits; another one: make PYTHON=/path/to/python3.12 setup
PYTHON    ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
                 $$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && exit; done; echo python3)
ARGS      ?=

# What is held against a real ComfyUI. COMFYUI_URL names one that nobody else uses, with our node folder linked into it.
COMFYUI   := tests/comfy tests/contract tests/importing tests/nodes/in_comfyui tests/acceptance/test_stages_across.py

.PHONY: setup demo run test comfyui soak lint golden bench bench-peers bench-music bench-fleet chromium postgresql nginx faketime

setup: $(RUNS)

demo: setup
	@$(PY) server.py demo $(ARGS)

run: setup
	@$(PY) server.py serve $(ARGS)

# Most tests wait for processes of their own: three files at once use the time in which one waits. tests/conftest.py has
# their order, the longest first; by itself the library would keep the files of few tests, which are those, for the end.
test: $(TESTS) chromium postgresql nginx faketime
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

comfyui: $(TESTS)
	@[ -n "$(COMFYUI_URL)" ] || { echo "Name a ComfyUI by its address: make comfyui COMFYUI_URL=ADDRESS"; exit 1; }
	COMFYUI_URL="$(COMFYUI_URL)" $(PY) -m pytest $(COMFYUI) $(ARGS)

soak: $(TESTS)
	$(PY) -m tests.soak $(ARGS)

lint: $(TESTS)
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(PY) server.py lint

golden: $(TESTS)
	$(PY) -m tests.golden.write

bench: $(TESTS)
	$(PY) -m benchmarks $(ARGS)

# Other programs beside us, in an environment of their own; once they are there, `make bench` measures them too.
bench-peers: $(TESTS)
	$(PY) -m venv .cache/peers
	.cache/peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/peers.txt
	$(PY) -m benchmarks --only peers $(ARGS)

bench-music: $(TESTS)
	$(PY) -m benchmarks.music $(ARGS)

bench-fleet: $(TESTS)
	$(PY) -m benchmarks.fleet $(ARGS)

$(RUNS): requirements.lock
	@$(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { \
		echo "Tonewright needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is: $$($(PYTHON) --version 2>&1 | tail -n 1)"; \
		echo "Name one that fits: make PYTHON=/path/to/python3.12 setup"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
		rm -rf $(VENV); echo "Python cannot make a virtual environment here. On Debian this mends it:"; \
		echo "    apt-get install python3-venv"; exit 1; }
	@echo "Installing the locked packages into $(VENV) (once; a minute or two)"
	@$(INSTALL) requirements.lock
	@touch $@

$(TESTS): requirements-dev.lock $(RUNS)
	@echo "Installing the locked tools of the tests and checks into $(VENV) (once; a minute or two)"
	@$(INSTALL) requirements-dev.lock
	@touch $@

# The browser tests use Debian's Chromium. Only root can install it; everybody else gets a skip that says how.
chromium:
	@command -v chromium >/dev/null || [ "$$(id -u)" -ne 0 ] || { \
		echo "Installing Debian's Chromium for the browser tests: apt-get install chromium"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	} || echo "Chromium could not be installed; the browser tests will be skipped."

# The tests of several processes start Debian's PostgreSQL by themselves, with data of their own that they throw away.
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || [ "$$(id -u)" -ne 0 ] || { \
		echo "Installing Debian's PostgreSQL for the tests of several processes: apt-get install postgresql"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; \
	} || echo "PostgreSQL could not be installed; the tests of several processes will be skipped."

# The tests of gateways start Debian's nginx by themselves, on loopback; the one that Debian starts is switched off.
nginx:
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || [ "$$(id -u)" -ne 0 ] || { \
		echo "Installing Debian's nginx for the tests of gateways: apt-get install nginx"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx >/dev/null && \
		{ [ ! -d /run/systemd/system ] || systemctl disable --quiet --now nginx; }; \
	} || echo "nginx could not be installed; the tests of gateways will be skipped."

# One test sets the clock of a running server, by Debian's libfaketime.
faketime:
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || [ "$$(id -u)" -ne 0 ] || { \
		echo "Installing Debian's faketime for the test of clocks that jump: apt-get install faketime"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq faketime >/dev/null; \
	} || echo "faketime could not be installed; that test will be skipped."
