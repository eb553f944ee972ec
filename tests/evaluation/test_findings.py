import json
from dataclasses import fields, replace

import numpy as np
import pytest
import sklearn.metrics as oracle

from communique.errors import UsageError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap
from communique.evaluation.findings import judge, judge_difference
from communique.evaluation.metrics import BINS, Judged, Scores

HEADLINES = [field.name for field in fields(Scores)]


def test_json_has_every_headline_with_its_interval():
    judged = _random(rows=300, groups=40)
    facts = json.loads(json.dumps(judge(judged).to_dict(), allow_nan=False))
    assert {"accuracy", "macro_f1", "macro_f1_stances", "log_loss", "brier", "ece"} <= set(HEADLINES)
    for name in HEADLINES:
        low, high = facts["intervals"][name]
        assert low <= facts[name] <= high
    assert facts["bootstrap"] == {"resamples": 1000, "level": 0.95, "seed": 0, "trusted": True}
    assert (facts["n"], facts["groups"], facts["background"]) == (300, 40, "none")
    assert {len(column) for column in facts["reliability"].values()} == {BINS}


def test_json_agrees_with_scikit_learn_label_by_label():
    judged = _random(rows=300, groups=40)
    facts = judge(judged).to_dict()
    report = oracle.classification_report(
        judged.truth, judged.predicted, target_names=judged.labels, output_dict=True, zero_division=0
    )
    for name in judged.labels:
        label = facts["labels"][name]
        for ours, theirs in {"precision": "precision", "recall": "recall", "f1": "f1-score"}.items():
            assert label[ours] == pytest.approx(report[name][theirs])
            low, high = label["intervals"][ours]
            assert low <= label[ours] <= high
        assert label["support"] == report[name]["support"]
        assert label["predicted"] == np.sum(judged.predicted == judged.labels.index(name))
    assert facts["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"])
    assert facts["confusion"]["labels"] == list(judged.labels)
    assert facts["confusion"]["matrix"] == oracle.confusion_matrix(judged.truth, judged.predicted).tolist()


@pytest.mark.parametrize("groups", [40, None])
def test_neither_the_order_of_rows_nor_the_names_of_groups_change_a_finding(groups):
    judged = _random(rows=300, groups=groups)
    order = np.random.default_rng(2).permutation(300)
    renamed = np.random.default_rng(3).permutation(300)[judged.groups]
    shuffled = replace(
        judged,
        truth=judged.truth[order],
        predicted=judged.predicted[order],
        probability=judged.probability[order],
        groups=renamed[order],
    )
    assert _numbers(judge(shuffled).to_dict()) == pytest.approx(_numbers(judge(judged).to_dict()))


def test_the_same_answers_give_the_same_findings():
    judged = _random(rows=300, groups=40)
    assert judge(judged).to_dict() == judge(judged).to_dict()
    assert judge(judged).to_dict() != judge(judged, Bootstrap(seed=1)).to_dict()


def test_one_row_is_judged_without_intervals():
    facts = judge(_random(rows=1, groups=None)).to_dict()
    assert facts["accuracy"] in (0, 1)
    assert set(facts["intervals"].values()) == {None}
    assert not facts["bootstrap"]["trusted"]


def test_what_is_undefined_is_null():
    certain = np.eye(3)[[2, 2]]
    judged = Judged(np.array([2, 2]), np.array([2, 2]), certain, np.array([0, 1]), ("threat", "offer", "none"), "none")
    facts = json.loads(json.dumps(judge(judged).to_dict(), allow_nan=False))
    assert facts["macro_f1"] == 1
    assert facts["macro_f1_stances"] is None
    assert facts["intervals"]["macro_f1_stances"] is None
    assert facts["labels"]["threat"]["recall"] is None
    assert facts["labels"]["none"]["recall"] == 1


def test_intervals_from_few_groups_are_not_to_be_trusted():
    assert not judge(_random(rows=300, groups=FEW_GROUPS - 1)).trusted
    assert judge(_random(rows=300, groups=FEW_GROUPS)).trusted


def test_a_model_does_not_differ_from_itself():
    judged = _random(rows=300, groups=40)
    difference = judge_difference(judged, judged)
    for name in HEADLINES:
        estimate = getattr(difference, name)
        assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)


def test_a_difference_is_that_of_the_scores_and_tighter_than_either_interval():
    worse = _random(rows=300, groups=40)
    mended = worse.predicted.copy()
    mended[:60] = worse.truth[:60]
    better = replace(worse, predicted=mended)
    difference, one, two = judge_difference(worse, better), judge(worse).scores, judge(better).scores
    for name in HEADLINES:
        expected = getattr(two, name).value - getattr(one, name).value
        assert getattr(difference, name).value == pytest.approx(expected)
    assert difference.accuracy.low > 0
    assert difference.accuracy.high - difference.accuracy.low < two.accuracy.high - two.accuracy.low
    assert judge_difference(better, worse).accuracy.value == -difference.accuracy.value


def test_models_judged_on_different_rows_are_not_compared():
    judged = _random(rows=300, groups=40)
    with pytest.raises(UsageError, match="expected the same"):
        judge_difference(judged, replace(judged, truth=judged.truth[::-1].copy()))
    with pytest.raises(UsageError, match="expected the same"):
        judge_difference(judged, replace(judged, background=None))


def _random(rows, groups):
    """Answers right about two times in three, in groups that are all met."""
    generator = np.random.default_rng(1)
    truth = generator.integers(3, size=rows)
    probability = generator.dirichlet(np.ones(3), rows) / 2 + np.eye(3)[truth] / 4 + 1 / 12
    return Judged(
        truth=truth,
        predicted=probability.argmax(axis=1),
        probability=probability,
        groups=np.arange(rows) % (groups or rows),
        labels=("threat", "offer", "none"),
        background="none",
    )


def _numbers(facts):
    """Flatten nested facts into their numbers, in order."""
    if isinstance(facts, dict):
        return [number for value in facts.values() for number in _numbers(value)]
    if isinstance(facts, list):
        return [number for value in facts for number in _numbers(value)]
    return [facts] if isinstance(facts, (int, float)) else []
