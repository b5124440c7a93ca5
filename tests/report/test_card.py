import re

import yaml

from unibridge.evaluation.records import Result
from unibridge.pack.card import model_card

FACTS = {
    "name": "am-ner",
    "language": "no",
    "language_name": "Norwegian",
    "base_model": "org/base: #1",
    "task": "ner",
    "pipeline_tag": "token-classification",
    "metric": "F1",
    "labels": ["O", "B-LOC"],
    "example": 'Hei "verden"',
    "text": {"words": 40_000, "samples": 312.5, "files": ["text/no.txt"]},
    "vocabulary": 2500,
    "counts": {"lexical": 1, "mixed": 3},
    "sources": ["en", "ru"],
    "label_files": {"en": "labels/en.conll"},
    "weighting": "harmony",
    "weights": {"en": 0.6, "ru": 0.4},
    "scores": [Result("unibridge", "UniBridge", "no", "ner", "F1", 41.2, 39.0, 43.4, 600, 0)],
    "warnings": ["Only 12 pairs were aligned."],
    "versions": {"torch": "2.13.0"},
}


def front_matter(card):
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


def test_front_matter_survives_a_yaml_reader():
    front = front_matter(model_card(FACTS))
    # bare `no` would be read as False, and a colon would end the key
    assert front["language"] == ["no"] and front["base_model"] == "org/base: #1"
    assert front["pipeline_tag"] == "token-classification" and front["metrics"] == ["f1"]
    assert "unibridge" in front["tags"] and front["license"] == "unknown"


def test_a_given_licence_is_stated():
    assert front_matter(model_card({**FACTS, "license": "cc-by-4.0"}))["license"] == "cc-by-4.0"


def test_the_example_is_python_that_compiles():
    code = re.search(r"```python\n(.*?)```", model_card(FACTS), re.S).group(1)
    compile(code, "card", "exec")
    assert 'unibridge.load("path/to/this/folder")' in code and r'"Hei \"verden\""' in code


def test_data_scores_weights_and_warnings_are_in_the_card():
    card = model_card(FACTS)
    for text in ("40,000 words", "labels/en.conll", "[39.0, 43.4]", "| en     |  0.600 |"):
        assert text in card
    assert "Only 12 pairs were aligned." in card.split("## Limits")[1]


def test_little_is_enough_and_a_pack_without_scores_says_so():
    card = model_card({"language": "am"})
    assert "has not been scored" in card
    assert "## Scores" not in card and "## Data" not in card and "None" not in card
