"""One model to take away: a merged pack, a plain `transformers` encoder, or ONNX of either.

Every export is compared with its source before it gets its name.
"""

import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.artifacts import Outcome, build_folder, hash_path
from unibridge.errors import UnibridgeError
from unibridge.pack import find, load
from unibridge.pack.derive import AVERAGED, write_card
from unibridge.registry import Registry
from unibridge.text.labels import LabelFile, read_labels

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.ensemble.pack_config import UniBridgeConfig

TOLERANCE = 1e-4
"""The largest difference of a logit between an export and its source."""

Inputs = dict[str, "torch.Tensor"]
Answer = Callable[[Inputs], Mapping[str, "torch.Tensor"]]
Writer = Callable[["MultiSourceModel", Path], float]


def export_pack(
    pack: str | Path, folder: Path, format_: str | Writer, *, gold: str | Path | None = None
) -> Path:
    """Write a pack in another form, complete or not at all; returns the folder.

    format_: a name in `EXPORTS`, or such a function. "pack" averages several sources by weight
    first (`fit_merge` does it better, on plain text), "onnx" keeps them, "onnx-int8" has its
    weights in 8 bits. gold: a labelled file that the pack and what was written of it are scored on.
    Raises UnibridgeError where the pack has no such form, what writes it is not installed, or the
    export's logits are further than `TOLERANCE` from its source's (in 8 bits they may be).
    """
    write = EXPORTS.resolve(format_)

    def build(partial: Path) -> Outcome:
        model = load(pack)
        difference = write(model, partial)
        facts = {"format": str(format_), "largest_difference": difference}
        facts |= {"megabytes": [_megabytes(find(pack)), _megabytes(partial)]}
        if gold is not None:
            labelled = read_labels(gold, expect=model.task.reads)
            scores = _scores(model, partial, labelled)
            return Outcome({**facts, "score": scores}, labelled.warnings)
        warnings = []
        if difference > TOLERANCE:
            warnings = [f"logits differ by up to {difference:.2g}; {_UNSCORED}"]
        return Outcome(facts, warnings)

    inputs = {"pack": hash_path(find(pack))}
    inputs |= {} if gold is None else {"gold": hash_path(Path(gold))}
    return build_folder(folder, "export", build, settings={"format": str(format_)}, inputs=inputs)


# --- (a) a pack of one source -------------------------------------------------------------------


def write_pack(model: "MultiSourceModel", folder: Path) -> float:
    """The pack, its sources averaged by weight; after `import unibridge` everything loads it."""
    from unibridge.ensemble.merge import merge
    from unibridge.ensemble.model import MultiSourceModel

    merged = merge(model) if len(model.config.sources) > 1 else model
    merged.save_pretrained(folder)
    notes = (
        [AVERAGED.format(sources=", ".join(model.config.sources))] if merged is not model else []
    )
    write_card(merged, folder, weights=_weights(model), limits=notes)
    again = MultiSourceModel.load(folder)
    return largest_difference(merged, lambda inputs: again(**inputs))


# --- (b) a plain encoder ------------------------------------------------------------------------


def write_encoder(model: "MultiSourceModel", folder: Path) -> float:
    """A `transformers` model that loads without this package, with its tokenizer."""
    plain = plain_model(model)
    plain.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    write_card(model, folder, loading=_AUTO.format(kind=model.task.auto_class))
    again = type(plain).from_pretrained(folder).eval()
    return largest_difference(model, lambda inputs: again(**inputs))


def plain_model(model: "MultiSourceModel") -> "PreTrainedModel":
    """The same function as the task's model of the base's own family.

    Raises UnibridgeError for a model with adapters: these are not linear, so no plain layer can
    hold them; or with several sources.
    """
    import transformers

    from unibridge.models.families import family_of

    config, task = model.config, model.task
    # first, since distilling would not help
    places = plain_places(config)
    if config.language_adapter or config.task_adapter or len(config.sources) > 1:
        raise UnibridgeError(
            "a pack with adapters or several sources has no plain form",
            do="distil it first: unibridge distil PACK OUT --text FILE --set student=encoder",
        )
    family = family_of(config.base)
    auto = getattr(transformers, f"AutoModelFor{task.auto_class}")
    plain: PreTrainedModel = auto.from_config(plain_config(model))
    loaded = plain.get_submodule(family.encoder).load_state_dict(
        model.encoder.state_dict(), strict=False
    )
    if loaded.unexpected_keys:
        raise ValueError(f"unexpected tensors in the encoder: {loaded.unexpected_keys}")
    (head,) = model.heads.values()
    for ours, theirs in places.items():
        plain.get_submodule(theirs).load_state_dict(head.get_submodule(ours).state_dict())
    return plain.eval()


def plain_places(config: "UniBridgeConfig") -> dict[str, str]:
    """A pack's head's layers -> those of `transformers`' own model of its family and task.

    Raises UnibridgeError where there is no such model, whatever is trained or distilled.
    """
    from unibridge.models.families import family_of
    from unibridge.tasks import task_of
    from unibridge.tasks.shapes import HeadSettings

    family, task = family_of(config.base), task_of(config.task)
    places = task.plain_layers(family, HeadSettings(**config.head))
    if places is None or task.auto_class is None:
        raise UnibridgeError(
            f"transformers has no {family.model_type} model that does the task {task.name} as this "
            "pack does",
            do="export it as pack or onnx",
        )
    return places


def plain_config(model: "MultiSourceModel") -> "PretrainedConfig":
    """The base's configuration with the pack's labels."""
    from transformers import AutoConfig

    from unibridge.models.families import family_of

    labels = model.config.labels
    names = {"id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}
    family = family_of(model.config.base)
    return AutoConfig.for_model(**model.config.base | names | dict(family.plain_settings))


# --- (c) ONNX -----------------------------------------------------------------------------------


def write_onnx(model: "MultiSourceModel", folder: Path) -> float:
    """`model.onnx` (ids and mask to logits, any batch and length), labels and tokenizer beside.

    Its outputs have the names that the model's own have, such as `logits`.
    """
    try:
        import onnx  # noqa: F401  torch writes through it
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UnibridgeError(
            f"exporting to ONNX needs the package {error.name!r}",
            do='run pip install "unibridge[onnx]"',
        ) from error
    import torch

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
            given = dict(zip(names, values, strict=True))
            said = self.model.outputs(**given)
            return tuple(said[name] for name in model.task.outputs)

    example = check_inputs(model)[-1]
    names = list(example)
    called = [output.called for output in model.task.outputs.values()]
    axes_of: dict[str, Sequence[str]] = dict.fromkeys(names, ("batch", "length"))
    axes_of |= model.task.head_inputs
    axes_of |= {output.called: output.axes for output in model.task.outputs.values()}
    # the classes are as many in every batch
    axes = {
        name: {place: axis for place, axis in enumerate(axes) if axis != "labels"}
        for name, axes in axes_of.items()
    }
    path = folder / "model.onnx"
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing fixes Python values; the check would tell
        # torch's newer exporter takes twenty times as long, and its optimiser fails on this model
        # (torch 2.13, onnxscript 0.7)
        torch.onnx.export(
            Positional().eval(),
            tuple(example.values()),
            str(path),
            input_names=names,
            output_names=called,
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    plain_config(model).save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    write_card(
        model,
        folder,
        weights=_weights(model),
        loading=_ONNX.format(names=", ".join(called), outputs=json.dumps(called)),
    )
    return largest_difference(model, onnx_answer(model, path))


def write_onnx_int8(model: "MultiSourceModel", folder: Path) -> float:
    """The same with its weights, the embeddings' too, in 8 bits, a scale for each channel.

    What is computed between them is float32, by onnxruntime's dynamic quantisation.
    """
    write_onnx(model, folder)
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole, path = folder / "whole.onnx", folder / "model.onnx"
    path.replace(whole)
    logging.disable(logging.WARNING)  # advice on how to quantise what is not quantised here
    try:
        quantize_dynamic(whole, path, weight_type=QuantType.QInt8, per_channel=True)
    finally:
        logging.disable(logging.NOTSET)
    whole.unlink()
    return largest_difference(model, onnx_answer(model, path), limit=None)


def onnx_answer(model: "MultiSourceModel", path: Path, *, threads: int = 0) -> Answer:
    """What a written `model.onnx` says, by the names that the model's outputs have.

    threads: that it computes with; 0: as many as onnxruntime chooses.
    """
    import onnxruntime
    import torch

    called = [output.called for output in model.task.outputs.values()]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def answer(inputs: Inputs) -> dict[str, torch.Tensor]:
        found = session.run(called, {name: v.numpy() for name, v in inputs.items()})
        return dict(zip(called, map(torch.from_numpy, found), strict=True))

    return answer


def answered_by(model: "MultiSourceModel", path: Path, *, threads: int = 0) -> "MultiSourceModel":
    """The same model, which from now on reads by a written `model.onnx` and decodes as before."""
    answer = onnx_answer(model, path, threads=threads)
    names = {output.called: name for name, output in model.task.outputs.items()}
    # whatever decodes the model's outputs is given the session's
    model.outputs = lambda **given: {  # type: ignore[method-assign]
        names[called]: said for called, said in answer(given).items()
    }
    return model


EXPORTS: Registry[Writer] = Registry(
    "export format",
    {
        "pack": write_pack,
        "encoder": write_encoder,
        "onnx": write_onnx,
        "onnx-int8": write_onnx_int8,
    },
)
"""Forms of a pack: each fills a folder and returns the largest difference to its source."""


# --- all of them --------------------------------------------------------------------------------


def check_inputs(model: "MultiSourceModel") -> list[Inputs]:
    """Batches of drawn tokens, as the tokenizer would give them, of different shapes and padded."""
    import torch

    from unibridge.models.states import frame

    tokenizer = model.tokenizer
    before, after = frame(tokenizer)
    draw = torch.Generator().manual_seed(0)
    longest = model.config.max_tokens
    batches = []
    for rows, length in ((1, min(5, longest)), (2, longest), (3, max(4, longest // 2))):
        ids = torch.randint(len(tokenizer), (rows, length), generator=draw)
        ids[ids == tokenizer.pad_token_id] = tokenizer.unk_token_id
        ids[:, : len(before)] = torch.tensor(before, dtype=ids.dtype)
        ids[:, length - len(after) :] = torch.tensor(after, dtype=ids.dtype)
        mask = torch.ones_like(ids)
        for row in range(1, rows):
            ids[row, -row:], mask[row, -row:] = tokenizer.pad_token_id, 0
        inputs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in tokenizer.model_input_names:
            types = torch.zeros_like(ids)
            if model.task.parts == 2:
                types[:, length // 2 :] = 1
            inputs["token_type_ids"] = types
        batches.append(inputs | model.task.drawn_inputs(mask))
    return batches


def largest_difference(
    model: "MultiSourceModel", answer: Answer, *, limit: float | None = TOLERANCE
) -> float:
    """Of any logit at a real position; raises UnibridgeError where it is above the limit."""
    import torch

    worst = 0.0
    model.eval()
    with torch.no_grad():
        for inputs in check_inputs(model):
            ours, theirs = model(**inputs), answer(inputs)
            real = inputs["attention_mask"].bool()
            for output in model.task.outputs.values():
                difference = (ours[output.called] - theirs[output.called]).abs()
                if output.axes[:2] == ("batch", "length"):
                    difference = difference[real]
                worst = max(worst, float(difference.max().nan_to_num(torch.inf)))
    if limit is not None and worst > limit:
        raise UnibridgeError(
            f"the export's logits differ from its source's by up to {worst:.2g}, more than "
            f"{limit:g}, so it was not written"
        )
    return worst


def _scores(model: "MultiSourceModel", folder: Path, gold: LabelFile) -> list[float]:
    """The scores of the source and of what was written, where that is something we can run."""
    examples = gold.examples
    before = model.task.score(examples, model.predict(examples)).value
    if (folder / "model.onnx").exists():
        model = answered_by(model, folder / "model.onnx")
    elif _is_pack(folder):
        model = load(folder)
    else:
        raise UnibridgeError(
            "this form is not scored, since it says what its source says",
            where=gold.path,
            do="leave the labelled file out",
        )
    return [before, model.task.score(examples, model.predict(examples)).value]


def _is_pack(folder: Path) -> bool:
    try:
        return find(folder) == folder
    except UnibridgeError:
        return False


def _megabytes(folder: Path) -> float:
    weights = [p for p in folder.iterdir() if p.suffix in (".onnx", ".safetensors")]
    return round(sum(path.stat().st_size for path in weights) / 1e6, 2)


_UNSCORED = "what that costs is not known: give a labelled file (--gold)"


def _weights(model: "MultiSourceModel") -> Mapping[str, float] | None:
    sources = model.config.sources
    return dict(zip(sources, model.config.weights, strict=True)) if len(sources) > 1 else None


_AUTO = """from transformers import AutoModelFor{kind}, AutoTokenizer

model = AutoModelFor{kind}.from_pretrained("path/to/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")"""
_ONNX = """import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")
session = onnxruntime.InferenceSession("path/to/this/folder/model.onnx")
({names},) = session.run({outputs}, dict(tokenizer(["…"], return_tensors="np")))"""
