"""Settings of prompts, for bases with a masked-language-model head."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from unibridge.settings import Available, Lack, Settings
from unibridge.training import TrainingSettings
from unibridge.translation.base import TranslationSettings


class PromptSettings(Settings):
    """Templates, the words that stand for labels, and how either is found."""

    templates: dict[str, str] = Field(
        default_factory=dict,
        description='language -> template, such as {"en": "{text} It is about {mask}."}, for pairs '
        "with {second} too; {slot} is where what is searched or trained stands; a language "
        "without one has that of the first source with one",
    )
    verbalisers: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="language -> label -> word or words in its place, as templates; unset: the "
        "label as it is written",
    )
    translation: TranslationSettings | None = Field(
        None,
        description="what translates template and words of the first source with a template into a "
        "target without one, as in section [translation]; unset: they stay as they are",
    )
    search: Literal["none", "mined", "gradient"] = Field(
        "none",
        description="on the sources' labels: mined: what stands before label words in their text "
        "(LPAQA); gradient: tokens by the loss's gradient (AutoPrompt)",
    )
    mined: int = Field(20, ge=1, description="mined: commonest phrases that are tried")
    triggers: int = Field(3, ge=1, description="gradient: tokens that are searched")
    candidates: int = Field(10, ge=1, description="gradient: tokens tried at a step (AutoPrompt)")
    steps: int = Field(30, ge=1, description="gradient: steps, each for one of the tokens")
    search_examples: int = Field(
        64, ge=1, description="labelled examples that a template is judged by, evenly spread"
    )
    shots: int | None = Field(
        None, ge=1, description="examples of each class of a source to learn from; unset: all"
    )
    length: int = Field(20, ge=1, description="soft prompts: vectors (Lester et al. 2021: 20)")
    max_tokens: int = Field(128, ge=16, description="tokens per example; the text is cut")
    training: TrainingSettings = Field(
        TrainingSettings(
            epochs=10, batch_size=16, learning_rate=5e-3, schedule="linear", warmup=0.06, clip=1.0
        ),
        description="of soft prompts",
    )

    def lacks(self, run: Available) -> Iterator[Lack]:
        """A task on whole texts, and blanks in the templates."""
        for path, said in self.translation.lacks(run) if self.translation else ():
            yield (f"prompting.{path}" if path.startswith("translation.") else path), said
        if run.task is None:
            return
        if not run.task.cloze_pattern:
            yield (
                "task.kind",
                "asks for one word a text; use classification or pairs, or drop the method",
            )
            return
        for language, template in self.templates.items():
            for slot in ("{text}", "{mask}", "{second}"):
                if slot in run.task.cloze_pattern and template.count(slot) != 1:
                    yield (
                        f"prompting.templates.{language}",
                        f"needs {slot} once in a template, not {template.count(slot)} times",
                    )
