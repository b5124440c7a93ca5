"""What the frozen base teaches while a language is learnt: the KL term (Eq. 9), states of words."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.models.states import chosen_layers, encoder_states
from unibridge.text.corpus import spread
from unibridge.transfer.distillation.matching import MEASURED, Matching, matching_of
from unibridge.transfer.pooled import mean_pool, pooled_states, standardiser, state_divergence
from unibridge.transfer.teacher import teacher_of

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.models.objectives import Corrupted
    from unibridge.transfer.adaptation_settings import AdaptationSettings
    from unibridge.transfer.mlm import TokenStore


class Teaching:
    """The terms of one training, and what they are weighed by.

    store: the student's samples. texts: of these as many as have a text of their own, the rest are
    pairs. read: of all, what the student reads. new: whether the student's vocabulary is.
    """

    def __init__(
        self,
        base: "Base",
        reader: Any,
        settings: "AdaptationSettings",
        store: "TokenStore",
        *,
        texts: Sequence[str],
        read: Sequence[str],
        new: bool,
        limit: int,
        checkpoint: Path | None = None,
    ) -> None:
        from unibridge.models.base import unknown_share

        self.base, self.reader, self.settings, self.store = base, reader, settings, store
        self.limit, self.warnings = limit, list[str]()
        self.beta = settings.kl_weight if new else 0.0
        distils = settings.distillation.method != "none"

        # 1. A teacher that cannot read the text is not asked.
        self.unknown: float | None = None
        if new or distils:
            self.unknown = unknown_share(base.tokenizer, read)
        if self.unknown is not None and self.unknown > settings.max_teacher_unknown:
            if self.beta or distils:
                what = "the KL term is off" if self.beta else "nothing is distilled"
                also = ", and nothing is distilled" if self.beta and distils else ""
                self.warnings.append(
                    f"The base reads {self.unknown:.0%} of this text as unknown, so its states say "
                    f"nothing about it: {what}{also} (adaptation.max_teacher_unknown = "
                    f"{settings.max_teacher_unknown:g})."
                )
            self.beta, distils = 0.0, False

        def file(what: str) -> Path | None:
            return checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{what}")

        # 2. Its state of each sample, ...
        self.pooled = None
        if self.beta:
            self.pooled = teacher_of(
                lambda numbers: pooled_states(
                    base.model, base.family, base.tokenizer, [read[i] for i in numbers]
                ),
                read,
                base.model.config.hidden_size,
                store=settings.teacher_store,
                passes=settings.training.passes(len(read)),
                file=file("teacher"),
            )
            self.warnings += self.pooled.warnings
        if self.pooled and settings.kl_states == "standardised":
            self._standard = standardiser(self.pooled.states(spread(range(len(read)), MEASURED)))
        else:
            self._standard = lambda states: states

        # 3. ... and of each word.
        self.words: Matching | None = None
        self._held: Matching | None = None
        if distils:
            self.words = self._matching(
                texts,
                read[: len(texts)],
                more=store.lengths[len(texts) :].tolist(),
                store=settings.teacher_store,
                file=file("words"),
            )
            self.warnings += self.words.warnings

    def _matching(self, texts: Sequence[str], read: Sequence[str], **more: Any) -> Matching:
        return matching_of(
            self.base,
            self.reader,
            texts,
            read,
            self.settings.distillation,
            limit=self.limit,
            training=self.settings.training,
            **more,
        )

    @property
    def stored_bytes(self) -> int:
        """Of the teacher's states on disk."""
        return sum(
            one.stored_bytes for one in (self.pooled, self.words and self.words.teacher) if one
        )

    @property
    def lm_weight(self) -> float:
        """Of the language model's own loss."""
        return self.settings.distillation.lm_weight if self.words else 1.0

    @property
    def weights(self) -> dict[str, float]:
        """Name of a term -> what it is multiplied by."""
        return {"kl": self.beta, "words": self.settings.distillation.weight}

    @property
    def facts(self) -> dict[str, Any]:
        """What was matched: units of all samples, and those that could not be; {} without."""
        if self.words is None:
            return {}
        plan = self.words.plan
        return {
            "distilled_units": int(plan.counts.sum()),
            "distilled_parts": plan.divided,
            "units_left_out": plan.left_out,
            "distilled_layers": self.words.levels,
            "lm_weight": self.lm_weight,
        }

    def states(
        self, model: "torch.nn.Module", ids: "torch.Tensor", mask: "torch.Tensor"
    ) -> "tuple[torch.Tensor, list[torch.Tensor]]":
        """The student's last states, and those of the layers that are compared."""
        if self.words is None:
            return encoder_states(model, self.base.family, ids, mask), []
        return chosen_layers(model, self.base.family, ids, mask, self.words.levels)

    def losses(
        self,
        model: "torch.nn.Module",
        states: "tuple[torch.Tensor, list[torch.Tensor]]",
        whole: "Corrupted",
        indices: Sequence[int],
        rows: slice,
    ) -> "dict[str, torch.Tensor]":
        """Name -> these rows' share of a step's term, before its weight.

        states: as `states` gave them of these rows. whole: what the student reads in the step.
        """
        from unibridge.adapters import attach

        found = {}
        (hidden, layers), mask = states, whole.part(rows).mask
        if self.pooled is not None:
            inverse = self.settings.state == "inverse"
            state = mean_pool(attach.invert(model, hidden) if inverse else hidden, mask)
            wanted = self.pooled.states(indices[rows]).to(state.device)
            kl = state_divergence(self._standard(state), self._standard(wanted))
            found["kl"] = kl * (len(wanted) / len(indices))
        if self.words is not None:
            ids, mask = self.store.batch(indices, self.reader.pad_token_id)
            changed = None
            if whole.decoder_ids is None:
                changed = whole.ids != ids
            else:
                # hidden spans have moved the tokens, so the text is read once more as it is
                own = self.store.batch(indices[rows], self.reader.pad_token_id)
                _, layers = self.states(model, *own)
            found["words"] = self.words.loss(layers, indices, rows, changed)
        return found

    def held_out(
        self, model: "torch.nn.Module", held: "TokenStore", samples: Sequence[str], batch_size: int
    ) -> dict[str, float]:
        """{valid_loss, valid_error} of words in other samples, at most so many at once.

        They are the same at every call: the teacher reads them once.
        """
        import torch

        from unibridge.transfer.mlm import text_read

        if self._held is None:
            read = [text_read(self.reader, sample, self.limit) for sample in samples]
            self._held = self._matching(samples, read, like=self.words, store="on")
        matching = self._held
        model.eval()
        with torch.inference_mode():
            found = matching.held_out(
                lambda part: self.states(model, *held.batch(part, self.reader.pad_token_id))[1],
                batch_size,
            )
        model.train()
        return found
