from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import communique
from communique.errors import DataError, ModelMissingError, UsageError
from communique.inference.prediction import Classifier, Options, softmax, verdicts

quick = settings(max_examples=60, deadline=None, derandomize=True)
texts = st.lists(
    st.text(st.characters(codec="utf-8"), max_size=40)
    | st.sampled_from(["We are ready for talks.", "any attack will be answered with force", "the claim is false"]),
    max_size=8,
)


@pytest.fixture(scope="module")
def classifier(trained) -> Classifier:
    return Classifier(trained.model)


def test_probabilities_sum_to_one_and_labels_are_the_largest(classifier):
    @quick
    @given(texts)
    def check(texts: list[str]) -> None:
        scores = classifier.decision_function(texts)
        probability = classifier.predict_proba(texts)
        assert scores.shape == probability.shape == (len(texts), 4)
        assert scores.dtype == probability.dtype == np.float64
        assert np.isfinite(probability).all()
        assert ((probability >= 0) & (probability <= 1)).all()
        assert np.allclose(probability.sum(axis=1), 1, atol=1e-12)
        labels = np.array(classifier.labels)
        assert classifier.predict(texts).tolist() == labels[scores.argmax(axis=1)].tolist()
        for text, verdict, row in zip(texts, classifier.classify(texts), probability, strict=True):
            assert list(verdict) == ["label", "confidence", "scores"]
            if not text.strip():
                assert set(verdict.values()) == {None}
                continue
            assert list(verdict["scores"].values()) == row.tolist()
            assert verdict["label"] == labels[row.argmax()]
            assert verdict["confidence"] == row.max()

    check()


def test_a_text_is_judged_alike_in_any_company(classifier):
    @quick
    @given(texts, st.randoms(use_true_random=False))
    def check(texts: list[str], chance) -> None:
        together = classifier.decision_function(texts)
        alone = [classifier.decision_function([text])[0] for text in texts]
        assert together.tobytes() == np.array(alone).reshape(together.shape).tobytes()
        order = list(range(len(texts)))
        chance.shuffle(order)
        shuffled = classifier.decision_function([texts[place] for place in order])
        assert shuffled.tobytes() == together[order].tobytes()

    check()


def test_scores_are_the_features_times_the_weights(classifier, labelled):
    model = classifier.model
    idf = np.concatenate([block.idf for block in model.features.blocks])
    coefficients = model.weights.astype(np.float64) / idf[:, None]
    expected = model.features.transform(labelled.texts).astype(np.float64) @ coefficients + model.intercepts
    assert np.allclose(classifier.decision_function(labelled.texts), expected, atol=1e-5)


def test_a_text_of_unknown_words_gets_the_intercepts(classifier):
    (scores,) = classifier.decision_function(["\u4e2d \u6587"])
    assert scores.tolist() == classifier.model.intercepts.tolist()


def test_many_texts_are_cut_into_batches_without_a_trace(classifier):
    texts = [f"statement {number} of the envoy" for number in range(9000)]
    scores = classifier.decision_function(texts)
    picked = [0, 4095, 4096, 8191, 8192, 8999]
    assert scores[picked].tobytes() == classifier.decision_function([texts[place] for place in picked]).tobytes()


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        iter,
        np.array,
        lambda texts: pa.array(texts),
        lambda texts: pa.array(texts, pa.large_string()),
        lambda texts: pa.chunked_array([texts[:1], [], texts[1:]], pa.string()),
        lambda texts: pa.array(["before", *texts]).slice(1),
        lambda texts: pa.array(texts).dictionary_encode(),
    ],
)
def test_texts_may_come_in_any_shape(classifier, form):
    texts = ["We are ready for talks.", "any attack", "We are ready for talks."]
    assert classifier.predict_proba(form(texts)).tobytes() == classifier.predict_proba(texts).tobytes()


def test_a_missing_text_counts_as_empty_and_no_texts_give_no_rows(classifier):
    assert classifier.predict_proba([None]).tolist() == classifier.predict_proba([""]).tolist()
    assert classifier.predict([]).shape == (0,)
    assert classifier.predict_proba([]).shape == (0, 4)
    assert classifier.classify([]) == []


@pytest.mark.parametrize("texts", [["half \ud800 a pair"], [3], [b"\xff"], [["nested"]]])
def test_what_is_no_text_is_refused(classifier, texts):
    with pytest.raises(DataError):
        classifier.predict(texts)


def test_many_threads_may_share_one_classifier(trained, labelled):
    classifier = Classifier(trained.model)
    texts = labelled.texts.to_pylist()
    expected = Classifier(trained.model).decision_function(texts).tobytes()
    wrong = []

    def ask() -> None:
        wrong.extend(1 for _ in range(10) if classifier.decision_function(texts).tobytes() != expected)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_classifier_is_loaded_by_the_path_of_its_folder(saved, trained, labelled):
    loaded = communique.load(str(saved))
    assert (
        loaded.predict_proba(labelled.texts).tobytes()
        == Classifier(trained.model).predict_proba(labelled.texts).tobytes()
    )
    with pytest.raises(ModelMissingError):
        communique.load(str(saved / "nothing"))


# Options


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(UsageError, match="between 0 and 1"):
        Options(threshold=threshold)


@pytest.mark.parametrize("top_k", [0, -1])
def test_less_than_one_label_cannot_be_listed(top_k):
    with pytest.raises(UsageError, match="1 or more"):
        Options(top_k=top_k)


@quick
@given(
    st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), max_size=6),
    st.none() | st.floats(0, 1),
    st.none() | st.integers(1, 5),
)
def test_verdicts_keep_their_promises(scores, threshold, top_k):
    labels = ("a", "b", "c")
    probability = softmax(np.array(scores).reshape(-1, 3))
    rows = verdicts(probability, labels, Options(threshold, top_k), {}).to_pylist()
    for row, chances in zip(rows, probability.tolist(), strict=True):
        assert row["scores"] == dict(zip(labels, chances, strict=True))
        assert row["confidence"] == max(chances) == row["scores"][row["label"]]
        assert ("top" in row) == (top_k is not None)
        if top_k is not None:
            ranked = sorted(zip(chances, labels, strict=True), key=lambda pair: -pair[0])[:top_k]
            assert [(entry["confidence"], entry["label"]) for entry in row["top"]] == [
                pair for pair in ranked if pair[0] >= (threshold or 0)
            ]


@quick
@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=5))
def test_a_softmax_stays_finite_and_keeps_the_order(scores):
    chances = softmax(np.array([scores]))[0]
    assert np.isfinite(chances).all()
    assert chances.sum() == pytest.approx(1)
    assert all(
        chances[i] >= chances[j] for i, one in enumerate(scores) for j, other in enumerate(scores) if one >= other
    )


def test_a_single_text_is_a_slip_and_a_blank_one_has_no_label(saved):
    import communique
    from communique.errors import UsageError

    model = communique.load(str(saved))
    for ask in (model.classify, model.predict, model.predict_proba):
        with pytest.raises(UsageError, match="list of texts"):
            ask("We are ready for talks.")
    assert [row["label"] is None for row in model.classify(["", "We are ready for talks.", None, " "])] == [
        True,
        False,
        True,
        True,
    ]
