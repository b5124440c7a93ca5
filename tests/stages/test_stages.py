"""What decides a stage, and what may be given to it."""

import gzip

import pytest
import torch
from safetensors.torch import load_file

from toy import toy_base
from toy_run import toy_lines
from unibridge.artifacts import read_manifest, write_manifest
from unibridge.embeddings.install import embedding_table
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.errors import UnibridgeError
from unibridge.stages.inputs import Text, hashes, read_label_file
from unibridge.stages.vocabulary import embed_stage, vocabulary_stage
from unibridge.stages.workplace import Workplace
from unibridge.tasks import TASKS
from unibridge.text.examples import ReadAs
from unibridge.text.labels import read_labels, write_predictions
from unibridge.vocabulary.search import SearchSettings
from unibridge.weighting.base import WeightSettings
from unibridge.weighting.weigh import weigh_sources


def test_files_of_one_name_and_their_order_are_told_apart(tmp_path):
    files = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "train.txt")
        files[-1].write_text(folder)
    before = hashes("text", files)
    files[0].write_text("other")

    assert len(before) == 2
    assert hashes("text", files) != before
    assert hashes("text", files[::-1]) != hashes("text", files)


def test_how_a_file_is_read_is_part_of_what_it_is(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("one\ttwo\tyes\nthree\tfour\tno\n")
    task = TASKS["pairs"]
    as_it_stands = read_label_file(str(path), task)
    swapped = read_label_file(str(path), task, ReadAs(columns={"text": 1, "second": 0, "label": 2}))

    assert as_it_stands.file.examples != swapped.file.examples
    assert as_it_stands.inputs != swapped.inputs


def test_predictions_for_a_packed_file_are_packed(tmp_path):
    path = tmp_path / "a.conll.gz"
    path.write_bytes(gzip.compress(b"Kampala\tB-LOC\n\n"))
    written = tmp_path / "out.conll.gz"
    write_predictions(read_labels(path), [["O"]], written)

    assert gzip.decompress(written.read_bytes()) == b"Kampala\tO\n\n"


def test_the_result_of_another_stage_is_refused(tmp_path):
    write_manifest(tmp_path, {"stage": "vocabulary"})

    assert read_manifest(tmp_path, "vocabulary")["stage"] == "vocabulary"
    with pytest.raises(UnibridgeError, match="'vocabulary', where that of 'adapt' is needed"):
        read_manifest(tmp_path, "adapt")


def test_uniform_weights_need_neither_states_nor_parallel_text():
    sources = {"en": None, "sw": None}
    found = weigh_sources(None, None, sources, {}, WeightSettings(method="uniform"))

    assert found.weights == {"en": 0.5, "sw": 0.5}


def test_an_extended_vocabulary_goes_through_its_stages(tmp_path):
    base = toy_base("bert")
    at, text = Workplace(tmp_path, base, "hash"), Text(toy_lines("lug", 150), {})
    search = SearchSettings(mode="extend", initial_size=60, step=10, max_size=90)
    vocabulary = vocabulary_stage(at, text, search, language="lug")
    embedded = embed_stage(
        at,
        text,
        EmbeddingSettings(method="lexical"),
        language="lug",
        vocabulary=vocabulary,
        seed=0,
    )
    added = read_manifest(vocabulary)["facts"]["added"]
    matrix = load_file(embedded / "embeddings.safetensors")["matrix"]
    table = embedding_table(base.model)
    assert added > 0 and len(matrix) == len(table) + added
    assert torch.equal(matrix[: len(table)], table)
