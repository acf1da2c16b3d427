# `make arena` and `make test` are all a fresh machine needs besides Python 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
ARENA_HOME ?= var
PORT ?= 8000
BIN := $(VENV)/bin
RAY := var/ray
JOBS ?= 2
export ARENA_HOME

.PHONY: arena test ray fuzz audit check fix translations lock assets clean
.DELETE_ON_ERROR:

arena: $(VENV)/.arena  ## Install, make a demo campaign, serve it on http://127.0.0.1:8000
	$(BIN)/arena demo --port $(PORT)

test: $(VENV)/.dev  ## Everything: statistics, database, pages, a real browser
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))"
	sh tests/find_chromium.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

ray: $(VENV)/.dev  ## Ray Serve, really started, with an environment of its own over this one
	$(BIN)/python -m venv $(RAY)
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> "$$($(RAY)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/below.pth"
	$(RAY)/bin/pip install -q -c constraints.txt 'ray[serve]>=2.50'
	$(RAY)/bin/pip install -q --no-deps -e .
	ARENA_TEST_RAY=$(abspath $(RAY))/bin/python $(BIN)/python -m pytest -q tests/contracts/test_ray.py

fuzz: $(VENV)/.dev  ## The read API of a running arena against its document; KEY is one of `arena keys`
	SCHEMATHESIS_HOOKS=tests.contracts.fuzz_hooks $(BIN)/schemathesis run --header "Authorization: Bearer $(KEY)" \
		http://127.0.0.1:$(PORT)/api/v1/openapi.json

audit:  ## Known weaknesses of the pinned packages; asks osv.dev, so it needs the network
	$(PYTHON) -m venv var/audit
	var/audit/bin/pip install -q pip-audit
	var/audit/bin/pip-audit --no-deps --disable-pip -s osv -r constraints.txt

check: $(VENV)/.dev  ## Style, types, layers, translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/web/test_languages.py -k "missing"

fix: $(VENV)/.dev  ## Mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

translations: $(VENV)/.dev  ## Gather the messages of the pages, and compile what is translated
	mkdir -p var && $(BIN)/pybabel -q extract -F arena/translations/babel.cfg -k noted --no-wrap \
		-o var/messages.pot arena/web templates
	$(BIN)/pybabel -q update -N --no-wrap -i var/messages.pot -d arena/translations
	$(BIN)/pybabel -q compile -d arena/translations

lock:  ## Write constraints.txt anew from the newest versions that work together
	rm -rf var/lock && $(PYTHON) -m venv var/lock
	var/lock/bin/pip install -q --upgrade pip
	var/lock/bin/pip install -q torch==2.13.0 '.[dev]'
	var/lock/bin/pip freeze --exclude vernissage-arena | sed 's/^torch==\([0-9.]*\)+.*/torch==\1/' > constraints.txt
	rm -rf var/lock

assets: $(VENV)/.arena  ## Fetch CC0 environment maps for the path tracer (optional)
	$(BIN)/arena assets

clean:  ## Remove what was built; the data folder stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/.pip:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Vernissage needs Python 3.11 or newer')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip
	@touch $@

$(VENV)/.arena: $(VENV)/.pip pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[atelier]'
	@touch $@

$(VENV)/.dev: $(VENV)/.pip pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.arena
