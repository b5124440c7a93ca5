"""Prompts: what a masked language model says in a blank, without training and with.

Cloze templates and verbalisers (PET, arXiv 2001.07676) over languages as in Zhao and Schütze (EMNLP
2021, arXiv 2109.03630): asked as it is, with a template found on the sources' labels, with soft
prompts of no language, or fine-tuned by the question.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, read_json, write_bytes, write_json
from unibridge.errors import UnibridgeError
from unibridge.methods.base import Method
from unibridge.methods.needs import every_weight
from unibridge.stages.inputs import NO_PAIRS, Inputs
from unibridge.stages.journey import Journey, Predictor
from unibridge.stages.translation import entries_between, translates

if TYPE_CHECKING:
    from unibridge.prompting.cloze import Wording
    from unibridge.translation.base import TranslationSettings


def masked_head(inputs: Inputs) -> None:
    """Raises UnibridgeError for a base that was never trained to fill a blank."""
    base = inputs.base
    if base.built_head or base.family.objective != "masked":
        raise UnibridgeError(
            "prompts ask the base to fill a blank, and it has no masked-language-model head that "
            "was trained",
            where="base.model",
            do="use one that has, such as me5 or xlm-roberta-base, train one (unibridge pretrain), "
            "or drop the method",
        )


def cloze(journey: Journey) -> Predictor:
    """The base as it is, by the target's template, or by one found on the sources' labels."""
    return _asked(journey, "none")


def soft(journey: Journey) -> Predictor:
    """Vectors of no language, learnt on all sources at once; everything else is frozen."""
    return _asked(journey, "soft")


def tuned(journey: Journey) -> Predictor:
    """The whole base by the question, on all sources at once."""
    return _asked(journey, "whole")


def _asked(journey: Journey, learns: str) -> Predictor:
    import copy

    import torch
    from safetensors.torch import load_file, save

    from unibridge.models.base import max_tokens
    from unibridge.models.rows import lay_over
    from unibridge.prompting.cloze import Asked, Wording, wording_of
    from unibridge.prompting.learn import few_of_each, learn_soft, learn_whole
    from unibridge.prompting.search import search_gradient, search_mined
    from unibridge.text.corpus import spread

    settings, inputs, base = journey.settings("prompting"), journey.inputs, journey.at.base
    training = settings.training
    if learns == "whole":
        training = journey.settings("fine_tuning").training
    sources = list(journey.sources)
    train = {source: inputs.labels_of(source) for source in sources}
    searches = settings.search if learns != "soft" else "none"
    reads_labels = learns != "none" or searches != "none"
    if reads_labels:
        journey.learnt_from += sources
    slots = {"soft": settings.length}
    slot = slots.get(learns, settings.triggers if searches == "gradient" else 0)

    def asked(model: Any) -> Asked:
        limit = min(settings.max_tokens, max_tokens(base))
        return Asked(model, base.family, base.tokenizer, inputs.labels, limit, slot)

    def wordings(languages: Sequence[str]) -> dict[str, Wording]:
        pattern = inputs.task.cloze_pattern
        found = {
            one: wording_of(settings, one, sources, inputs.labels, pattern) for one in languages
        }
        # what is searched or trained needs a place
        return {
            code: one
            if "{slot}" in one.template or not slot
            else replace(one, template=f"{{slot}} {one.template}")
            for code, one in found.items()
        }

    def build(folder: Path) -> Outcome:
        model = asked(copy.deepcopy(base.model))
        own = wordings(sources)
        given = {
            s: few_of_each(train[s].file.examples, settings.shots, seed=journey.seed)
            for s in sources
        }
        facts: dict[str, Any] = {"examples": 0}
        inside: tuple[int, ...] = ()
        phrases: dict[str, str] = {}  # source -> its template, where one was found
        few = {s: spread(rows, settings.search_examples) for s, rows in given.items()}
        if searches == "mined":
            lines = {s: inputs.texts[s].lines for s in sources if s in inputs.texts}
            own, facts = search_mined(model, own, few, lines, settings)
            phrases = {s: one.template for s, one in own.items()}
        elif searches == "gradient":
            inside, facts = search_gradient(model, own, few, settings, seed=journey.seed)
            own = {s: replace(one, inside=inside) for s, one in own.items()}
        tensors: dict[str, torch.Tensor] = {}
        how: dict[str, Any] = {"seed": journey.seed, "checkpoint": folder / "checkpoint.pt"}
        how["progress"] = journey.at.steps(f"prompt-{learns}")
        if learns == "soft":
            vectors, learnt = learn_soft(model, own, given, training, **how)
            tensors, facts = {"vectors": vectors}, {**facts, **learnt}
        elif learns == "whole":
            changed, learnt = learn_whole(model, own, given, training, **how)
            tensors, facts = changed, {**facts, **learnt}
        kept = {name: value.contiguous() for name, value in tensors.items()}
        write_bytes(folder / "prompt.safetensors", save(kept))
        write_json(folder / "prompt.json", {"inside": inside, "templates": phrases})
        return Outcome(facts)

    read = {f"{s}:{k}": v for s, one in train.items() for k, v in one.inputs.items()}
    if searches == "mined":
        texts = {s: inputs.texts[s] for s in sources if s in inputs.texts}
        read |= {f"{s}:{k}": v for s, one in texts.items() for k, v in one.inputs.items()}
    folder = journey.stage(
        "prompt",
        f"{learns}-{searches}",
        build,
        settings={
            **settings.model_dump(exclude={"training", "translation"}),
            "training": training.model_dump(),
            "learns": learns,
            "labels": inputs.labels,
            "seed": journey.seed,
        },
        inputs=read if reads_labels else {},
        together=learns != "none",
    )

    def predict(examples: Sequence[Any]) -> list[Any]:
        about = read_json(folder / "prompt.json")
        tensors = load_file(folder / "prompt.safetensors")
        model = asked(copy.deepcopy(base.model))
        if learns == "soft":
            model.vectors = tensors["vectors"].to(base.model.device)
        elif learns == "whole":
            encoder = model.model.get_submodule(base.family.encoder)
            values = encoder.state_dict()
            with torch.no_grad():
                for key, value in lay_over(values, tensors).items():
                    values[key].copy_(value)
        (ours,) = wordings([inputs.target]).values()
        if inputs.target not in settings.templates:
            # that of a source, perhaps as it was found there, perhaps in the target's language
            ours = replace(ours, template=about["templates"].get(sources[0], ours.template))
            ours = _in_target(journey, ours, settings.translation)
        return model.predict(examples, replace(ours, inside=tuple(about["inside"])))

    asked_by = {"asked_in": inputs.target, "translation": settings.model_dump()["translation"]}
    return Predictor(predict, asked_by, _translating(journey, settings.translation))


def _first(journey: Journey, settings: "TranslationSettings") -> str:
    """The source that a translator can turn into the target, the first of them."""
    able = (s for s in journey.sources if translates(settings, journey.inputs, s))
    return next(able, journey.sources[0])


def _translating(journey: Journey, settings: "TranslationSettings | None") -> dict[str, str]:
    """What decides translated templates beside the settings: the files of a lexicon."""
    if settings is None:
        return {}
    source, inputs = _first(journey, settings), journey.inputs
    return {
        **inputs.lexicons.get(source, NO_PAIRS).inputs("dictionary"),
        **inputs.parallel.get(source, NO_PAIRS).inputs("parallel"),
    }


def _in_target(
    journey: Journey, wording: "Wording", settings: "TranslationSettings | None"
) -> "Wording":
    """A wording in the target's language, where there is a translator for it."""
    if settings is None:
        return wording
    from unibridge.prompting.translated import translated
    from unibridge.translation.base import Between

    source, inputs, base = _first(journey, settings), journey.inputs, journey.at.base
    dictionary, parallel = (one.get(source, NO_PAIRS) for one in (inputs.lexicons, inputs.parallel))
    entries = []
    if settings.translator == "lexicon":
        entries = [(b, a) for a, b in entries_between(settings, dictionary, parallel, base)]
    lines = [(b, a) for a, b in parallel.rows]
    between = Between(source, inputs.target, settings, entries, lines, base.model.device)
    return translated(wording, between)


PROMPT_CLOZE, PROMPT_SOFT, PROMPT_TUNED = (
    Method(
        name=name,
        label=label,
        role="baseline",
        run=run,
        reads=("prompting", *further),
        needs=needs,
        checks=(masked_head,),
    )
    for name, label, run, further, needs in (
        ("prompt-cloze", "Cloze prompt, untrained", cloze, (), ()),
        ("prompt-soft", "Soft prompts, of no language", soft, (), ()),
        ("prompt-tuned", "Fine-tuned by cloze prompt", tuned, ("fine_tuning",), (every_weight,)),
    )
)
