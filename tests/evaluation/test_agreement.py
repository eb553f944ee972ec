import itertools
import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from communique.corpus.labelled import collect
from communique.corpus.source import read
from communique.errors import DataError, UsageError
from communique.evaluation.agreement import MOST_CODERS, Coded, alpha, coded_of, measure_agreement
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.metrics import Judged

LABELS = ("threat", "offer", "none")

# Alpha: Krippendorff's own examples (Computing Krippendorff's Alpha-Reliability, 2011), a column a unit, . for missing.

BINARY = ["0100000010", "1110010000"]
NOMINAL = ["aabbdcccedda", "babbbccceddd"]
FOUR = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]


@pytest.mark.parametrize(
    ("table", "expected"),
    [(BINARY, 0.095), (NOMINAL, 0.692), ([row.split() for row in FOUR], 0.743)],
)
def test_alpha_of_the_published_examples(table, expected):
    assert _alpha(_code(table)).value == pytest.approx(expected, abs=0.0005)


def test_alpha_agrees_with_its_definition_by_coincidences():
    generator = np.random.default_rng(2)
    for _ in range(20):
        codes = generator.integers(-1, 4, size=(30, 4))
        codes = np.where(generator.random((30, 4)) < 0.5, codes[:, :1], codes)
        assert _alpha(codes).value == pytest.approx(_by_coincidences(codes))


def test_alpha_is_one_for_equal_labels_and_undefined_where_nothing_could_differ():
    assert _alpha(np.tile([[0], [1], [2]], 3)).value == 1
    assert np.isnan(_alpha(np.zeros((9, 3), np.int64)).value)
    assert np.isnan(_alpha(np.array([[0, -1], [-1, 1]])).value)


def test_the_interval_of_alpha_holds_the_truth_as_often_as_it_says():
    """Two coders who say the truth with 0.8 and else guess: alpha is 0.64 in the long run."""
    held = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        truth = generator.integers(3, size=120)
        guessed = generator.integers(3, size=(120, 2))
        codes = np.where(generator.random((120, 2)) < 0.8, truth[:, np.newaxis], guessed)
        one = alpha(_counts(codes), np.arange(120), Bootstrap(200))
        held += one.low <= 0.64 <= one.high
    assert 180 <= held <= 200


def test_rows_of_one_group_are_resampled_together():
    codes = _random(300, 3)
    alone = measure_agreement(_coded(codes))
    bound = measure_agreement(_coded(np.repeat(codes, 5, axis=0), np.repeat(np.arange(300), 5)))
    assert bound.alpha.value == pytest.approx(alone.alpha.value, abs=0.001)
    assert bound.alpha.high - bound.alpha.low == pytest.approx(alone.alpha.high - alone.alpha.low, rel=0.02)
    assert (bound.rows, bound.groups) == (5 * alone.rows, alone.groups)


# Of single labels and pairs


def test_a_label_has_the_alpha_of_that_label_against_the_rest():
    codes = _random(200, 3)
    found = measure_agreement(_coded(codes))
    assert list(found.label_alpha) == list(LABELS)
    for code, name in enumerate(LABELS):
        assert found.label_alpha[name].value == pytest.approx(_by_coincidences(np.where(codes < 0, -1, codes == code)))


def test_pairs_agree_with_scikit_learn():
    codes = _random(200, 3)
    found = measure_agreement(_coded(codes))
    assert [(pair.first, pair.second) for pair in found.pairs] == [("A", "B"), ("A", "C"), ("B", "C")]
    for pair, (i, j) in zip(found.pairs, itertools.combinations(range(3), 2), strict=True):
        both = (codes[:, i] >= 0) & (codes[:, j] >= 0)
        one, other = codes[both, i], codes[both, j]
        assert pair.n == both.sum()
        assert pair.agreement.value == pytest.approx(np.mean(one == other))
        assert pair.kappa.value == pytest.approx(cohen_kappa_score(one, other))
        assert pair.kappa.low < pair.kappa.value < pair.kappa.high


def test_coders_who_share_no_row_are_a_pair_of_none():
    found = measure_agreement(_coded(np.array([[0, -1, 0], [-1, 1, 1], [1, -1, 2]])))
    assert [pair.n for pair in found.pairs] == [0, 2, 1]
    assert np.isnan(found.pairs[0].agreement.value)
    json.dumps(found.to_dict(), allow_nan=False)


# The ceiling


def test_a_coder_is_marked_against_the_majority_of_the_others_and_so_is_the_model():
    codes = _random(300, 5)
    model = _model(codes, 0.6)
    found = measure_agreement(_coded(codes), model)
    everyone = []
    for column, one in enumerate(found.ceilings):
        majority = [_majority(np.delete(row, column)) for row in codes]
        known = [row for row in range(300) if majority[row] is not None and codes[row, column] >= 0]
        truth = [majority[row] for row in known]
        everyone += [(majority[row], codes[row, column], model.predicted[row]) for row in known]
        assert (one.coder, one.n) == ("ABCDE"[column], len(known))
        for side, said in (("human", codes[known, column]), ("model", model.predicted[known])):
            marks = getattr(one, side)
            assert marks.accuracy.value == pytest.approx(np.mean(said == np.array(truth)))
            assert marks.macro_f1.value == pytest.approx(f1_score(truth, said, average="macro"))
        assert one.model_less_human.accuracy.value == pytest.approx(one.model.accuracy.value - one.human.accuracy.value)
    truth, human, machine = np.array(everyone).T
    assert found.ceiling.n == len(everyone)
    assert found.ceiling.human.macro_f1.value == pytest.approx(f1_score(truth, human, average="macro"))
    assert found.ceiling.model.kappa.value == pytest.approx(cohen_kappa_score(truth, machine))


def test_with_two_coders_each_is_the_measure_of_the_other():
    codes = _random(100, 2)
    found = measure_agreement(_coded(codes), _model(codes, 0.5))
    (pair,) = found.pairs
    assert [one.human.accuracy.value for one in found.ceilings] == [pytest.approx(pair.agreement.value)] * 2
    for one, with_coder in zip(found.ceilings, found.model_pairs[::-1], strict=True):
        assert one.model.accuracy.value == pytest.approx(with_coder.agreement.value, abs=0.1)


@pytest.mark.parametrize(("share", "verdict"), [(0.3, "is below a coder"), (1.0, "is above a coder")])
def test_the_verdict_on_the_model_is_said(share, verdict):
    codes = _random(400, 3)
    assert any(verdict in remark for remark in measure_agreement(_coded(codes), _model(codes, share)).remarks)


@pytest.mark.parametrize(
    ("share", "words"), [(0.99, "well enough to rely on"), (0.87, "tentative conclusions only"), (0.5, "too little")]
)
def test_alpha_is_put_into_words(share, words):
    assert words in measure_agreement(_coded(_random(500, 3, share))).remarks[0]


def test_json_has_the_ceiling_beside_the_model():
    codes = _random(100, 3)
    facts = json.loads(json.dumps(measure_agreement(_coded(codes), _model(codes, 0.8)).to_dict(), allow_nan=False))
    for name in ("alpha", "humans", "model"):
        low, high = facts["intervals"][name]
        assert low <= facts[name] <= high
    assert [one["coder"] for one in facts["ceilings"]] == [None, "A", "B", "C"]
    assert facts["ceilings"][0]["human"]["macro_f1"] == facts["humans"]
    assert "humans" not in measure_agreement(_coded(codes)).to_dict()


def test_of_a_crowd_only_the_whole_is_told():
    codes = _random(60, MOST_CODERS + 1)
    coders = tuple(f"c{number}" for number in range(MOST_CODERS + 1))
    found = measure_agreement(Coded(codes, LABELS, coders, np.arange(60)), _model(codes, 0.8))
    assert (found.pairs, found.ceilings, found.model_pairs) == ((), (), ())
    assert found.ceiling.n > 60
    assert "Single coders are not listed" in found.remarks[-1]


def test_a_model_of_other_labels_is_refused():
    codes = _random(20, 2)
    model = _model(codes, 0.8)
    with pytest.raises(UsageError, match="do not fit"):
        measure_agreement(Coded(codes, ("a", "b", "c"), ("A", "B"), np.arange(20)), model)


# Reading


def test_coders_are_read_from_lists_or_columns_alike(tmp_path):
    rows = [["threat", "offer", None], ["none", "none"], [], None, ["", "none", "none"]]
    lines = [{"text": f"t{n}", "label": "none", "coders": row, "scenario": "s"} for n, row in enumerate(rows)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    cells = ["threat,offer,", "none,none,", ",,", ",,", ",none,none"]
    (tmp_path / "b.csv").write_text("text,label,x,y,z\n" + "".join(f"t{n},none,{c}\n" for n, c in enumerate(cells)))
    listed = coded_of(_collect(tmp_path / "a.jsonl"), ["coders"], LABELS)
    spread = coded_of(_collect(tmp_path / "b.csv"), ["x", "y", "z"], LABELS)
    assert listed.codes.tolist() == [[0, 1, -1], [2, 2, -1], [-1] * 3, [-1] * 3, [-1, 2, 2]]
    assert np.array_equal(listed.codes, spread.codes)
    assert (listed.coders, spread.coders) == (("coder 1", "coder 2", "coder 3"), ("x", "y", "z"))
    assert len(set(listed.groups.tolist())) == 1
    assert len(set(spread.groups.tolist())) == 5
    assert coded_of(_collect(tmp_path / "b.csv"), ["x", "y", "z"]).labels == ("none", "offer", "threat")


def test_lists_of_arrow_are_read_too(tmp_path):
    import pyarrow.parquet as pq

    lists = pa.array([["threat", "none"], None], pa.list_(pa.string()))
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["none", "none"], "coders": lists}), tmp_path / "a.parquet")
    assert coded_of(_collect(tmp_path / "a.parquet"), ["coders"], LABELS).codes.tolist() == [[0, 2], [-1, -1]]


@pytest.mark.parametrize(
    ("columns", "labels", "words"),
    [
        (["nope"], LABELS, "no column 'nope'; expected one of"),
        (["x"], LABELS, "1 coder in x"),
        (["x", "y"], ("threat", "none"), "the coders' label 'offer'; expected one of threat, none"),
        (["bad"], LABELS, r"the coders' labels \[1\] of statement 1"),
        (["empty"], (), "0 coder in empty"),
    ],
)
def test_columns_that_are_no_labels_are_refused(tmp_path, columns, labels, words):
    row = {"text": "t", "label": "none", "x": "threat", "y": "offer", "bad": [1], "empty": []}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match=words):
        coded_of(_collect(tmp_path / "a.jsonl"), columns, labels)


def _collect(path):
    return collect(read([str(path)]), extras=True)


def _alpha(codes):
    return alpha(_counts(codes), np.arange(len(codes)), Bootstrap(10))


def _counts(codes):
    return np.sum(codes[:, :, np.newaxis] == np.arange(codes.max() + 1), axis=1)


def _code(table):
    names = sorted({name for row in table for name in row} - {"."})
    return np.array([[-1 if name == "." else names.index(name) for name in row] for row in table]).T


def _by_coincidences(codes):
    """Alpha from the matrix of coincidences, pair by pair, as the paper has it."""
    k = codes.max() + 1
    pairs = np.zeros((k, k))
    for row in codes:
        given = row[row >= 0]
        for i, j in itertools.permutations(range(len(given)), 2):
            pairs[given[i], given[j]] += 1 / (len(given) - 1)
    totals, n = pairs.sum(axis=1), pairs.sum()
    observed = n - np.trace(pairs)
    expected = (n**2 - np.sum(totals**2)) / (n - 1)
    return 1 - observed / expected


def _majority(row):
    counts = np.bincount(row[row >= 0], minlength=3)
    best = np.flatnonzero(counts == counts.max())
    return int(best[0]) if counts.max() and len(best) == 1 else None


def _random(rows, coders, share=0.8):
    """Coders who say the truth with a probability and else guess; one judgement in ten is missing."""
    generator = np.random.default_rng(4)
    truth = generator.integers(3, size=(rows, 1))
    codes = np.where(generator.random((rows, coders)) < share, truth, generator.integers(3, size=(rows, coders)))
    return np.where(generator.random((rows, coders)) < 0.1, -1, codes)


def _coded(codes, groups=None):
    groups = np.arange(len(codes)) if groups is None else groups
    return Coded(codes, LABELS, tuple("ABCDE"[: codes.shape[1]]), groups)


def _model(codes, share):
    """A model that follows the coders' majority with a probability."""
    generator = np.random.default_rng(6)
    counts = np.sum(codes[:, :, np.newaxis] == np.arange(3), axis=1)
    predicted = np.where(
        generator.random(len(codes)) < share, counts.argmax(axis=1), generator.integers(3, size=len(codes))
    )
    return Judged(predicted, predicted, np.eye(3)[predicted], np.arange(len(codes)), LABELS, "none")
