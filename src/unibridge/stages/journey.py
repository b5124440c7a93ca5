"""What a method is written in: each call is a stage's folder, noted in the order of use.

    def run(journey):                              # the shortest one: methods/fine_tune.py
        task = journey.train_task(dict.fromkeys(journey.sources), trains="model")
        return journey.assemble(None, {"all": task})

A method says what it does in which order; the settings, the files and the folders are the
journey's. Stages that are finished already are taken over, also those of another method.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unibridge.artifacts import Outcome, read_json, read_manifest
from unibridge.ensemble.distil import DistilSettings
from unibridge.ensemble.merge import MergeSettings
from unibridge.errors import UnibridgeError
from unibridge.models.reading import reading_of
from unibridge.pack import load
from unibridge.stages.averaging import averaging_stage
from unibridge.stages.ends import Ensemble, Predictor, SourceWeights
from unibridge.stages.ensemble import student_stage, weigh_stage
from unibridge.stages.inputs import NO_PAIRS, Inputs, Labels, Text
from unibridge.stages.language import adapt_stage, ready_adapter_stage
from unibridge.stages.predict import predict_stage
from unibridge.stages.sections import StageSettings
from unibridge.stages.self_training import self_training_stage
from unibridge.stages.task import task_stage
from unibridge.stages.vocabulary import embed_stage, vocabulary_stage
from unibridge.stages.workplace import Workplace
from unibridge.text.corpus import spread
from unibridge.transfer.updates.base import UpdateSettings

if TYPE_CHECKING:
    from unibridge.transfer.language import AdaptationSettings
    from unibridge.transfer.task_settings import TaskSettings


class Journey:
    """One method under one seed.

    name: the method's. sources: codes of the languages that it learns from. reads: sections of
    settings that it says it reads; it is given no others. options: the settings of its own that
    the method declares, which it has to name in the stages that they decide.
    """

    def __init__(
        self,
        name: str,
        settings: StageSettings,
        inputs: Inputs,
        at: Workplace,
        *,
        sources: Sequence[str],
        reads: Sequence[str],
        seed: int,
        options: Any = None,
    ) -> None:
        self.name, self.inputs, self.at, self.seed = name, inputs, at, seed
        self.sources = list(sources)
        self.stages: list[Path] = []
        self.learnt_from: list[str] = []
        self.options = options
        self._settings, self._reads = settings, reads

    @property
    def target(self) -> str:
        """The target's code."""
        return self.inputs.target

    # ---- languages

    @property
    def keeps_vocabulary(self) -> bool:
        """Whether the target is read by the base's own vocabulary, by `vocabulary.mode`."""
        mode = self.settings("vocabulary").mode
        if mode != "auto":
            return bool(mode == "keep")
        return reading_of(self.at.base, self.inputs.texts[self.target].lines).well

    def vocabulary(self) -> Path:
        """§2.1: the size and the tokenizer for the target's text."""
        text, settings = self.inputs.texts[self.target], self.settings("vocabulary")
        if settings.mode in ("auto", "keep"):
            # so that a vocabulary is the same one whatever made it be asked for
            settings = settings.model_copy(update={"mode": "replace"})
        return self.note(vocabulary_stage(self.at, text, settings, language=self.target))

    def embed(self, vocabulary: Path) -> Path:
        """§2.2: first values of a vocabulary's embeddings."""
        return self.note(
            embed_stage(
                self.at,
                self.inputs.texts[self.target],
                self.settings("embeddings"),
                language=self.target,
                vocabulary=vocabulary,
                seed=self.seed,
                translations=self.inputs.translations,
            )
        )

    def adapt(
        self,
        language: str,
        *,
        vocabulary: Path | None = None,
        embeddings: Path | None = None,
        settings: "AdaptationSettings | None" = None,
        texts: Mapping[str, Text] | None = None,
    ) -> Path:
        """§2.3: adapt the base to a language on its plain text, or take a ready adapter of it.

        vocabulary, embeddings: new ones, of their stages; unset: the base's own. settings: instead
        of those of `adaptation` for the target and of `source_adaptation` for a source. texts:
        instead of the run's own. The sources' text is there for settings that replay it beside the
        target's.
        """
        if (ready := self.inputs.adapters.get(language)) is not None:
            return self.note(ready_adapter_stage(self.at, ready, language=language))
        own, texts = language == self.target, texts or self.inputs.texts
        if settings is None:
            settings = self.settings("adaptation" if own else "source_adaptation")
            unread = self.inputs.teacher_unknown > settings.max_teacher_unknown
            if own and unread:
                # the same settings give the same stage, so "KL off" is not trained a second time
                settings = settings.unasked
        return self.note(
            adapt_stage(
                self.at,
                texts[language],
                settings,
                language=language,
                seed=self.seed,
                vocabulary=vocabulary,
                embeddings=embeddings,
                others={s: texts[s] for s in self.sources if s in texts} if own else None,
                parallel={
                    s: pairs
                    for s, pairs in self.inputs.parallel.items()
                    if s in self.sources and language in (s, self.target)
                },
            )
        )

    # ---- the task

    def train_task(
        self,
        languages: Mapping[str, Path | None],
        *,
        labels: Mapping[str, Labels] | None = None,
        held_out: bool | None = None,
        trains: Literal["adapter", "model"] = "adapter",
        settings: "TaskSettings | None" = None,
    ) -> Path:
        """§2.3: a task adapter with its head, or the whole model, on the labels of languages.

        languages: code -> its `adapt` stage; None for the base as it is. labels: code -> what to
        learn; unset: the run's own of these languages. held_out: whether the sources' dev files
        are read; unset: not where labels are given. settings: instead of those of `task_training`
        for an adapter and of `fine_tuning` for a model.
        """
        section = "fine_tuning" if trains == "model" else "task_training"
        settings = settings or self.settings(section)
        heard = settings.languages.method != "none"
        train = labels or {code: self.inputs.labels_of(code) for code in languages}
        held = (not labels) if held_out is None else held_out
        self.learnt_from += [code for code in train if code not in self.learnt_from]
        return self.note(
            task_stage(
                self.at,
                self.inputs.task,
                train,
                {s: f for s, f in self.inputs.held_out.items() if s in train and held},
                languages,
                self.inputs.labels,
                settings,
                seed=self.seed,
                trains=trains,
                unlabelled={self.target: self.inputs.texts[self.target]} if heard else None,
            )
        )

    def average(self, models: Mapping[Path | None, Path]) -> Path:
        """Two models of the task as one, on the base as it is (`averaging.share`).

        models: the `adapt` stage beneath, None for the base -> the `train-task` stage of a whole
        model; the base's counts for what the share leaves.
        """
        share = self.settings("averaging").share
        rest = (1 - share) if None in models else 0.0
        others = (1 - rest) / max(sum(below is not None for below in models), 1)
        shares = [rest if below is None else others for below in models]
        return self.note(averaging_stage(self.at, list(models.items()), shares, name=self.target))

    def weigh(
        self, language: Path, sources: Mapping[str, Path], tasks: Mapping[str, Path]
    ) -> SourceWeights:
        """§2.4: how much each source counts for the target; a single one counts fully.

        language: the target's `adapt` stage; sources: those of the sources.
        """
        if len(tasks) < 2:
            return SourceWeights(dict.fromkeys(tasks, 1.0))
        settings, parallel = self.settings("weights"), self.inputs.parallel
        folder = self.note(
            weigh_stage(
                self.at,
                language,
                sources,
                {s: parallel.get(s, NO_PAIRS).rows[: settings.sentences] for s in sources},
                settings,
                state=self.settings("adaptation").state,
                tasks=tasks,
                text=self.inputs.texts[self.target],
                labelled=self.inputs.target_train,
                seed=self.seed,
            )
        )
        own = read_manifest(folder)["facts"]["sentence_temperature"]
        return SourceWeights(read_json(folder / "weights.json"), own, folder)

    # ---- what it ends in

    def assemble(
        self,
        language: Path | None,
        tasks: Mapping[str, Path],
        weights: SourceWeights | None = None,
    ) -> Predictor:
        """Eq. 13: all tasks' predictions together, by weight; unset: all alike."""
        ensemble = Ensemble(
            language,
            tasks,
            weights or SourceWeights(dict.fromkeys(tasks, 1.0)),
            max(read_manifest(task)["settings"]["max_tokens"] for task in tasks.values()),
        )
        settled = {**ensemble.settings, "ending": "vote"}
        return Predictor.of(lambda: ensemble.load(self.at), settled, ensemble)

    def self_train(self, model: Predictor) -> Predictor:
        """The target's text labelled by the model, which learns from what it is surest of.

        Only of a model with one task; one that votes is distilled first. No rounds, or a task that
        cannot learn from predictions: the model.
        """
        ensemble, settings = model.ensemble, self.settings("self_training")
        if not self.inputs.task.learns_from_predictions:
            return model
        if ensemble is None or len(ensemble.tasks) != 1:
            raise UnibridgeError(f"{self.name!r} has no single task to train further")
        whole = "fine_tuning" in self._reads
        updates = self.settings("fine_tuning").updates if whole else UpdateSettings()
        for number in range(1, settings.rounds + 1):
            ((name, learnt),) = ensemble.tasks.items()
            stage = self_training_stage(
                self.at,
                self.inputs.task,
                partial(ensemble.load, self.at),
                learnt,
                ensemble.language,
                self.inputs.texts[self.target],
                {source: self.inputs.labels_of(source) for source in self.sources},
                {s: own for s, own in self.inputs.held_out.items() if s in self.sources},
                settings,
                updates,
                target=self.target,
                round=number,
                seed=self.seed,
            )
            self.note(stage)
            ensemble = replace(ensemble, tasks={name: stage})
        settled = {**ensemble.settings, "ending": "vote"}
        return Predictor.of(lambda: ensemble.load(self.at), settled, ensemble)

    def merge(self, model: Predictor) -> Predictor:
        """The sources' adapters and heads averaged into one."""
        return self._student(model, self.settings("merging"), "merged")

    def distil(self, model: Predictor) -> Predictor:
        """One student of the ensemble's predictions on the target's text."""
        return self._student(model, self.settings("distillation"), "distilled")

    def _student(
        self, model: Predictor, settings: MergeSettings | DistilSettings, ending: str
    ) -> Predictor:
        ensemble = model.ensemble
        if ensemble is None:
            raise UnibridgeError(f"{self.name!r} has no model to make one of")
        folder = self.note(
            student_stage(
                self.at,
                self.target,
                lambda: ensemble.load(self.at),
                self.inputs.texts[self.target],
                settings,
                made_of={**ensemble.settings, **fingerprints(self.stages)},
                seed=self.seed,
            )
        )
        device = str(self.at.base.model.device)
        settled = {**ensemble.settings, "ending": ending}
        return Predictor.of(lambda: load(folder / "pack", device=device), settled, ensemble)

    def floor(self) -> Predictor:
        """What a count of word shapes in the sources' labels says, without any model.

        It is given as many examples of each source as models are: by the larger of the limits on
        adapters and on whole models, where both have one.
        """
        sources = sorted(self.sources)
        self.learnt_from += sources
        files = {source: self.inputs.train[source] for source in sources}
        limits = [self.settings(s).max_examples for s in ("task_training", "fine_tuning")]
        most = None if None in limits else max(limits)
        seen = [
            example
            for file in files.values()
            for example in spread(file.file.examples, most or len(file.file.examples))
        ]
        return Predictor(
            lambda examples: self.inputs.task.floor(seen, examples),
            {} if most is None else {"max_examples": most},
            inputs={f"{s}:{k}": v for s, file in files.items() for k, v in file.inputs.items()},
        )

    def predict(self, model: Predictor) -> Path | None:
        """Predictions for the target's test labels and their score; None without such labels."""
        test = self.inputs.test
        if test is None:
            return None
        return predict_stage(
            self.at,
            folder_name(self.name),
            test,
            self.inputs.task,
            lambda: model.predict(test.file.examples),
            settings=model.settings,
            inputs={**fingerprints(self.stages), **model.inputs},
            told=model.told,
        )

    # ---- what a method does of its own

    def stage(
        self,
        stage: str,
        name: str,
        build: Callable[[Path], Outcome],
        *,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        after: Sequence[Path] = (),
        together: bool = False,
    ) -> Path:
        """A stage that is this method's own: `build` fills a folder once, see `run_stage`.

        settings, inputs: all that decides it, and `after`: the stages that it is made from.
        """
        return self.note(
            self.at.run(
                stage,
                name,
                build,
                settings=settings,
                inputs={**inputs, **fingerprints(after)},
                together=together,
            )
        )

    def settings(self, section: str) -> Any:
        """A section of settings. Raises UnibridgeError for one that the method does not declare."""
        if section not in self._reads:
            raise UnibridgeError(
                f"the method {self.name!r} asks for settings that it does not say it reads",
                where=section,
                do=f"add {section!r} to its `reads`",
            )
        return getattr(self._settings, section)

    def note(self, folder: Path) -> Path:
        """Keep a stage among those that the method's numbers come from; returns it."""
        if folder not in self.stages:
            self.stages.append(folder)
        return folder


def fingerprints(stages: Sequence[Path]) -> dict[str, str]:
    """folder name -> fingerprint of finished stages, for what is made from them."""
    return {path.name: str(read_manifest(path)["fingerprint"]) for path in stages}


def folder_name(method: str) -> str:
    """A method's name within a folder's; an import path has a colon."""
    return method.replace(":", "-")
