"""What a report says of the stages: the vocabulary, the embeddings, the training."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import Any

from unibridge.report import figures
from unibridge.report.document import Block, Drawing, Fold
from unibridge.report.folder import Run
from unibridge.report.tables import Cell, Table, counts_table, decimal, duration, whole

# how many a reader is shown; the first ones, so nothing is picked by hand
_EXAMPLES = 24


def vocabulary(run: Run) -> Iterator[Block]:
    """Which sizes were tried, and the one chosen."""
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


def embeddings(run: Run) -> Iterator[Block]:
    """What the new rows were made of, with examples to judge by."""
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


def adapted(run: Run, method: str) -> list[Mapping[str, Any]]:
    """The method's adaptations to the target language; usually one."""
    return [m for m in run.of("adapt", method) if m["facts"]["language"] == run.target]


def training(run: Run) -> Iterator[Block]:
    """Loss curves, and what the rate was chosen from."""
    own = adapted(run, run.reference)
    for manifest in own:
        facts = manifest["facts"]
        said = (
            f"{run.target_name}: {whole(facts['steps'])} steps, {facts['epochs']:g} epochs over "
            f"{whole(facts['samples'])} samples, {whole(facts['tokens_seen'])} tokens seen; weight "
            f"of the KL term {facts['kl_weight']:g}."
        )
        if units := facts.get("distilled_units"):
            said += f" {whole(units)} words' states were matched to the base's."
        if (held_out := held_out_loss(manifest)) is not None:
            last = held_out["valid_loss"]
            of_words = facts.get("lm_weight") == 0
            unit = (
                "of the variance of words' states in the base"
                if of_words
                else f"nats per masked token (perplexity {decimal(exp(last))})"
            )
            said += f" Held-out loss {_with_error(held_out)} {unit}{_over(facts)}."
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
                    (f"{t['rate']:g}", whole(t["steps"]), _with_error(t, 3))
                    for t in search["trials"]
                ],
                note=f"Rates tried by successive halving in {whole(search['steps'])} steps; "
                f"{rate_chosen(search)}.",
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


def held_out_loss(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row of the curve whose weights were kept; None without held-out data."""
    rows = [r for r in manifest["facts"].get("curve", ()) if r.get("valid_loss") is not None]
    if not rows:
        return None
    # where training may end early, the best weights are the ones kept
    early = _setting(manifest.get("settings", {}), "patience")
    return min(rows, key=lambda row: row["valid_loss"]) if early else rows[-1]


def rate_chosen(search: Mapping[str, Any]) -> str:
    """Which rate won, and which others the held-out text cannot tell from it."""
    said = f"{search['rate']:g} was chosen"
    if close := search.get("unsettled"):
        named = ", ".join(f"{rate:g}" for rate in close)
        said += f", though {named} came within one standard error of it"
    return said


def held_out_lines(run: Run) -> list[str]:
    """What the terminal says of the target's held-out loss and of the rate."""
    lines = []
    for manifest in adapted(run, run.reference):
        row, facts = held_out_loss(manifest), manifest["facts"]
        if row is None:
            continue
        search = facts.get("rate_search")
        lines.append(
            f"{run.target_name}: held-out loss {_with_error(row)}"
            f"{' of the variance' if facts.get('lm_weight') == 0 else ' nats'}{_over(facts)}"
            + (f"; of the rates {rate_chosen(search)}" if search else "")
            + "."
        )
    return lines


def _with_error(row: Mapping[str, Any], digits: int = 2) -> str:
    error = row.get("valid_error")
    said = _known(row["valid_loss"], digits)
    return said if error is None else f"{said} ± {decimal(error, digits)}"


def _over(facts: Mapping[str, Any]) -> str:
    count = facts.get("held_out_samples")
    return f", ± one standard error over {whole(count)} samples" if count and count > 1 else ""


def _curves(manifests: Sequence[Mapping[str, Any]], name: str, title: str) -> Iterator[Block]:
    curves = {
        f"{manifest['stage']} {manifest['name']}": rows
        for manifest in manifests
        if (rows := manifest["facts"].get("curve"))
    }
    if curves:
        yield Drawing(figures.loss_curves(curves), f"loss-{name}", title)


def _setting(settings: Any, name: str) -> float | None:
    """The first numeric setting of that name, however deep the stage keeps it."""
    if not isinstance(settings, Mapping):
        return None
    if isinstance(settings.get(name), int | float):
        return settings[name]
    return next((v for s in settings.values() if (v := _setting(s, name)) is not None), None)


def _known(value: float | None, digits: int = 1) -> str:
    return "" if value is None else decimal(value, digits)
