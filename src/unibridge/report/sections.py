"""What a report says of a run: its headline and, section by section, its blocks."""

import json
from collections.abc import Iterator

from unibridge.report import figures
from unibridge.report.document import Block, Bullets, Code, Drawing, Fold, Section
from unibridge.report.folder import Run
from unibridge.report.samples import predictions
from unibridge.report.scores import (
    REFERENCE,
    MethodScore,
    effort_table,
    main_score,
    scores_table,
    targets_table,
)
from unibridge.report.stages import adapted, embeddings, training, vocabulary
from unibridge.report.tables import (
    METRIC_TITLES,
    Cell,
    Table,
    as_cell,
    decimal,
    few_shot_table,
    stages_table,
    weights_table,
    whole,
)


def sections_of(run: Run) -> Iterator[Section]:
    """All sections in reading order; one that this run has nothing for is without blocks."""
    yield Section("Scores", list(_scores(run)))
    yield Section("Warnings", _warnings(run))
    yield Section("What went in", list(_inputs(run)))
    yield Section("Vocabulary", list(vocabulary(run)))
    yield Section("Embeddings", list(embeddings(run)))
    yield Section("Training", list(training(run)))
    yield Section("Source weights", list(_weights(run)))
    yield Section("A few target labels", list(_few_shot(run)))
    yield Section("Sample predictions", predictions(run))
    yield Section("Time and memory", [stages_table(run.stages.values())] if run.stages else [])
    yield Section("How to reproduce", list(_reproduce(run)))


def headline(run: Run) -> str:
    """One honest statement: the main method's score, and whether anything did better."""
    main, where = main_score(run.scores), f"{run.target_name}, {run.about.get('task', '')}"
    if main is None:
        state = "other methods only" if run.scores else "nothing yet"
        name = "UniBridge" if run.reference == REFERENCE else run.reference
        return f"{where}: scored {state}; {name} itself has no score in this run."
    said = [f"{where}: {main.label} {_said(main)}"]
    others = [row for row in run.scores if row.competes and row is not main]
    baselines = [row for row in others if row.role != "ablation"]
    if not baselines:
        said[0] += "; no baseline was run."
    else:
        best = max(baselines, key=lambda row: row.score)
        apart = main.low > best.high or best.low > main.high
        if best.difference_ends is not None:
            apart = best.difference_ends[0] > 0 or best.difference_ends[1] < 0
        unsettled = "" if apart else " The order is not settled: the interval between them holds 0."
        if main.score > best.score:
            said[0] += f"; the best baseline, {best.label}, {_said(best)}.{unsettled}"
        else:
            said[0] += f". {main.label} does not win: {best.label} has {_said(best)}.{unsettled}"
    for floor in (row for row in run.scores if row.role == "floor"):
        # the floor less the main method, on the same examples
        ends = floor.difference_ends
        low, high = (floor.low - main.high, floor.high - main.low) if ends is None else ends
        place = "clearly above" if high < 0 else "clearly below" if low > 0 else None
        said.append(
            f"{main.label} is {place} the floor ({_said(floor)})."
            if place
            else f"Whether {main.label} is above the floor ({_said(floor)}) is not settled."
        )
    better = [row for row in others if row not in baselines and row.score > main.score]
    if better:
        named = ", ".join(f"{row.label} {decimal(row.score)}" for row in better)
        said.append(f"Some variants of it score higher: {named}.")
    return " ".join(said)


def _said(row: MethodScore) -> str:
    return f"{decimal(row.score)} {row.metric} {row.interval}"


def _scores(run: Run) -> Iterator[Block]:
    if not run.scores:
        return
    methods = [row for row in run.scores if row.competes]
    if methods:
        counts = f"{whole(run.scores[0].newest.examples)} test examples in {run.target_name}"
        yield Drawing(
            figures.score_dots(run.scores), "scores", f"Methods with 95% intervals; {counts}"
        )
    yield scores_table(run.scores)
    epochs = {
        row.newest.method: found[-1]["facts"]["epochs"]
        for row in methods
        if row.newest.method in run.about.get("method_stages", {})
        and (found := adapted(run, row.newest.method))
    }
    yield Fold(
        "What each method was given",
        [
            effort_table(run.scores, epochs, run.about.get("published") or {}),
            "Epochs are those of the target language's adaptation; steps, tokens and time are of "
            "all stages together, shared ones counted for each method that uses them.",
        ],
    )
    if len({result.target for result in run.records.results}) > 1:
        yield targets_table(run.records.results)


def _warnings(run: Run) -> list[Block]:
    by_text: dict[str, list[str]] = {}
    for text in [*run.about.get("warnings", []), *run.records.warnings]:
        by_text.setdefault(text, [])
    for manifest in run.stages.values():
        for text in manifest.get("warnings", []):
            by_text.setdefault(text, []).append(f"{manifest['stage']} {manifest['name']}")
    if not by_text:
        return ["None."]
    return [
        Bullets(
            [f"{', '.join(where)}: {text}" if where else text for text, where in by_text.items()]
        )
    ]


def _inputs(run: Run) -> Iterator[Block]:
    about = run.about
    rows: list[tuple[str | Cell, ...]] = [
        ("Target language", f"{run.target_name} ({run.target})"),
        ("Task", str(about.get("task", ""))),
        ("Source languages", ", ".join(about.get("sources", []))),
        ("Base model", str(about.get("base", ""))),
    ]
    notes = about.get("base_notes") or []
    rows += [("", note) for note in ([notes] if isinstance(notes, str) else notes)]
    for manifest in run.of("vocabulary"):
        facts = manifest["facts"]
        rows.append(
            (
                "Plain text",
                f"{whole(facts['words'])} words, {decimal(facts['samples'])} samples",
            )
        )
    for manifest in run.of("train-task"):
        facts = manifest["facts"]
        if "examples" in facts:
            rows.append((f"Labels, {facts['source']}", f"{whole(facts['examples'])} examples"))
    yield Table(("", ""), "ll", [row for row in rows if as_cell(row[1]).text])
    hashes: dict[str, str] = {}
    for manifest in run.stages.values():
        hashes |= {n: d for n, d in manifest.get("inputs", {}).items() if n not in run.stages}
    if hashes:
        files: list[tuple[str | Cell, ...]] = [(n, str(d)[:12]) for n, d in hashes.items()]
        yield Fold(f"Inputs ({len(files)})", [Table(("Input", "sha256, first 12"), "ll", files)])


def _weights(run: Run) -> Iterator[Block]:
    for manifest in run.of("weigh"):
        facts = manifest["facts"]
        weights, entropy, most = facts["weights"], facts["entropy"], facts["uniform_entropy"]
        if len(weights) < 2:
            yield f"One source, {next(iter(weights), 'none')}: nothing to weigh."
            continue
        share = entropy / most if most else 1.0
        top = max(weights, key=lambda source: weights[source])
        verdict = (
            "the weighting is practically a plain mean of the sources"
            if share > 0.98
            else f"{top} counts most, with {weights[top]:.3f}"
        )
        if facts.get("sentence_temperature"):
            verdict += "; these are means, since every sentence has weights of its own"
        if few := facts.get("target_labels"):
            verdict += f"; fitted on {few} labelled {run.target_name} examples"
        yield (
            f"Weighting `{facts['weighting']}`. Entropy {decimal(entropy, 3)} nats of the "
            f"{decimal(most, 3)} that equal weights have ({decimal(100 * share)}%): {verdict}."
        )
        name = f"weights-{facts['weighting']}"
        yield Drawing(figures.weight_bars(weights), name, "Weight of each source language")
        yield weights_table(weights, facts.get("distances") or {})


def _few_shot(run: Run) -> Iterator[Block]:
    few = run.stages.get(str(run.about.get("few_shot")))
    if few is None:
        return
    points, metric = few["facts"]["points"], few["facts"]["metric"]
    title = METRIC_TITLES.get(metric, metric)
    draws = max(len(point["scores"]) for point in points)
    said = (
        f"{title} by the number of labelled {run.target_name} sentences, means over {draws} draws: "
        "going on from the transferred model, and starting anew on the same adapted encoder"
    )
    yield Drawing(figures.few_shot_curve(points, title), "few-shot", said)
    yield few_shot_table(points)


def _reproduce(run: Run) -> Iterator[Block]:
    if command := run.about.get("command"):
        yield Code(command)
    if created := run.about.get("created"):
        yield f"Started {created}."
    if versions := run.about.get("versions"):
        yield Table(("Package", "Version"), "ll", [(n, str(v)) for n, v in versions.items()])
    for name, manifest in run.stages.items():
        if settings := manifest.get("settings"):
            text = json.dumps(settings, ensure_ascii=False, indent=2)
            yield Fold(f"Settings of {name}", [Code(text)])
