from toy_study import Toy, write_study
from unibridge.transfer_study.summary import table


def test_two_bases_of_one_folder_have_a_table_each(tmp_path):
    plan = {
        "transfer": [{"code": "en", "names": ["English"]}],
        "tasks": {"pos": {"metric": "accuracy"}},
    }
    rows = []
    for model, gain in (("small", 2.0), ("large", 20.0)):
        cells = Toy(lambda *_, gain=gain: gain, noise=0.0).cells(["en"], ["am"])
        rows += [{**row, "model": model} for row in cells]
    printed = table(write_study(tmp_path / "both", rows, **plan))
    assert "small, pos (accuracy)" in printed and "large, pos (accuracy)" in printed
    means = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("English")]
    assert len(means) == 2 and abs(means[0] - 2) < 3 and abs(means[1] - 20) < 3
    alone = table(write_study(tmp_path / "one", rows[: len(rows) // 2], **plan))
    assert alone.startswith("pos (accuracy)")
