# Every target sets up what it needs in .venv; PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: demo test lint types docs lock clean chromium java evaluate evaluate-ci bench

$(STAMP): requirements/lock.txt pyproject.toml setup.py scripts/setup $(wildcard native/*)
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/setup
	@touch $@

demo: $(STAMP)          ## a simulated country, from raw files to a report
	@$(BIN)/wallwatch demo --out demo

test: $(STAMP) chromium java ## every test
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

chromium: $(STAMP)      ## the browser that the page tests click in
	@scripts/chromium

java: $(STAMP)          ## what Spark runs on, for its tests
	@scripts/java

lint: $(STAMP)          ## style, types, and the arrows between rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(STAMP)          ## write the generated pages of docs/ again
	@$(BIN)/python scripts/generate_docs.py --examples

evaluate-ci: $(STAMP)   ## the same, reduced
	@$(BIN)/wallwatch evaluate --days 21 --scale 0.4
	@$(BIN)/wallwatch evaluate --traps J,C1,C2,C3

evaluate: $(STAMP)      ## accuracy against the simulated truth
	@$(BIN)/wallwatch evaluate
	@$(BIN)/wallwatch evaluate --traps all

bench: $(STAMP)         ## speed, as a ratio to the limit measured in the same run
	@$(BIN)/wallwatch bench

lock:                   ## compile the locked requirements (needs uv on PATH)
	@scripts/lock

clean:
	@rm -rf $(VENV) demo build dist src/*.egg-info src/wallwatch/sources/ooni/_native.*
