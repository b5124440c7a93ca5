"""No branch on which task it is, or on what kind of example, stands outside of tasks/ and text/.

What a task's labels are, how they cross a translation and what is asked in a prompt is the task's
own to say, so that one of the user's own goes wherever a registered one does.
"""

import ast
from pathlib import Path
from typing import get_args

from unibridge.tasks import TASKS
from unibridge.tasks.base import Task
from unibridge.text.examples import Expected

SOURCE = Path(__file__).parents[1] / "src" / "unibridge"
KINDS = {*get_args(Expected), *TASKS}
# where a kind or a name would stand in a comparison
PLACES = {"reads", "expect", "kind", "name", "task", "crossing"}
EXAMPLES = {"TaggedSentence", "LabelledText", "Question"}
CLASSES = EXAMPLES | {
    one.__name__ for task in TASKS.values() for one in type(task).__mro__ if issubclass(one, Task)
} - {"Task"}
FIELDS = {"words", "tags", "second", "answers"}
FILES = [
    file
    for file in sorted(SOURCE.rglob("*.py"))
    if file.relative_to(SOURCE).parts[0] not in ("tasks", "text")
]


def last(node):
    """The name that an expression ends in, or None."""
    return getattr(node, "attr", getattr(node, "id", None))


def constants(node):
    """Strings written in an expression, one or several."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return {part.value for part in parts if isinstance(part, ast.Constant)}


def asks_which(node):
    """Whether a node of code asks which task or what kind of example something is."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        named, written = set(map(last, sides)), set().union(*map(constants, sides))
        return bool(named & PLACES and written & KINDS)
    if isinstance(node, ast.Match):
        return last(node.subject) in PLACES
    if isinstance(node, ast.Subscript):
        return last(node.slice) == "reads"
    if not isinstance(node, ast.Call) or not node.args:
        return False
    if last(node.func) == "isinstance":
        return bool({last(part) for part in ast.walk(node.args[1])} & CLASSES)
    if last(node.func) == "get":
        return last(node.args[0]) == "reads"
    return last(node.func) in ("hasattr", "getattr") and bool(constants(node.args[1]) & FIELDS)


def branches(tree):
    """Lines of a file that do."""
    return sorted(node.lineno for node in ast.walk(tree) if asks_which(node))


def test_no_branch_on_the_task():
    found = {
        str(file.relative_to(SOURCE)): branches(ast.parse(file.read_text(encoding="utf-8")))
        for file in FILES
    }
    assert len(found) > 200 and {file: lines for file, lines in found.items() if lines} == {}


def test_the_check_sees_branches_of_every_form():
    seen = (
        'task.reads == "question"\n'
        'run.reads not in ("text", "pair")\n'
        '{"text": 1}[task.reads]\n'
        "ways.get(task.reads)\n"
        'config.task.kind != "ner"\n'
        "isinstance(example, TaggedSentence | Question)\n"
        "isinstance(task, TaggingTask)\n"
        'hasattr(example, "words")\n'
    )
    fine = (
        'settings.mixing == "words"\n'
        "section in method.reads\n"
        'unit.kind == "fusion"\n'
        "isinstance(found, Task)\n"
        'getattr(example, "text")\n'
        "read_labels(file, expect=task.reads)\n"
    )
    assert branches(ast.parse(seen)) == list(range(1, 9))
    assert branches(ast.parse(fine)) == []
