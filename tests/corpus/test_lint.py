"""Each fault is found with its rows, and where there is none, none is."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from communique import bundled
from communique.codebook import Codebook, Label, bundled_codebook
from communique.corpus.lint import Finding, Report, Sheet, gather, inspect, sheet_of
from communique.corpus.source import read


@dataclass
class Rows:
    """Rows that a test may spoil."""

    texts: list[str | None]
    labels: list[str | None]
    groups: list[str | None]
    ids: list[str]
    source: str

    def sheet(self) -> Sheet:
        return sheet_of(self.texts, self.labels, self.groups, self.ids, source=self.source)

    def add(self, text: str | None, label: str | None = "none", group: str | None = "planted") -> str:
        self.texts.append(text)
        self.labels.append(label)
        self.groups.append(group)
        self.ids.append(f"planted-{len(self.ids)}")
        return f"{self.source}:{len(self.texts)}"


def bundled_rows(start: int, stop: int, source: str) -> Rows:
    lines = (bundled.DATA / "statements" / "train-01.jsonl").read_text("utf-8").splitlines()[start:stop]
    rows = [json.loads(line) for line in lines]
    return Rows(*([row[key] for row in rows] for key in ("text", "label", "scenario", "id")), source)


@pytest.fixture
def data() -> Rows:
    return bundled_rows(0, 300, "data.csv")


@pytest.fixture
def holdout(data: Rows) -> Rows:
    held = bundled_rows(300, 500, "held.csv")
    kept = [number for number, group in enumerate(held.groups) if group not in data.groups]
    columns = ([column[number] for number in kept] for column in (held.texts, held.labels, held.groups, held.ids))
    return Rows(*columns, held.source)


SAID = "The Council of Varnholt rejects the note of the fourth of May and recalls its envoy from the talks at once"


def only(report: Report, kind: str) -> Finding:
    """Return the finding of this kind, and see that there is no other."""
    assert [finding.kind for finding in report.findings] == [kind]
    (finding,) = report.findings
    assert report.sound is (finding.severity == "warning")
    assert all(name in finding.sentence for name in finding.rows[:1])
    assert ".." not in finding.sentence.replace("...", "")
    assert "?." not in finding.sentence
    return finding


def test_nothing_is_found_where_nothing_is_wrong(data: Rows, holdout: Rows) -> None:
    report = inspect(data.sheet(), holdout.sheet(), bundled_codebook())
    assert report.findings == ()
    assert report.sound
    assert report.sentences[-1] == "Sound to train on."
    assert sum(report.labels.values()) == report.statements == 300
    assert report.sentences[0].startswith("300 statements (")


@pytest.mark.parametrize("blank", [None, "", "  \n\t", "\u00a0"])
def test_empty_rows(data: Rows, blank: str | None) -> None:
    data.add(SAID)
    places = (data.add(blank), data.add(blank, None))
    finding = only(inspect(data.sheet()), "empty-texts")
    assert finding.rows == places
    assert finding.sentence.startswith("2 rows have no text (data.csv:302 and data.csv:303): ")


def test_no_text_at_all() -> None:
    kinds = {finding.kind for finding in inspect(sheet_of([None, " "], ["a", "b"])).errors}
    assert "no-statements" in kinds
    assert not inspect(sheet_of([])).sound


def test_copies(data: Rows) -> None:
    first = f"data.csv:{1}"
    places = (data.add(f"\u201c{data.texts[0]}\u201d".upper(), data.labels[0], data.groups[0]),)
    finding = only(inspect(data.sheet()), "copies")
    assert finding.rows == (first, *places)
    assert finding.sets == ((first, *places),)
    assert f"{first} = {places[0]}" in finding.sentence


def test_a_text_that_stands_often_is_one_set(data: Rows) -> None:
    places = [data.add(SAID) for _ in range(7)]
    finding = only(inspect(data.sheet()), "copies")
    assert finding.sets == (tuple(places),)
    assert finding.sentence.startswith(
        f"6 statements repeat another word for word ({places[0]} = ... = {places[-1]}): "
    )


@pytest.mark.parametrize(("label", "note"), [("none", False), ("dismissive", True)])
def test_near_copies(data: Rows, label: str, note: bool) -> None:
    places = data.add(SAID), data.add(SAID.replace("fourth", "fifth"), label)
    finding = only(inspect(data.sheet()), "near-copies")
    assert finding.sets == (places,)
    assert ("different labels in 1 of 1 sets" in finding.sentence) is note


@pytest.mark.parametrize(("before", "severity"), [(300, "warning"), (100, "error")])
def test_conflicting_labels(before: int, severity: str) -> None:
    data = bundled_rows(0, before, "data.csv")
    places = data.add(SAID, "dismissive"), data.add(SAID.lower(), "escalatory")
    report = inspect(data.sheet())
    found = [finding for finding in report.findings if finding.kind == "conflicting-labels"]
    assert [(finding.severity, finding.sets) for finding in found] == [(severity, (places,))]
    assert not [finding for finding in report.findings if finding.kind == "copies"]


def test_a_missing_label(data: Rows) -> None:
    place = data.add(SAID, None)
    assert only(inspect(data.sheet()), "missing-labels").rows == (place,)
    data.labels[-1] = "  "
    assert only(inspect(data.sheet()), "missing-labels").rows == (place,)


def test_no_labels(data: Rows) -> None:
    finding = only(inspect(sheet_of(data.texts)), "no-labels")
    assert finding.rows == ()


def test_one_label(data: Rows) -> None:
    finding = only(inspect(sheet_of(data.texts, ["none"] * 300)), "one-label")
    assert finding.sentence == "Every statement has the label 'none': there is nothing to tell apart."


def test_a_typo_in_a_label(data: Rows) -> None:
    place = data.add(SAID, "escalatroy")
    finding = only(inspect(data.sheet()), "label-typos")
    assert finding.rows == (place,)
    assert "did you mean 'escalatory'" in finding.sentence
    assert only(inspect(data.sheet(), codebook=bundled_codebook()), "label-typos").rows == (place,)


@pytest.mark.parametrize("label", ["Escalatory", " escalatory", "\u0435scalatory"])
def test_a_variant_of_a_label(data: Rows, label: str) -> None:
    place = data.add(SAID, label)
    assert only(inspect(data.sheet()), "label-variants").rows == (place,)
    assert only(inspect(data.sheet(), codebook=bundled_codebook()), "label-variants").rows == (place,)


def test_a_label_that_the_codebook_does_not_have(data: Rows) -> None:
    place = data.add(SAID, "escalate")
    finding = only(inspect(data.sheet(), codebook=bundled_codebook()), "unknown-labels")
    assert finding.rows == (place,)
    assert "'escalate' (did you mean 'escalatory'?)" in finding.sentence
    assert all(name in finding.sentence for name in bundled_codebook().names)


def test_a_label_that_only_the_holdout_has(data: Rows, holdout: Rows) -> None:
    place = holdout.add(SAID, "weather")
    assert only(inspect(data.sheet(), holdout.sheet()), "unknown-labels").rows == (place,)


@pytest.mark.parametrize(("count", "severity"), [(1, "error"), (2, "warning"), (9, "warning")])
def test_a_rare_label(data: Rows, count: int, severity: str) -> None:
    places = tuple(data.add(f"{'word ' * number}envoy {number} recalled", "ultimatum", None) for number in range(count))
    data.groups = [None] * len(data.groups)
    finding = only(inspect(data.sheet()), "rare-labels")
    assert (finding.severity, finding.rows) == (severity, places)
    assert f"ultimatum ({count})" in finding.sentence


def test_a_label_of_the_codebook_that_no_row_has(data: Rows) -> None:
    book = bundled_codebook()
    more = Codebook((*book.labels, Label("ultimatum")))
    finding = only(inspect(data.sheet(), codebook=more), "rare-labels")
    assert (finding.severity, finding.rows) == ("error", ())
    assert "ultimatum (0)" in finding.sentence


def test_a_column_of_texts_is_not_taken_for_labels(data: Rows) -> None:
    report = inspect(sheet_of(data.texts, [text[:30] for text in data.texts]))
    assert "give the column that holds the labels" in only(report, "rare-labels").sentence


def test_a_dominant_label(data: Rows) -> None:
    data.labels = ["none" if number % 12 else "escalatory" for number in range(300)]
    finding = only(inspect(sheet_of(data.texts, data.labels)), "dominant-label")
    assert finding.sentence.startswith("92% of the statements have the label 'none'")


def test_a_label_that_the_length_tells(data: Rows) -> None:
    data.labels = ["none" if len(text.split()) > 28 else "escalatory" for text in data.texts]
    finding = only(inspect(sheet_of(data.texts, data.labels)), "label-by-length")
    assert finding.sentence.startswith("The number of words alone tells the label of 100% of the statements")


def test_copies_in_the_holdout(data: Rows, holdout: Rows) -> None:
    ours, theirs = data.add(SAID), holdout.add(f"{SAID}!", group="other")
    finding = only(inspect(data.sheet(), holdout.sheet()), "leaked-copies")
    assert finding.sets == ((ours, theirs),)
    assert not inspect(data.sheet(), holdout.sheet()).sound


def test_near_copies_in_the_holdout(data: Rows, holdout: Rows) -> None:
    ours, theirs = data.add(SAID), holdout.add(SAID.replace("May", "June"), group="other")
    finding = only(inspect(data.sheet(), holdout.sheet()), "leaked-near-copies")
    assert finding.sets == ((ours, theirs),)


def test_groups_on_both_sides(data: Rows, holdout: Rows) -> None:
    ours, theirs = data.add(SAID), holdout.add("Nothing of the kind has been said by anybody in Varnholt")
    finding = only(inspect(data.sheet(), holdout.sheet()), "leaked-groups")
    assert finding.sets == ((ours, theirs),)
    assert "'planted'" in finding.sentence


def test_rows_without_a_group_among_others(data: Rows) -> None:
    place = data.add(SAID, group=None)
    assert only(inspect(data.sheet()), "missing-groups").rows == (place,)


def test_a_label_in_one_group(data: Rows) -> None:
    places = tuple(data.add(f"{'word ' * number}envoy {number} recalled", "ultimatum") for number in range(12))
    finding = only(inspect(data.sheet()), "label-in-one-group")
    assert finding.rows == places
    assert "'planted'" in finding.sentence


def test_too_few_groups(data: Rows) -> None:
    three = [f"group {number % 3}" for number in range(300)]
    finding = only(inspect(sheet_of(data.texts, data.labels, three)), "too-few-groups")
    assert finding.sentence.startswith("The data has only 3 groups of statements")
    assert inspect(sheet_of(data.texts, data.labels, three), folds=3).findings == ()


def test_an_id_that_stands_twice(data: Rows, holdout: Rows) -> None:
    data.ids[7] = data.ids[2]
    holdout.ids[0] = data.ids[0]  # the same id on both sides is none of our business
    assert only(inspect(data.sheet(), holdout.sheet()), "repeated-ids").sets == (("data.csv:3", "data.csv:8"),)


def broken(text: str, encoding: str) -> str:
    """Read UTF-8 as something else; what that has no letter for becomes a control character, as in browsers."""
    return "".join(bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in text.encode())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("broken-encoding", "Le pr\ufffdsident a parl\ufffd hier"),
        *(
            ("broken-encoding", broken(text, "cp1252"))
            for text in (
                "Le pr\u00e9sident a parl\u00e9 hier",
                "We won\u2019t negotiate with them",
                "The talks \u2013 if any \u2013 are off",
                "\u041c\u044b \u0433\u043e\u0442\u043e\u0432\u044b \u043a \u0434\u0438\u0430\u043b\u043e\u0433\u0443",
                "\u0646\u062d\u0646 \u0645\u0633\u062a\u0639\u062f\u0648\u0646 \u0644\u0644\u062d\u0648\u0627\u0631",
                "\u4e2d\u65b9\u575a\u51b3\u53cd\u5bf9",
                "\u0938\u0930\u0915\u093e\u0930 \u0928\u0947 \u0915\u0939\u093e",
                "Nothing to say about it \U0001f600",
            )
        ),
        ("broken-encoding", broken("\u041c\u044b \u0433\u043e\u0442\u043e\u0432\u044b \u043a", "cp1251")),
        ("broken-encoding", broken("We won\u2019t negotiate", "cp1251")),
        ("control-characters", "The envoy\x00 was recalled"),
        ("control-characters", "The envoy\x0c was recalled"),
        ("invisible-characters", "\ufeffThe envoy was recalled"),
        ("invisible-characters", "The en\u00advoy was recalled"),
        ("markup", "The army &amp; the navy stand ready"),
        ("markup", "<p>The envoy was recalled</p>"),
        ("markup", "The envoy was recalled<br/>and left"),
        ("markup", 'The <a href="x">envoy</a> was recalled'),
        ("decomposed-letters", "Le pre\u0301sident a parle\u0301"),
        ("short-texts", "Never."),
        ("long-texts", " ".join(f"word{number}" for number in range(2001))),
    ],
)
def test_faults_of_a_text(data: Rows, kind: str, text: str) -> None:
    place = data.add(text)
    report = inspect(data.sheet())
    if kind == "broken-encoding":  # what is broken may have control characters and the like as well
        report = replace(report, findings=tuple(finding for finding in report.findings if finding.kind == kind))
    assert only(report, kind).rows == (place,)


@pytest.mark.parametrize(
    "text",
    [
        "AMANH\u00c3\u2026 disse o ministro, e n\u00e3o a IRM\u00c3\u201d",
        (
            "\u00c0 Bras\u00edlia, \u00ab\u00a0\u00c2ge d\u2019or\u00a0\u00bb, caf\u00e9\u201d\u2026 "
            "na\u00efvet\u00e9\u2019\u201d"
        ),
        (
            "\u0420\u0421\u0424\u0421\u0420 \u0421\u0421\u0421\u0420: "
            "\u0420\u0401\u0411\u0420\u0410, \u0421\u0456\u0447, \u00ab\u0420\u00bb"
        ),
        "\u00d1and\u00fa, \u00d0or\u00f0ur and \u00d8rsted met at 7 < 9 > 3 & left; R&D; a<b",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u06cc\u0645 \u0635\u0644\u062d",
        "\u0939\u092e \u0936\u093e\u0902\u0924\u093f \u091a\u093e\u0939\u0924\u0947 \u0939\u0948\u0902",
        "First line\n\tsecond line\r\nthird",
    ],
)
def test_sound_text_of_any_language_is_left_alone(data: Rows, text: str) -> None:
    data.add(text)
    assert inspect(data.sheet()).findings == ()


def test_errors_come_first_and_the_last_sentence_is_the_verdict(data: Rows) -> None:
    data.add("Never.", None)
    report = inspect(data.sheet())
    assert [finding.severity for finding in report.findings] == ["error", "warning"]
    assert [sentence.split(":")[0] for sentence in report.sentences[1:-1]] == ["error", "warning"]
    assert report.sentences[-1] == "Training on this would be unsound: 1 error to mend; 1 warning is worth a look."


def test_every_sentence_is_one_and_the_report_is_plain_json(data: Rows, holdout: Rows) -> None:
    for text, label in (
        (SAID, "none"),
        (SAID, "dismissive"),
        ("Never.", None),
        ("caf\u00c3\u00a9 au lait", "Escalatory"),
    ):
        data.add(text, label)
    holdout.add(SAID, "weather")
    report = inspect(data.sheet(), holdout.sheet())
    assert len(report.findings) >= 7
    for finding in report.findings:
        assert finding.sentence[0].isupper() or finding.sentence[0].isdigit()
        assert finding.sentence.endswith((".", "?"))
        assert {name for members in finding.sets for name in members} <= set(finding.rows)
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["sound"] is False
    assert plain["holdout"] == len(holdout.texts)
    assert [entry["kind"] for entry in plain["findings"]] == [finding.kind for finding in report.findings]


def test_rows_are_named_as_their_files_count_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.jsonl"
    one.write_text("text,label\nWe reject the note of Varnholt,a\n,b\n", "utf-8")
    two.write_text(
        '{"text": "Never.", "label": "a"}\nnot json\n{"text": "We accept the note", "label": "b"}\n', "utf-8"
    )
    sheet = gather(read([str(one), str(two)], keep_unreadable=True))
    rows = {finding.kind: finding.rows for finding in inspect(sheet).findings}
    assert rows["unreadable-rows"] == (f"{two}:2",)
    assert rows["empty-texts"] == (f"{one}:2",)
    assert rows["short-texts"] == (f"{two}:1",)
    assert len(sheet) == 4


def test_no_batch_at_all_is_no_statement() -> None:
    assert [finding.kind for finding in inspect(gather([])).findings] == ["no-statements", "no-labels"]


def test_the_table_of_the_docstring_names_what_can_be_found() -> None:
    from communique.corpus import lint

    source = Path(lint.__file__).read_text("utf-8")
    code = source.split('"""', 2)[2]
    table = {
        line.split()[0]: line.split()[1] for line in lint.__doc__.split("\n") if line.count("  ") >= 2 and "-" in line
    }
    listed = {kind: severity for kind, severity in table.items() if severity in ("error", "warning", "either")}
    assert len(listed) == 27
    for kind in listed:
        assert f'"{kind}"' in code
