import pytest
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

from toy import toy_tokenizer
from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS
from unibridge.tasks import TASKS
from unibridge.tasks.encoded import IGNORED
from unibridge.tasks.tagging import word_shape
from unibridge.text.examples import Answer, Question
from unibridge.text.labels import LabelledText, TaggedSentence

TEXT = ["Ann saw Lee in Addis", "unbelievable islands and islanders", "ሰላም ለዓለም", "东京 大学 2019"]
INVISIBLE = "\u200d\u200b"


def wordpiece():
    roles = {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
    inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=False)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=120, special_tokens=list(roles.values()), show_progress=False
    )
    inner.train_from_iterator(TEXT, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, inner.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **{f"{role}_token": token for role, token in roles.items()},
    )


def sentencepiece():
    roles = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
    inner = Tokenizer(models.Unigram())
    inner.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace("\u200b", ""), normalizers.Replace("\u200d", "")]
    )
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=90,
        special_tokens=list(roles.values()),
        unk_token="<unk>",
        show_progress=False,
    )
    inner.train_from_iterator(TEXT, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(name, inner.token_to_id(name)) for name in ("<s>", "</s>")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_input_names=["input_ids", "attention_mask"],
        **{f"{role}_token": token for role, token in roles.items()},
    )


def slow_wordpiece(folder):
    vocabulary = wordpiece().get_vocab()
    path = folder / "vocab.txt"
    path.write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    return BertTokenizerLegacy(str(path), do_lower_case=False)


@pytest.fixture(scope="module", params=["wordpiece", "sentencepiece", "slow"])
def tokenizer(request, tmp_path_factory):
    if request.param == "slow":
        return slow_wordpiece(tmp_path_factory.mktemp("slow"))
    return {"wordpiece": wordpiece, "sentencepiece": sentencepiece}[request.param]()


EXAMPLES = {
    "ner": [
        TaggedSentence(
            ("Ann", "saw", INVISIBLE, "Lee", "islanders", "."),
            ("B-PER", "O", "O", "B-PER", "I-PER", "O"),
        ),
        TaggedSentence(("ሰላም",), ("B-LOC",)),
        TaggedSentence(("unbelievable", "☃☃", INVISIBLE), ("O", "B-LOC", "I-LOC")),
    ],
    "pos": [
        TaggedSentence(("Ann", "saw", INVISIBLE, "islanders"), ("PROPN", "VERB", "X", "NOUN")),
        TaggedSentence(("东京", "大学"), ("PROPN", "NOUN")),
    ],
    "parsing": [
        TaggedSentence(
            ("Ann", "saw", INVISIBLE, "islanders"), ("2|nsubj", "0|root", "4|case", "2|obj:agent")
        ),
        TaggedSentence(("ሰላም",), ("0|root",)),
    ],
    "qa": [
        Question("Lee saw Ann", "Ann saw Lee in Addis", answers=(Answer("Lee in", 8),)),
        Question("ሰላም", "ሰላም ለዓለም", answers=(Answer("ለዓለም", 4),)),
    ],
    "classification": [
        LabelledText("Ann saw Lee in Addis", None, "people"),
        LabelledText("ሰላም", None, "peace"),
    ],
    "pairs": [
        LabelledText("Ann saw Lee", "Lee saw Ann", "no"),
        LabelledText("ሰላም", "unbelievable islands and islanders", "yes"),
    ],
}


def perfect_outputs(task, encoded, labels):
    """Logits that prefer the label of every labelled position, and class 0 elsewhere."""
    outputs = logits_of(task, encoded, labels)
    for name, wanted in task.targets(encoded).items():
        best = torch.nn.functional.one_hot(wanted.clamp_min(0), outputs[name].shape[-1])
        # the same for all of what the labels say nothing of
        while best.dim() < outputs[name].dim():
            best = best.unsqueeze(-2)
        outputs[name] = outputs[name] + 9 * best
    return outputs


def logits_of(task, encoded, labels, value=0.0):
    """The same logit for all, in the shape that the task's head gives."""
    sizes = {"batch": len(encoded), "labels": len(labels)}
    sizes["length"] = max(len(one.input_ids) for one in encoded)
    sizes["words"] = max((len(one.word_starts) for one in encoded), default=0)
    sizes["heads"] = sizes["words"] + 1
    return {
        name: torch.full([sizes[axis] for axis in output.axes], value)
        for name, output in task.outputs.items()
    }


@pytest.mark.parametrize("name", TASKS)
def test_perfect_logits_decode_to_gold(name, tokenizer):
    if name == "qa" and not tokenizer.is_fast:
        pytest.skip("its tokens have no places in the text")
    task, examples = TASKS[name], EXAMPLES[name]
    labels = task.collect_labels([examples])
    encoded = task.encode(tokenizer, examples, labels, 64)
    outputs = perfect_outputs(task, encoded, labels)
    assert {name: one.shape for name, one in outputs.items()} == {
        name: one.shape for name, one in logits_of(task, encoded, labels).items()
    }
    decisions = task.decisions(outputs, encoded)
    gold = [task.gold_decisions(one) for one in encoded]
    assert [one.argmax(-1).tolist() for one in decisions] == gold
    # a decision of each output for every label that is learnt
    assert task.labelled(encoded) * len(task.outputs) == sum(map(len, gold))
    predictions = task.decode(task.reading(outputs, encoded), encoded, labels)
    assert predictions == [task.gold(example) for example in examples]
    score = task.score(examples, predictions)
    assert score.metric == task.metric and score.metric in METRICS
    assert score.value == score.low == score.high == score.all[task.metric] == 100
    targets = task.targets(encoded)
    assert float(task.loss(outputs, targets)) < 0.01
    assert float(task.loss({name: -one for name, one in outputs.items()}, targets)) > 1
    half = task.labelled(encoded[:1])
    parts = [
        task.loss(
            {name: one[rows] for name, one in outputs.items()},
            {name: one[rows] for name, one in targets.items()},
            of=half,
        )
        for rows in (slice(1), slice(1, None))
    ]
    both = task.loss(outputs, targets, of=half)
    assert float(sum(parts)) == pytest.approx(float(both), rel=1e-5)


@pytest.mark.parametrize("name", TASKS)
def test_ids_are_the_tokenizers_own_and_batches_are_padded(name, tokenizer):
    if name == "qa" and not tokenizer.is_fast:
        pytest.skip("its tokens have no places in the text")
    task, examples = TASKS[name], EXAMPLES[name]
    labels = task.collect_labels([examples])
    encoded = task.encode(tokenizer, examples, labels, 64)
    for example, one in zip(examples, encoded, strict=True):
        if isinstance(example, LabelledText):
            expected = tokenizer(example.text, example.second).input_ids
        elif INVISIBLE in example.words:
            continue
        else:
            expected = tokenizer(list(example.words), is_split_into_words=True).input_ids
        assert one.input_ids == expected
    inputs = task.collate(encoded, tokenizer.pad_token_id)
    longest = max(len(one.input_ids) for one in encoded)
    assert inputs["input_ids"].shape == inputs["attention_mask"].shape == (len(encoded), longest)
    for row, mask, one in zip(inputs["input_ids"], inputs["attention_mask"], encoded, strict=True):
        length = len(one.input_ids)
        assert row[:length].tolist() == one.input_ids and mask.sum() == length
        assert (row[length:] == tokenizer.pad_token_id).all()


@pytest.mark.parametrize("name", TASKS)
def test_nothing_is_longer_than_asked_and_everything_is_predicted(name, tokenizer):
    if name == "qa" and not tokenizer.is_fast:
        pytest.skip("its tokens have no places in the text")
    task = TASKS[name]
    examples = EXAMPLES[name]
    labels = task.collect_labels([examples])
    encoded = task.encode(tokenizer, examples, labels, 7)
    assert all(len(one.input_ids) <= 7 for one in encoded)
    read = task.reading(logits_of(task, encoded, labels), encoded)
    predictions = task.decode(read, encoded, labels)
    for example, prediction in zip(examples, predictions, strict=True):
        assert isinstance(prediction, str) or len(prediction) == len(task.gold(example))
    assert task.score(examples, predictions).value <= 100


@pytest.mark.parametrize("name", TASKS)
def test_the_floor_predicts_known_labels_for_every_example(name):
    task, examples = TASKS[name], EXAMPLES[name]
    predictions = task.floor(examples, examples[::-1])
    known = {label for example in examples for label in task.gold(example) or ()}
    known |= {label for example in examples for label in task.labels_of(example)}
    for example, prediction in zip(examples[::-1], predictions, strict=True):
        assert isinstance(prediction, str) or len(prediction) == len(task.gold(example))
        # a span is where answers usually stand
        assert (
            name == "qa"
            or set([prediction] if isinstance(prediction, str) else prediction) <= known
        )
    assert predictions == task.floor(examples[::-1], examples[::-1])
    with pytest.raises(UnibridgeError, match="labelled training examples"):
        task.floor([], examples)


@pytest.mark.parametrize("name", TASKS)
def test_unlabelled_input_needs_no_labels(name, tokenizer):
    if name == "qa" and not tokenizer.is_fast:
        pytest.skip("its tokens have no places in the text")
    task = TASKS[name]
    typed = ("Ann saw Lee", "Lee saw Ann") if task.parts == 2 else "Ann saw Lee"
    example = task.as_example(typed)
    assert task.as_example(example) == example
    assert not task.labels_of(example)
    (one,) = task.encode(tokenizer, [example], ["a", "b"], 64)
    assert set(task.gold_decisions(one)) == {IGNORED} and task.labelled([one]) == 0
    assert task.encode(tokenizer, [], ["a"], 64) == []
    for wrong in (3, "", ["a", 2]):
        with pytest.raises(UnibridgeError, match="Give"):
            task.as_example(wrong)


def test_pairs_follow_the_template_with_token_types():
    task = TASKS["pairs"]
    (one,) = task.encode(wordpiece(), [LabelledText("Ann", "Lee")], ["no"], 64)
    tokens = wordpiece().convert_ids_to_tokens(one.input_ids)
    assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]" and tokens.count("[SEP]") == 2
    middle = tokens.index("[SEP]") + 1
    assert one.token_type_ids == [0] * middle + [1] * (len(tokens) - middle)
    assert "token_type_ids" in task.collate([one], 0)
    (one,) = task.encode(sentencepiece(), [LabelledText("Ann", "Lee")], ["no"], 64)
    tokens = sentencepiece().convert_ids_to_tokens(one.input_ids)
    assert tokens[0] == "<s>" and tokens.count("</s>") == 3 and one.token_type_ids is None


def test_the_first_subword_or_all_of_them_carry_the_label(tokenizer):
    task = TASKS["ner"]
    example = TaggedSentence(("sawsaw", "saw"), ("B-PER", "O"))
    labels = task.collect_labels([[example]])
    (first,) = task.encode(tokenizer, [example], labels, 64)
    (every,) = task.encode(tokenizer, [example], labels, 64, label_all_subwords=True)
    assert first.input_ids == every.input_ids
    begin, end = first.word_starts
    assert end - begin > 1
    person = labels.index("B-PER")
    assert [i for i, label in enumerate(first.label_ids) if label == person] == [begin]
    assert every.label_ids[begin:end] == [person] * (end - begin)
    special = [0, len(every.input_ids) - 1]
    assert all(every.label_ids[position] == IGNORED for position in special)


def test_a_word_without_tokens_is_read_as_unknown(tokenizer):
    (one,) = TASKS["ner"].encode(tokenizer, [TaggedSentence(("saw", INVISIBLE, "Ann"))], ["O"], 64)
    start = one.word_starts[1]
    assert tokenizer.convert_ids_to_tokens(one.input_ids)[start] == tokenizer.unk_token
    assert one.word_starts[0] < start < one.word_starts[2]


def test_a_label_that_no_source_has_is_ignored_in_training(tokenizer):
    (one,) = TASKS["ner"].encode(
        tokenizer, [TaggedSentence(("w",), ("B-DATE",))], ["O", "B-PER"], 64
    )
    assert set(one.label_ids) == {IGNORED}


def test_the_floor_reads_shapes_only():
    train = [
        TaggedSentence(("Ann", "saw", "3", "dogs"), ("B-PER", "O", "B-QTY", "I-QTY")),
        TaggedSentence(("Lee", "fed", "9", "cats"), ("B-PER", "O", "B-QTY", "I-QTY")),
    ]
    test = [
        TaggedSentence(("Kim", "had", "7", "pigs")),
        TaggedSentence(("Żoé", "яма", "5", "ужей")),
    ]
    expected = ["B-PER", "O", "B-QTY", "I-QTY"]
    assert TASKS["ner"].floor(train, test) == [expected, expected]
    shapes = [word_shape(word) for word in ("Ann", "ANN", "ann", "ሰላም", "12", "a1", "--", "東")]
    assert len(set(shapes)) == 8
    assert word_shape("Bob") == word_shape("Żoé")


def test_the_text_floor_knows_lengths_only():
    train = [LabelledText("ab", None, "short")] * 3 + [LabelledText("a" * 100, None, "long")] * 2
    test = [LabelledText("zz"), LabelledText("z" * 90), LabelledText("z" * 9000)]
    assert TASKS["classification"].floor(train, test) == ["short", "long", "short"]


@pytest.mark.parametrize("family", ["gpt2", "xlm-roberta"])
def test_words_are_read_as_in_running_text_whether_or_not_a_space_is_put_before_each(family):
    tokenizer = toy_tokenizer(family)
    before = tokenizer.backend_tokenizer.pre_tokenizer
    if family == "gpt2":
        before.add_prefix_space = False
        tokenizer.backend_tokenizer.pre_tokenizer = before
    words = ["old", "town", "river"]
    (one,) = TASKS["ner"].encode(tokenizer, [TaggedSentence(tuple(words), ())], ["O"], 20)
    assert one.input_ids == tokenizer(" ".join(words))["input_ids"]
    pieces = [tokenizer.convert_ids_to_tokens(one.input_ids[start]) for start in one.word_starts]
    assert [piece.strip("▁Ġ") for piece in pieces[1:]] == ["town", "river"]
