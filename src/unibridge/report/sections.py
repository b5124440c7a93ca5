"""What a report says of a run: its headline and, section by section, its blocks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.report import figures
from unibridge.report.document import Block, Bullets, Code, Drawing, Fold, Samples, Section
from unibridge.report.folder import Run
from unibridge.report.tables import (
    MAIN,
    METRIC_TITLES,
    Cell,
    MethodScore,
    Table,
    as_cell,
    counts_table,
    decimal,
    duration,
    effort_table,
    few_shot_table,
    main_score,
    scores_table,
    stages_table,
    targets_table,
    weights_table,
    whole,
)

# how many of each a reader is shown; the first ones of the file, so nothing is picked by hand
_SENTENCES, _EXAMPLES = 8, 24


def sections_of(run: Run) -> Iterator[Section]:
    """All sections in reading order; one that this run has nothing for is without blocks."""
    yield Section("Scores", list(_scores(run)))
    yield Section("Warnings", _warnings(run))
    yield Section("What went in", list(_inputs(run)))
    yield Section("Vocabulary", list(_vocabulary(run)))
    yield Section("Embeddings", list(_embeddings(run)))
    yield Section("Training", list(_training(run)))
    yield Section("Source weights", list(_weights(run)))
    yield Section("A few target labels", list(_few_shot(run)))
    yield Section("Sample predictions", _predictions(run))
    yield Section("Time and memory", [stages_table(run.stages.values())] if run.stages else [])
    yield Section("How to reproduce", list(_reproduce(run)))


def headline(run: Run) -> str:
    """One honest statement: the main method's score, and whether anything did better."""
    main, where = main_score(run.scores), f"{run.target_name}, {run.about.get('task', '')}"
    if main is None:
        state = "other methods only" if run.scores else "nothing yet"
        return f"{where}: scored {state}; UniBridge itself has no score in this run."
    said = [f"{where}: {main.label} {_said(main)}"]
    others = [row for row in run.scores if row.kind == "method" and row is not main]
    baselines = [row for row in others if not row.newest.method.startswith(MAIN)]
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
            said[0] += f". UniBridge does not win: {best.label} has {_said(best)}.{unsettled}"
    for floor in (row for row in run.scores if row.kind == "floor"):
        # the floor less the main method, on the same examples
        ends = floor.difference_ends
        if main.low <= floor.high if ends is None else ends[1] >= 0:
            said.append(f"It is not clearly above the floor ({_said(floor)}).")
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
    methods = [row for row in run.scores if row.kind == "method"]
    if methods:
        counts = f"{whole(run.scores[0].newest.examples)} test examples in {run.target_name}"
        yield Drawing(
            figures.score_dots(run.scores), "scores", f"Methods with 95% intervals; {counts}"
        )
    yield scores_table(run.scores)
    epochs = {
        row.newest.method: adapted[-1]["facts"]["epochs"]
        for row in methods
        if row.newest.method in run.about.get("method_stages", {})
        and (adapted := _adapted(run, row.newest.method))
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


def _vocabulary(run: Run) -> Iterator[Block]:
    for manifest in run.of("vocabulary"):
        facts = manifest["facts"]
        trace, chosen = facts["trace"], facts["chosen"]
        yield f"{whole(chosen)} tokens ({facts['kind']}). {facts['stopped']}"
        if facts.get("added") is not None:
            yield f"{whole(facts['added'])} of them were added to the base's own vocabulary."
        if len(trace) > 1:
            epsilon = _setting(manifest.get("settings", {}), "epsilon")
            yield Drawing(
                figures.vocabulary_trace(trace, chosen, epsilon, facts.get("verified", ())),
                "vocabulary",
                "Vocabulary sizes tried, and the one chosen",
            )
        if verified := facts.get("verified"):
            yield Table(
                ("Size", "ALP, nats", "Trained for real", "Difference"),
                "rrrr",
                [
                    (
                        whole(row["size"]),
                        _known(row["nested"], 2),
                        _known(row["trained"], 2),
                        _known(row["difference"], 2),
                    )
                    for row in verified
                ],
            )
        rows: list[tuple[str | Cell, ...]] = [
            (
                whole(row["size"]),
                _known(row.get("alp")),
                _known(row.get("gain")),
                _known(row.get("tokens_per_word"), 2),
                _known(100 * row["unknown_share"], 2) if "unknown_share" in row else "",
                duration(row.get("seconds")),
            )
            for row in trace
        ]
        heads = ("Size", "ALP, nats", "Gain", "Tokens per word", "Unknown characters, %", "Time")
        yield Fold("Every size tried", [Table(heads, "rrrrrr", rows)])


def _embeddings(run: Run) -> Iterator[Block]:
    for manifest in run.of("embed"):
        facts, examples = manifest["facts"], manifest["facts"].get("examples", {})
        yield (
            f"Initialised by `{facts['method']}`. {whole(facts['searched_source_tokens'])} of the "
            f"base's {whole(facts['source_vocab'])} tokens occur in the text and could be aligned."
        )
        if facts.get("held_out_precision") is not None:
            yield (
                f"Of {whole(facts['held_out_tokens'])} held-out shared tokens "
                f"{facts['held_out_precision']:.0%} find themselves again in the space "
                f"`{facts.get('held_out_space', 'of the semantic step')}` (P@1)."
            )
        if facts.get("semantic_step_off"):
            yield f"The semantic step is off: {facts['semantic_step_off']}."
        elif "semantic_space" in facts:
            yield f"The semantic step aligns tokens in the space `{facts['semantic_space']}`."
        yield counts_table(facts["counts"])
        if lexical := examples.get("lexical"):
            shown = " · ".join(lexical[: 2 * _EXAMPLES])
            yield Table(
                ("Lexical: the same token on both sides",), "l", [(Cell(shown, False, "und"),)]
            )
        if semantic := examples.get("semantic"):
            pairs: list[tuple[str | Cell, ...]] = [
                (Cell(token, False, run.target), Cell(source, False, "und"), decimal(cosine, 2))
                for token, source, cosine in semantic[:_EXAMPLES]
            ]
            heads = ("Semantic: target token", "takes the row of", "Cosine")
            yield Table(heads, "llr", pairs, note=_JUDGE)
        if mixed := examples.get("mixed"):
            sums: list[tuple[str | Cell, ...]] = [
                (
                    Cell(token, False, run.target),
                    Cell(
                        " + ".join(f"{decimal(w, 2)} {part}" for part, w in parts),
                        False,
                        run.target,
                    ),
                )
                for token, parts in mixed[:_EXAMPLES]
            ]
            yield Table(("Mixed: target token", "is the weighted sum of"), "ll", sums)


_JUDGE = (
    "Whoever reads the language can judge: do these pairs mean related things? If not, the "
    "semantic step had too little to work on, and the sums below rest on it."
)


def _adapted(run: Run, method: str) -> list[Mapping[str, Any]]:
    """The method's adaptations to the target language; usually one."""
    return [m for m in run.of("adapt", method) if m["facts"]["language"] == run.target]


def _training(run: Run) -> Iterator[Block]:
    own = _adapted(run, MAIN)
    for manifest in own:
        facts = manifest["facts"]
        said = (
            f"{run.target_name}: {whole(facts['steps'])} steps, {facts['epochs']:g} epochs over "
            f"{whole(facts['samples'])} samples, {whole(facts['tokens_seen'])} tokens seen; weight "
            f"of the KL term {facts['kl_weight']:g}."
        )
        held_out = [r["valid_loss"] for r in facts["curve"] if r.get("valid_loss") is not None]
        if held_out:
            # where training may end early, the best weights are the ones kept
            early = _setting(manifest.get("settings", {}), "patience")
            last = min(held_out) if early else held_out[-1]
            said += (
                f" Held-out loss {decimal(last, 2)} nats per masked token "
                f"(perplexity {decimal(exp(last))})."
            )
            if facts.get("stopped_early"):
                said += " Training ended early, since it fell no more."
        if facts.get("teacher_unknown_rate") is not None:
            share = 100 * facts["teacher_unknown_rate"]
            said += f" The frozen base reads {decimal(share)}% of the text as unknown tokens."
        yield said
        if search := facts.get("rate_search"):
            yield Table(
                ("Learning rate", "Steps", "Held-out loss, nats"),
                "rrr",
                [
                    (f"{t['rate']:g}", whole(t["steps"]), _known(t["valid_loss"], 3))
                    for t in search["trials"]
                ],
                note=f"Rates tried by successive halving in {whole(search['steps'])} steps; "
                f"{search['rate']:g} was chosen.",
            )
    sources = [m for m in run.of("adapt") if m not in own]
    tasks = run.of("train-task")
    used = [*own, *sources, *tasks]
    rest = [m for m in run.stages.values() if "curve" in m["facts"] and m not in used]
    yield from _curves(own, "adaptation", "Adaptation to the target language, nats")
    yield from _curves(sources, "sources", "Adaptation to the source languages, nats")
    yield from _curves(tasks, "tasks", "Task adapters, nats per label")
    others = list(_curves(rest, "others", "Training of the other methods, nats"))
    if others:
        yield Fold("Loss curves of the other methods", others)


def _curves(manifests: Sequence[Mapping[str, Any]], name: str, title: str) -> Iterator[Block]:
    curves = {
        f"{manifest['stage']} {manifest['name']}": rows
        for manifest in manifests
        if (rows := manifest["facts"].get("curve"))
    }
    if curves:
        yield Drawing(figures.loss_curves(curves), f"loss-{name}", title)


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


def _predictions(run: Run) -> list[Block]:
    from unibridge.text.labels import read_labels

    paths = {m: run.folder / p for m, p in run.about.get("predictions", {}).items()}
    labels = {row.newest.method: row.label for row in run.scores} | {"gold": "Gold"}
    # gold first, then the main method, then the order given
    order = sorted(paths, key=lambda method: (method != "gold", method != MAIN))
    read, unread = {}, []
    for path, label in ((paths[method], labels.get(method, method)) for method in order):
        if not path.exists():
            continue
        # an unusual format must not cost the user the rest of the report
        try:
            read[label] = [_pieces(example) for example in read_labels(path).examples]
        except UnibridgeError as error:
            unread.append(f"{label}: not shown ({error})")
    notes: list[Block] = [Bullets(unread)] if unread else []
    if not read:
        return notes
    shown = min(_SENTENCES, *(len(sentences) for sentences in read.values()))
    examples = [[(label, read[label][i]) for label in read] for i in range(shown)]
    return [
        f"The first {shown} of the test set, not chosen.",
        Samples(run.target, examples),
        *notes,
    ]


def _pieces(example: Any) -> list[tuple[str, str]]:
    """(text, tag) pieces of a tagged sentence or a labelled text; words of one span together."""
    if not hasattr(example, "words"):
        text = example.text if example.second is None else f"{example.text} / {example.second}"
        return [(text, ""), ("→", str(example.label))]
    pieces: list[tuple[str, str]] = []
    open_type = ""
    for word, tag in zip(example.words, example.tags, strict=True):
        prefix, _, kind = tag.partition("-")
        inside = prefix == "I" and kind == open_type
        name = "" if tag == "O" else kind or tag
        if inside or (pieces and not name and not pieces[-1][1]):
            pieces[-1] = (f"{pieces[-1][0]} {word}", name)
        else:
            pieces.append((word, name))
        open_type = kind
    return pieces


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


def _setting(settings: Any, name: str) -> float | None:
    """The first numeric setting of that name, however deep the stage keeps it."""
    if not isinstance(settings, Mapping):
        return None
    if isinstance(settings.get(name), int | float):
        return settings[name]
    return next((v for s in settings.values() if (v := _setting(s, name)) is not None), None)


def _known(value: float | None, digits: int = 1) -> str:
    return "" if value is None else decimal(value, digits)
