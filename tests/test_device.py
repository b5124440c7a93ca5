"""The path from a base to tags runs on a GPU as on the processor (only where there is one)."""

import pytest
import torch

from toy import LINES, save_toy_base
from unibridge.embeddings.initialise import initialise_embeddings
from unibridge.embeddings.install import embedding_table
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.ensemble.model import MultiSourceModel
from unibridge.models.base import load_base
from unibridge.tasks import TASKS
from unibridge.text.labels import TaggedSentence
from unibridge.training import TrainingSettings
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings
from unibridge.vocabulary.tokenizer import to_fast_tokenizer
from unibridge.vocabulary.train import train_sentencepiece
from unibridge.weighting.weigh import weigh_sources

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no GPU here"
))]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("state", ["encoder", "inverse"])
def test_the_whole_path_stays_on_its_device_and_leaves_tensors_in_memory(tmp_path, device, state):
    base = load_base(save_toy_base(tmp_path, "xlm-roberta"), dropout=0.0, device=device)
    lines, few = list(LINES) * 4, TrainingSettings(steps=3, batch_size=8)
    tokenizer = to_fast_tokenizer(train_sentencepiece(lines, 36), like=base.tokenizer)
    initial = initialise_embeddings(
        embedding_table(base.model), base.tokenizer, tokenizer, lines,
        EmbeddingSettings(static_dimension=8, static_epochs=1), seed=0,
    )  # fmt: skip
    settings = AdaptationSettings(sample_words=0, state=state, training=few)
    target = adapt_language(
        base, lines, settings, language="xx", tokenizer=tokenizer, embeddings=initial
    )
    source = adapt_language(base, lines, settings, language="en")
    rows = [TaggedSentence(tuple(r.split()), ("B-LOC",) * len(r.split())) for r in LINES]
    task = TASKS["ner"]
    labels = task.collect_labels([rows])
    trained = train_task(
        base, task, {"en": rows}, {"en": source}, labels, TaskSettings(training=few),
        name="ner-en", held_out={"en": rows[:2]},
    )  # fmt: skip
    pairs = {"en": [(LINES[0], LINES[1]), (LINES[2], LINES[3])]}
    weights = weigh_sources(base, target, {"en": source}, pairs, state=state)
    model = MultiSourceModel.assemble(base, target, {"en": trained}, weights.weights)

    assert model.device.type == base.model.device.type == device
    kept = [*target.adapter.values(), target.embeddings, *trained.head.values()]
    assert {t.device.type for t in kept} == {"cpu"}
    assert list(map(len, model.predict(rows))) == [len(row.words) for row in rows]
