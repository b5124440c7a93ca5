"""What is done with a finished pack: predict, score, and make other packs from it.

pack and model: the folder of a language pack, or of a run that has one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.operations.listening import SILENCE, Listener
from unibridge.operations.reading import say_all
from unibridge.pack import load
from unibridge.tasks import TASKS, task_of
from unibridge.text.examples import AS_IT_IS, ReadAs
from unibridge.text.labels import (
    check_same_examples,
    read_labels,
    refuse_other_predictions,
)

if TYPE_CHECKING:
    from unibridge.ensemble.distil import DistilSettings
    from unibridge.ensemble.merge import MergeSettings
    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.metrics import Score


@dataclass(frozen=True)
class Predicted:
    """What a model says of one example, and how sure it is.

    prediction: a text's label, or the words' tags: as the task has them. confidence: at each
    decision, such as a word, the probability of the likeliest class. probabilities: of every class
    at each decision; taggers' and classifiers' are in the order of `model.config.labels`.
    """

    prediction: Any
    confidence: list[float]
    probabilities: list[list[float]]


def predict(
    model: "str | Path | MultiSourceModel",
    examples: Sequence[Any],
    *,
    batch_size: int = 32,
    device: str = "auto",
    listener: Listener = SILENCE,
) -> list[Predicted]:
    """Predictions with their probabilities, for a notebook or a service.

    model: a folder, or what `load` gave, which is not loaded anew for every call. examples: strings
    (for taggers, words between spaces), lists of words, pairs of strings. listener: hears how many
    texts were cut.
    """
    from unibridge.ensemble.probabilities import probabilities

    loaded = load(model, device=device) if isinstance(model, str | Path) else model
    said = loaded.predict(examples, batch_size=batch_size, warn=listener.say)
    shares = probabilities(loaded, examples, batch_size=batch_size)
    return [
        Predicted(prediction, found.max(-1).values.tolist(), found.tolist())
        for prediction, found in zip(said, shares, strict=True)
    ]


def predict_file(
    model: str | Path,
    source: str | Path,
    target: str | Path,
    *,
    batch_size: int = 32,
    read_as: ReadAs = AS_IT_IS,
    device: str = "auto",
    listener: Listener = SILENCE,
) -> int:
    """Label a file in its own format; returns the number of examples.

    batch_size: sentences at a time, counted once for each source. read_as: how the file is read.
    """
    return load(model, device=device).predict_file(
        source,
        target,
        batch_size=batch_size,
        read_as=read_as,
        warn=listener.say,
        progress=lambda done, total: listener.on_progress("predict", done, total, {}),
    )


def evaluate(
    gold: str | Path,
    *,
    model: str | Path | None = None,
    predictions: str | Path | None = None,
    task: str | None = None,
    read_as: ReadAs = AS_IT_IS,
    device: str = "auto",
    listener: Listener = SILENCE,
) -> "Score":
    """The score on gold labels of a pack, or of a file of predictions of a task.

    read_as: how both files are to be read. Raises UnibridgeError where it is not one of the two, or
    the files do not belong together.
    """
    if (model is None) == (predictions is None):
        raise UnibridgeError("nothing to score", do="give --model, or --predictions with --task")
    if model is not None:
        loaded = load(model, device=device)
        found = read_labels(gold, *read_as, expect=loaded.task.reads)
        say_all(found.warnings, listener)
        strange = loaded.task.strange_labels(found.examples, loaded.config.labels)
        if strange:
            listener.say(
                f"warning: {found.path}: labels that the model has not: {strange}: they can never "
                "be predicted and count as errors"
            )
        code = loaded.config.language
        examples = [loaded.task.in_language(example, code) for example in found.examples]
        return loaded.task.score(examples, loaded.predict(examples, warn=listener.say))
    if task is None:
        raise UnibridgeError("what task is it?", where="--task", do=f"one of {', '.join(TASKS)}")
    assert predictions is not None
    kind = task_of(task)
    found = read_labels(gold, *read_as, expect=kind.reads)
    written = read_labels(predictions, *read_as, expect=kind.reads)
    if Path(gold).resolve() == Path(predictions).resolve():
        listener.say(f"warning: {gold} is compared with itself")
    refuse_other_predictions(written)
    # the notes on one file, where it is both, are said once
    say_all([*found.warnings, *written.warnings], listener)
    check_same_examples(found, written)
    known = {label for one in found.examples for label in kind.labels_of(one)}
    if strange := kind.strange_labels(written.examples, known):
        listener.say(
            f"warning: {written.path}: labels that {found.path} has not: {strange}: they count as "
            "errors. Do both mean the same by their labels?"
        )
    return kind.score(found.examples, [kind.gold(example) for example in written.examples])


def merge(
    pack: str | Path,
    out: Path,
    *,
    weights: Mapping[str, float] | None = None,
    text: Sequence[str | Path] | None = None,
    settings: "MergeSettings | None" = None,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> Path:
    """Average a pack's sources into one.

    By `weights` (source -> share, by default the pack's own), or, where there is `text` of the
    target's own, by shares fitted to the ensemble's predictions for it.
    """
    from unibridge.ensemble.merge import MergeSettings
    from unibridge.pack.derive import fit_merge_pack, merge_pack

    if text is None:
        if settings is not None:
            raise UnibridgeError(
                "there is nothing to set where sources are averaged by weight",
                where="--set",
                do="give the target's text with --text, to fit their shares to",
            )
        return merge_pack(pack, out, weights=weights)
    if weights:
        raise UnibridgeError(
            "the sources' shares are either given or fitted",
            where="--weights",
            do="give --weights or --text, not both",
        )
    return fit_merge_pack(
        pack,
        text,
        out,
        settings or MergeSettings(),
        seed=seed,
        device="auto",
        progress=lambda step, steps, parts: listener.on_progress("merge", step, steps, parts),
    )


def distil(
    pack: str | Path,
    out: Path,
    text: Sequence[str | Path],
    settings: "DistilSettings",
    *,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> Path:
    """Distil a pack's sources into one student, on plain text.

    Before the training the listener hears where a whole encoder could not be exported as one.
    """
    from unibridge.ensemble.pack_config import UniBridgeConfig
    from unibridge.pack import find
    from unibridge.pack.derive import distil_pack
    from unibridge.pack.export import plain_places

    if settings.student == "encoder":
        try:
            plain_places(UniBridgeConfig.from_pretrained(find(pack)))
        except UnibridgeError as error:
            listener.say(f"warning: what is distilled cannot be exported as encoder: {error}")
    return distil_pack(
        pack,
        text,
        out,
        settings,
        seed=seed,
        device="auto",
        progress=lambda step, steps, parts: listener.on_progress("distil", step, steps, parts),
    )


def export(pack: str | Path, out: Path, format_: str, *, gold: str | Path | None = None) -> Path:
    """Write a pack as one model, checked against it.

    format_: pack, encoder, onnx or onnx-int8. gold: a labelled file that both are scored on.
    """
    from unibridge.pack.export import export_pack

    return export_pack(pack, out, format_, gold=gold)
