"""The method in Python, step by step: Somali named entities from English and Swahili labels.

    python examples/quickstart.py

Base model, text and labels come with the package. Training is cut to about a minute, which is
enough to see every step and not enough for good labels; `unibridge demo` takes the time it needs.
"""

import unibridge
from unibridge import AdaptationSettings, SearchSettings, TaskSettings, TrainingSettings
from unibridge.embeddings.install import embedding_table
from unibridge.text import cldr
from unibridge.text.labels import TaggedSentence

TARGET, SOURCES = "so", ("en", "sw")


def lines(language: str) -> list[str]:
    found = cldr.phrases(language, 2000, seed=1, split="plain")
    return [" ".join(phrase.words) for phrase in found]


def labelled(language: str, count: int, split: cldr.Split) -> list[TaggedSentence]:
    found = cldr.phrases(language, count, seed=2, split=split)
    return [TaggedSentence(phrase.words, phrase.tags) for phrase in found]


def training(steps: int) -> TrainingSettings:
    return TrainingSettings(steps=steps, batch_size=32, learning_rate=2e-3, schedule="linear")


def main() -> None:
    # What goes in: a base, plain text, the sources' labels, and ten parallel sentences a source.
    base = unibridge.load_base("cldr")
    text = {language: lines(language) for language in (TARGET, *SOURCES)}
    task = unibridge.TASKS["ner"]
    examples = {source: labelled(source, 600, "train") for source in SOURCES}
    parallel = {
        source: [
            (" ".join(target.words), " ".join(other.words))
            for target, other in cldr.parallel_phrases((TARGET, source), 10, seed=3, split="plain")
        ]
        for source in SOURCES
    }

    # 1. A vocabulary for the target, as large as its text can use.
    search = SearchSettings(initial_size=1000, step=250)
    vocabulary = unibridge.search_vocabulary(text[TARGET], search, language=TARGET)
    tokenizer = unibridge.to_fast_tokenizer(vocabulary.model, like=base.tokenizer)
    print(f"vocabulary: {vocabulary.size} pieces. {vocabulary.stopped}")

    # 2. First values for its embeddings, from the base's own.
    embeddings = unibridge.initialise_embeddings(
        embedding_table(base.model), base.tokenizer, tokenizer, text[TARGET]
    )
    print(f"embeddings: {embeddings.facts['counts']}")

    # 3. A language adapter for the target, with its embeddings, and for every source.
    settings = AdaptationSettings(sample_words=0, training=training(100))
    target = unibridge.adapt_language(
        base, text[TARGET], settings, language=TARGET, tokenizer=tokenizer, embeddings=embeddings
    )
    sources = {
        source: unibridge.adapt_language(base, text[source], settings, language=source)
        for source in SOURCES
    }
    print(f"adapted: {target.facts['curve'][-1]['valid_loss']:.2f} nats per masked token")

    # 4. A task adapter on each source's labels.
    labels = task.collect_labels(examples.values())
    tasks = {
        source: unibridge.train_task(
            base,
            task,
            {source: examples[source]},
            {source: sources[source]},
            labels,
            TaskSettings(training=training(60)),
            name=f"ner-{source}",
        )
        for source in SOURCES
    }

    # 5. How much each source counts, and all of it as one model.
    weights = unibridge.weigh_sources(base, target, sources, parallel)
    print(f"weights: {weights.weights}")
    model = unibridge.MultiSourceModel.assemble(base, target, tasks, weights.weights)

    # What comes out: labels for the target, which had none.
    test = labelled(TARGET, 200, "test")
    predicted = model.predict([sentence.words for sentence in test])
    score = task.score(test, predicted)
    print(f"{score.metric}: {score.value:.1f} [{score.low:.1f}, {score.high:.1f}]")
    for word, tag in zip(test[0].words, predicted[0], strict=True):
        print(f"  {tag:8}{word}")


if __name__ == "__main__":
    main()
