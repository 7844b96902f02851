# make install   dlscan itself in .venv, for your own work; make install EXTRAS=gpu,onnx chooses what comes with it
# make demo      from nothing to a table and plots, in demo/
# make test      all tests
# make test-htcondor   the HTCondor back end against a real HTCondor, four minutes; wants root and apt
# make test-cluster   every fault that a cluster knows, one at a time, on a real Slurm: half an hour; wants root and apt
# make chaos     an hour of random faults on a real Slurm; make chaos SECONDS=600 SEED=7
# make lint      format, lint, types, import contracts
# make bench     dlscan against its peers, eight minutes; make bench QUICK=1 is less exact and takes two
# make bench-packs  whole scans: packs, one point a job, and Keras with h5py; QUICK=1 as above
# make docs      the pages as a site, in docs/_build
# make gallery   the pictures of docs/gallery.md, from the demo and a regression on it
# make clean     remove what the demo and the builds made; make distclean removes .venv too

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS ?= constraints.txt
DLSCAN := $(BIN)/dlscan
DEMO := configs/demo.yaml

.DELETE_ON_ERROR:
.PHONY: install demo docs gallery test test-htcondor test-cluster chaos test-lowest lint format bench bench-packs clean distclean

EXTRAS ?= cpu
install: | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[$(EXTRAS)]'
	@echo "installed: $(BIN)/dlscan --help"

demo: $(VENV)/.installed-cpu
	$(BIN)/python data_prep/simulate_showers.py demo/raw --events 1000 --files 2
	$(DLSCAN) prepare $(DEMO)
	$(DLSCAN) scan $(DEMO)
	$(DLSCAN) plot history $(DEMO) --key val_loss -o demo/plots/history.png
	$(DLSCAN) plot bar $(DEMO) --key Mean_AUC -o demo/plots/bar.png
	$(DLSCAN) plot roc $(DEMO) -o demo/plots/roc.png
	$(DLSCAN) report $(DEMO) -o demo/report.html
	$(DLSCAN) table $(DEMO)
	@echo; echo "open demo/report.html; pictures are in demo/plots"

# three at a time, also on two cores: many tests wait for processes
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# HTCondor and what dlscan needs go into a Debian of their own, made once: see tests/cluster/condor-run
test-htcondor: | $(BIN)/python
	PYTHON=$(BIN)/python tests/cluster/condor-run python3 -m pytest -p no:cacheprovider -c /dlscan/pyproject.toml \
	  /dlscan/tests/cluster/test_htcondor.py

test-cluster: $(VENV)/.installed-test
	DLSCAN_SLOW=1 DLSCAN_REQUIRE_SLURM=1 $(BIN)/python -m pytest tests/cluster

SECONDS ?= 3600
chaos: $(VENV)/.installed-test
	$(BIN)/python -u -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=data_prep $(BIN)/mypy data_prep/*.py
	$(BIN)/mypy -p benchmarks
	$(BIN)/lint-imports

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build
	@echo "open docs/_build/index.html"

GALLERY := name=gallery 'scan.grid.model.width=[8, 16, 32, 64]' 'scan.grid.model.depth=[1, 2, 3]' batch.models_per_job=12
gallery: demo
	$(DLSCAN) scan $(DEMO) $(GALLERY)
	$(DLSCAN) scan configs/energy.yaml
	$(BIN)/python docs/gallery.py demo/scans/gallery demo/scans/energy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# the lower bounds of setup.cfg, in an environment of their own
test-lowest:
	$(MAKE) test VENV=.venv-lowest CONSTRAINTS=constraints-lowest.txt

# other options of `python -m benchmarks` by BENCH="--long --touch"
bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(BENCH)
	$(BIN)/python -m benchmarks.compound $(if $(QUICK),--events 20000)

# other options of `python -m benchmarks.packs` likewise
bench-packs: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.packs $(if $(QUICK),--quick) $(BENCH)

clean:
	rm -rf demo build docs/_build benchmarks/data *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-lowest

$(VENV)/.installed-cpu: EXTRAS := cpu
$(VENV)/.installed-test: EXTRAS := cpu,test
$(VENV)/.installed-dev: EXTRAS := cpu,test,dev
$(VENV)/.installed-bench: EXTRAS := cpu,bench
$(VENV)/.installed-docs: EXTRAS := cpu,docs

$(VENV)/.installed-%: setup.cfg pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "installing dlscan[$(EXTRAS)] into $(VENV) (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[$(EXTRAS)]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "dlscan needs Python 3.11 or newer, and there is no $(PYTHON): apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dlscan needs Python 3.11 or newer; name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
