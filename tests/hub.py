"""Data sets in the form of the hub, made here: `datasets` reads a folder as it reads an id."""

import datasets
import yaml


def hub_folder(folder, monkeypatch, splits, config="default", features=None):
    """Write org/name below the folder, {split: rows} as one configuration, and work from there."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
    root = folder / "org" / "name"
    root.mkdir(parents=True, exist_ok=True)
    files = []
    for split, rows in splits.items():
        path = f"{config}-{split}.parquet"
        datasets.Dataset.from_list(rows, features=features).to_parquet(root / path)
        files.append({"split": split, "path": path})
    card = root / "README.md"
    known = yaml.safe_load(card.read_text().strip("-\n"))["configs"] if card.exists() else []
    known.append({"config_name": config, "data_files": files})
    card.write_text(f"---\n{yaml.safe_dump({'configs': known})}---\n")
