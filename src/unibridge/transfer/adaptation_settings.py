"""How a base is adapted to a language: settings, and what `continued` has of them by default."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from unibridge.adapters.settings import LANGUAGE_ADAPTER, AdapterConfig
from unibridge.settings import Available, Lack, Settings
from unibridge.training import TrainingSettings
from unibridge.transfer.distillation.base import DistillationSettings
from unibridge.transfer.forgetting.base import ForgettingSettings
from unibridge.transfer.pooled import HeldState, KLStates
from unibridge.transfer.rates import PUBLISHED_RATES, RateSearch
from unibridge.transfer.teacher import TeacherStore


class AdaptationSettings(Settings):
    """Masked-LM training of one language (paper §2.3 and Table 8)."""

    adapter: AdapterConfig = LANGUAGE_ADAPTER
    sample_words: int = Field(128, ge=0, description="words per sample; 0: a line is a sample")
    max_samples: int | None = Field(None, ge=2, description="samples used, drawn at random")
    max_tokens: int | None = Field(
        None, ge=8, description="tokens per sample; unset: as long as the base allows"
    )
    mask_rate: float = Field(0.15, gt=0, lt=1, description="share of tokens to predict")
    trains: Literal["adapter", "model"] = Field(
        "adapter",
        description="adapter: a language adapter with new embeddings, the base frozen (the paper); "
        "model: the whole base (of one with a decoder, its encoder), without an adapter (as "
        "AfroXLM-R, arXiv 2204.06487)",
    )
    replay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the samples that are drawn from the sources' text, so that what is "
        "trained for the target still reads them; 0: none (the paper)",
    )
    alpha: float | None = Field(
        None,
        ge=0,
        le=1,
        description="instead of replay: target and sources are drawn by their shares of the text "
        "to this power (XLM; 0.3 in XLM-R; 1: as the text is); unset: replay says",
        exclude_if=lambda alpha: alpha is None,
    )
    tlm_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the samples that are aligned lines, both read at once (TLM, XLM "
        "§3.3, which has 0.5); 0: none (the paper)",
        exclude_if=lambda share: not share,
    )
    output_bias: Literal["frequencies", "zero"] = Field(
        "frequencies",
        description="first values of the output bias of a new vocabulary or head: log of the "
        "tokens' frequencies in the text, or zero (the paper)",
    )
    embedding_rate: float = Field(
        1.0, gt=0, description="rate of the embeddings' rows, as a multiple of learning_rate"
    )
    kl_weight: float = Field(1.0, ge=0, description="β of Eq. 9; 0: no KL")
    state: HeldState = Field(
        "encoder",
        description="the tensor h of Eq. 9 and 11: the last encoder state, or the inverse of the "
        "invertible adapter applied to it (the paper's words)",
    )
    kl_states: KLStates = Field(
        "plain",
        description="what the softmax of Eq. 9 is taken of: h as it is (the paper), or "
        "standardised by the teacher's mean and deviation over the text, dimension by dimension, "
        "so that different sentences differ",
        exclude_if=lambda kind: kind == "plain",
    )
    max_teacher_unknown: float = Field(
        0.3,
        ge=0,
        le=1,
        description="teacher's share of unknown tokens above which it is not asked: β becomes 0, "
        "and nothing is distilled",
    )
    teacher_store: TeacherStore = Field(
        "auto",
        description="on: the teacher's states on disk, 4 bytes x hidden a sample (distillation: 2 "
        "bytes x hidden x layers a word); off: computed at every step; auto: on where each sample "
        "is read more than once",
    )
    train_head: Literal["built", "always"] = Field(
        "built", description="train the masked-LM head only where it had to be built, or always"
    )
    held_out: float = Field(0.01, gt=0, lt=1, description="share of samples kept for validation")
    least_held_out: int = Field(
        50,
        ge=1,
        description="samples kept for validation in any case, though no more than a tenth of all: "
        "fewer cannot tell rates apart",
    )
    learning_rate_search: RateSearch = Field(
        "auto",
        description="halving: the rate is chosen of search_rates by held-out loss; none: it is "
        "training.learning_rate, or unset a published one, 5e-4; auto: halving where it is unset",
    )
    search_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        PUBLISHED_RATES, min_length=1, description="AdamW's peak rates to choose of (Table 8)"
    )
    search_share: float = Field(
        0.1, gt=0, le=1, description="steps of the whole search, as a share of training's"
    )
    training: TrainingSettings = TrainingSettings()
    # what is none decides no stage's name
    distillation: DistillationSettings = Field(
        DistillationSettings(), exclude_if=lambda s: s.method == "none"
    )
    forgetting: ForgettingSettings = Field(
        ForgettingSettings(), exclude_if=lambda s: s.method == "none"
    )

    @property
    def reads_others(self) -> bool:
        """Whether samples are drawn from the sources' text."""
        return bool(self.replay) or self.alpha is not None

    @property
    def unasked(self) -> "AdaptationSettings":
        """The same without the frozen base as a teacher."""
        none = {"kl_weight": 0.0, "kl_states": "plain", "distillation": DistillationSettings()}
        return self.model_copy(update=none)

    def lacks(self, run: Available) -> Iterator[Lack]:
        """Aligned lines for TLM; the sources' text, where the base is not to forget it."""
        for source in run.without("text") if self.forgetting.method != "none" else ():
            yield run.at(source, "text"), f"must not forget {source!r}; give its plain text"
        if self.tlm_share and len(run.without("parallel")) == len(run.sources):
            yield (
                run.at(next(iter(run.sources)), "parallel"),
                "reads translations (tlm_share); give aligned lines, or set it to 0",
            )


CONTINUING = AdaptationSettings(
    trains="model",
    replay=0.5,
    sample_words=64,
    kl_weight=0.0,
    learning_rate_search="none",
    training=TrainingSettings(
        steps=500, batch_size=16, learning_rate=2e-4, schedule="linear", warmup=0.06, clip=1.0
    ),
)
"""The whole of a base on the target's and the sources' text: as chosen for me5 (docs/log.md)."""
