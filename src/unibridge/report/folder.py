"""What a finished run left in its folder, read for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unibridge.artifacts import MANIFEST, read_json, read_manifest
from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import Records, read_results
from unibridge.report.scores import REFERENCE, MethodScore, method_scores


@dataclass(frozen=True)
class Run:
    """about: run.json. stages: folder name -> manifest, finished ones only, in order of use."""

    folder: Path
    about: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]
    records: Records
    scores: list[MethodScore]

    @property
    def target(self) -> str:
        """The target language's code."""
        return str(self.about.get("target", ""))

    @property
    def target_name(self) -> str:
        """The target language's name, or its code where it has none."""
        return str(self.about.get("target_name") or self.target)

    @property
    def reference(self) -> str:
        """The method that the report is about, by name."""
        return str(self.about.get("reference") or REFERENCE)

    def of(self, stage: str, method: str = "") -> list[Mapping[str, Any]]:
        """Finished manifests of one stage that a method used; of all methods if it has no list.

        method: unset: the one that the report is about.
        """
        names = self.about.get("method_stages", {}).get(method or self.reference, self.stages)
        found = [self.stages[name] for name in names if name in self.stages]
        return [manifest for manifest in found if manifest["stage"] == stage]


def read_run(folder: Path) -> Run:
    """Read run.json, the manifests of the stages it names, and results.jsonl."""
    if not (folder / "run.json").exists():
        raise UnibridgeError(
            "not a run folder: it has no run.json",
            where=folder,
            do="pass the folder that `unibridge run` wrote",
        )
    about = read_json(folder / "run.json")
    named = list(dict.fromkeys(n for ns in about.get("method_stages", {}).values() for n in ns))
    if few := about.get("few_shot"):
        named.append(few)
    if not named:
        # folders that start with a dot are stages under way
        named = sorted(p.parent.name for p in folder.glob(f"[!.]*/{MANIFEST}"))
    stages = {n: read_manifest(folder / n) for n in named if (folder / n / MANIFEST).exists()}
    records = read_results(folder / "results.jsonl")
    target, task = about.get("target"), about.get("task")
    own = [r for r in records.results if r.target == target and r.task == task]
    scores = method_scores(own, reference=str(about.get("reference") or REFERENCE))
    return Run(folder, about, stages, records, scores)
