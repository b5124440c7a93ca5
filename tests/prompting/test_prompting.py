import copy

import pytest
import torch

from toy import LINES, toy_base, toy_examples
from unibridge.prompting.cloze import Asked, Wording, fill, word_ids, wording_of
from unibridge.prompting.learn import few_of_each, learn_soft, learn_whole
from unibridge.prompting.search import mined_phrases, search_gradient, search_mined
from unibridge.prompting.settings import PromptSettings
from unibridge.settings import Available
from unibridge.tasks import TASKS
from unibridge.text.examples import LabelledText
from unibridge.training import TrainingSettings

LABELS = ["boat", "no"]
WORDS = {"en": {"boat": "boat", "no": "old town"}}
EXAMPLES = toy_examples("classification")
ALONE = TASKS["classification"].cloze_pattern


@pytest.fixture(
    scope="module", params=["bert", pytest.param("xlm-roberta", marks=pytest.mark.slow)]
)
def base(request):
    return toy_base(request.param, dropout=0.0)


def asked(base, slot=0):
    return Asked(base.model, base.family, base.tokenizer, LABELS, 40, slot)


def wording(template="{slot} {text} a {mask}", words=("boat", "old town")):
    return Wording(template, words)


def test_a_template_is_filled_with_its_blanks_and_its_slot_where_they_stand(base):
    tokenizer = base.tokenizer
    found = fill(tokenizer, wording(), EXAMPLES[0], masks=2, slot=3, limit=40)
    pieces = tokenizer.convert_ids_to_tokens(found.ids)
    text = tokenizer.tokenize(EXAMPLES[0].text)
    mask = tokenizer.mask_token
    start = found.slot[0]
    assert pieces[start : start + 3] == [mask] * 3 and found.slot == [start, start + 1, start + 2]
    assert pieces[start + 3 : start + 3 + len(text)] == text
    assert [pieces[place] for place in found.masks] == [mask, mask] and len(found.masks) == 2
    whole = tokenizer("x")["input_ids"]
    assert (found.ids[0], found.ids[-1]) == (whole[0], whole[-1])


def test_a_long_text_is_cut_and_the_question_never_is(base):
    pair = LabelledText(" ".join(LINES), "the boat", "no")
    template = "{text} a {mask} the {second}"
    found = fill(base.tokenizer, wording(template), pair, masks=1, slot=0, limit=12)
    assert len(found.ids) == 12 and found.ids[found.masks[0]] == base.tokenizer.mask_token_id
    second = base.tokenizer("the boat", add_special_tokens=False)["input_ids"]
    assert found.ids[-1 - len(second) : -1] == second


def test_scores_are_the_logits_of_the_words_in_the_blanks(base):
    model = asked(base)
    found = model.scores(EXAMPLES[:2], wording("{text} {mask}"))
    for row, example in enumerate(EXAMPLES[:2]):
        for label, word in enumerate(("boat", "old town")):
            ids = word_ids(base.tokenizer, word)
            one = fill(
                base.tokenizer, wording("{text} {mask}"), example, masks=len(ids), slot=0, limit=40
            )
            with torch.no_grad():
                logits = base.model(input_ids=torch.tensor([one.ids])).logits[0]
            said = torch.stack([logits[p, i] for p, i in zip(one.masks, ids, strict=True)]).mean()
            assert found[row, label].item() == pytest.approx(float(said), abs=1e-4)
    assert len(word_ids(base.tokenizer, "old town")) == 2


def test_a_language_has_its_own_words_or_those_of_the_first_source_with_some():
    settings = PromptSettings(
        templates={"en": "{text} en {mask}", "lug": "{text} lug {mask}"}, verbalisers=WORDS
    )
    own = wording_of(settings, "lug", ["en", "sw"], ["boat", "no", "x_y"], ALONE)
    assert own == Wording("{text} lug {mask}", ("boat", "old town", "x y"))
    assert wording_of(settings, "amh", ["sw", "en"], ["no"], ALONE).template == "{text} en {mask}"
    assert (
        "{second}"
        in wording_of(
            PromptSettings(), "amh", ["en"], ["no"], TASKS["pairs"].cloze_pattern
        ).template
    )


def test_soft_prompts_learn_and_the_base_does_not(base):
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    model = asked(base, slot=2)
    how = TrainingSettings(epochs=40, batch_size=4, learning_rate=0.05, schedule="constant")
    texts = {"en": EXAMPLES, "sw": EXAMPLES[:2]}
    questions = dict.fromkeys(texts, wording())
    vectors, facts = learn_soft(model, questions, texts, how, seed=0)
    assert vectors.shape == (2, 16) and facts["examples"] == len(EXAMPLES) + 2
    assert facts["curve"][-1]["train_loss"] < facts["curve"][0]["train_loss"]
    assert all(torch.equal(before[n], value) for n, value in base.model.state_dict().items())
    again = asked(base, slot=2)
    again.vectors = vectors
    assert again.predict(EXAMPLES, wording()) == model.predict(EXAMPLES, wording())
    base.model.requires_grad_(True)


def test_the_whole_base_learns_by_the_question(base):
    model = asked(base)
    model.model = copy.deepcopy(base.model)
    how = TrainingSettings(epochs=30, batch_size=5, learning_rate=5e-3, schedule="constant")
    question = {"en": wording("{text} {mask}")}
    changed, facts = learn_whole(model, question, {"en": EXAMPLES}, how, seed=0)
    assert facts["curve"][-1]["train_loss"] < 0.5 * facts["curve"][0]["train_loss"]
    assert model.predict(EXAMPLES, question["en"]) == [one.label for one in EXAMPLES]
    assert changed and not any(name.startswith("cls") for name in changed)


def test_tokens_are_kept_only_where_the_loss_falls(base):
    model = asked(base, slot=2)
    settings = PromptSettings(search="gradient", triggers=2, candidates=5, steps=6)
    tokens, facts = search_gradient(model, {"en": wording()}, {"en": EXAMPLES}, settings, seed=0)
    losses = facts["losses"]
    assert len(tokens) == 2 and losses == sorted(losses, reverse=True) and losses[-1] < losses[0]
    kept = Wording("{slot} {text} a {mask}", ("boat", "old town"), tokens)
    assert model.loss(EXAMPLES, kept).item() == pytest.approx(losses[-1], abs=1e-4)


def test_phrases_are_mined_from_what_stands_before_the_words(base):
    lines = ["it is about boat", "all about boat", "is about town .", "so boat"]
    assert mined_phrases(lines, ["boat", "town"], 2) == ["about", "is about"]
    settings = PromptSettings(search="mined", mined=2)
    found, facts = search_mined(
        asked(base), {"en": wording("{text} {mask}")}, {"en": EXAMPLES}, {"en": lines}, settings
    )
    tried = facts["tried"]["en"]
    assert found["en"].template == min(tried, key=tried.get) and len(tried) == 3
    assert "{text} about {mask}" in tried and "{text} {mask}" in tried


def test_few_are_drawn_of_each_class():
    many = [LabelledText(str(n), None, "ab"[n % 2]) for n in range(20)]
    few = few_of_each(many, 3, seed=0)
    assert [one.label for one in few].count("a") == 3 and len(few) == 6
    assert few != few_of_each(many, 3, seed=1) and few_of_each(many, None, seed=0) == many


def test_templates_without_a_blank_and_tasks_on_words_are_faults():
    def faults(task, **settings):
        run = Available("lug", False, {}, {}, TASKS[task])
        return list(PromptSettings(**settings).lacks(run))

    assert faults("ner")[0][0] == "task.kind"
    ((path, said),) = faults("classification", templates={"en": "{text} so"})
    assert path == "prompting.templates.en" and said.startswith("needs {mask} once")
    assert len(faults("pairs", templates={"en": "{text} {mask} {mask}"})) == 2
    assert not faults("pairs", templates={"en": "{text} {mask} {second}"})
