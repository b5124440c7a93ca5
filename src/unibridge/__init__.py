"""Bring a pretrained language model to a language it does not speak.

Everything public is imported when it is first used, so that `import unibridge` costs nothing.
After it, the Auto classes and pipelines of `transformers` can load a language pack.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unibridge import _auto

if TYPE_CHECKING:
    from unibridge.embeddings.align import align_embeddings as align_embeddings
    from unibridge.embeddings.align import induce_dictionary as induce_dictionary
    from unibridge.embeddings.initialise import initialise_embeddings as initialise_embeddings
    from unibridge.embeddings.rotation import AlignmentSettings as AlignmentSettings
    from unibridge.embeddings.settings import EmbeddingSettings as EmbeddingSettings
    from unibridge.embeddings.word_vectors import read_word_vectors as read_word_vectors
    from unibridge.ensemble.distil import DistilSettings as DistilSettings
    from unibridge.ensemble.distil import distil as distil
    from unibridge.ensemble.few_shot import FewShotSettings as FewShotSettings
    from unibridge.ensemble.few_shot import few_shot as few_shot
    from unibridge.ensemble.merge import MergeSettings as MergeSettings
    from unibridge.ensemble.merge import fit_merge as fit_merge
    from unibridge.ensemble.merge import merge as merge
    from unibridge.ensemble.model import MultiSourceModel as MultiSourceModel
    from unibridge.errors import UnibridgeError as UnibridgeError
    from unibridge.models.base import load_base as load_base
    from unibridge.pack import load as load
    from unibridge.pack.export import export_pack as export_pack
    from unibridge.tasks import TASKS as TASKS
    from unibridge.text.corpus import read_text as read_text
    from unibridge.text.labels import read_labels as read_labels
    from unibridge.training import TrainingSettings as TrainingSettings
    from unibridge.transfer.language import AdaptationSettings as AdaptationSettings
    from unibridge.transfer.language import adapt_language as adapt_language
    from unibridge.transfer.pretrain import pretrain as pretrain
    from unibridge.transfer.task import train_task as train_task
    from unibridge.transfer.task_settings import TaskSettings as TaskSettings
    from unibridge.vocabulary.extend import extend_tokenizer as extend_tokenizer
    from unibridge.vocabulary.search import SearchSettings as SearchSettings
    from unibridge.vocabulary.search import search_vocabulary as search_vocabulary
    from unibridge.vocabulary.tokenizer import to_fast_tokenizer as to_fast_tokenizer
    from unibridge.weighting.base import WeightSettings as WeightSettings
    from unibridge.weighting.weigh import weigh_sources as weigh_sources

__version__ = "0.1.0"

_HOMES = {
    "embeddings.align": ["align_embeddings", "induce_dictionary"],
    "embeddings.settings": ["EmbeddingSettings"],
    "embeddings.initialise": ["initialise_embeddings"],
    "embeddings.rotation": ["AlignmentSettings"],
    "embeddings.word_vectors": ["read_word_vectors"],
    "errors": ["UnibridgeError"],
    "models.base": ["load_base"],
    "pack": ["load"],
    "pack.export": ["export_pack"],
    "tasks": ["TASKS"],
    "text.corpus": ["read_text"],
    "text.labels": ["read_labels"],
    "training": ["TrainingSettings"],
    "ensemble.distil": ["DistilSettings", "distil"],
    "ensemble.few_shot": ["FewShotSettings", "few_shot"],
    "ensemble.model": ["MultiSourceModel"],
    "transfer.language": ["AdaptationSettings", "adapt_language"],
    "ensemble.merge": ["MergeSettings", "fit_merge", "merge"],
    "transfer.pretrain": ["pretrain"],
    "transfer.task": ["train_task"],
    "transfer.task_settings": ["TaskSettings"],
    "weighting.base": ["WeightSettings"],
    "weighting.weigh": ["weigh_sources"],
    "vocabulary.extend": ["extend_tokenizer"],
    "vocabulary.search": ["SearchSettings", "search_vocabulary"],
    "vocabulary.tokenizer": ["to_fast_tokenizer"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'unibridge' has no attribute {name!r}")
    return getattr(import_module(f"unibridge.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


_auto.register_when_imported()
