"""The TF-IDF baseline against a scikit-learn pipeline, and that it beats the majority by what it should."""

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ftlab.baselines import tfidf_baseline
from ftlab.errors import InputError, TaskError
from ftlab.tasks import Split, Task, load_task


@pytest.mark.slow
def test_movies_equal_a_pipeline():
    task = load_task("ratings/movies")
    pattern = r"(?u)\b\w+\b|[^\w\s]+"
    pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=pattern),
                             LogisticRegression(C=3.0, max_iter=500))
    theirs = pipeline.fit(task.train.texts, task.train.labels).score(task.test.texts, task.test.labels)
    ours = tfidf_baseline(task)
    assert ours["accuracy"] == pytest.approx(theirs, abs=0.003)  # another solver, an unpenalised bias
    assert 0.79 < ours["accuracy"] < 0.83 and list(ours) == list(task.metrics)


@pytest.mark.parametrize(("name", "metric", "low", "high"), [
    ("ratings/products", "accuracy", 0.74, 0.81), ("ratings/products-regression", "pearson", 0.6, 0.72),
    ("ratings/products-pairs", "accuracy", 0.7, 0.78),
])
def test_each_form(name, metric, low, high):
    assert low < tfidf_baseline(load_task(name))[metric] < high


def test_three_classes_one_of_them_not_in_train_and_few_examples():
    train = Split("train", ["red apple", "red cherry", "green pear", "green lime"], [0, 0, 2, 2])
    test = Split("test", ["red fruit", "green fruit", "blue fruit"], [0, 2, 1])
    task = Task("colours", "classification", ("red", "blue", "green"), "accuracy", ("accuracy",), {"train": train, "test": test})
    assert tfidf_baseline(task) == {"accuracy": pytest.approx(2 / 3)}


def test_what_it_refuses():
    splits = {"train": Split("train", ["a", "b"], [0, 1]), "test": Split("test", ["c"], None)}
    task = Task("toy", "classification", ("no", "yes"), "accuracy", ("accuracy",), splits)
    with pytest.raises(TaskError, match="withheld"):
        tfidf_baseline(task)
    with pytest.raises(TaskError, match="split 'dev'"):
        tfidf_baseline(task, "dev")
    with pytest.raises(InputError, match="strength"):
        tfidf_baseline(load_task("ratings/products"), strength=0)
