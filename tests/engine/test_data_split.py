"""Splits: disjoint, complete, stratified, deterministic; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladera.engine.data.split import apportion, split_indices, stratified_subset
from ladera.engine.errors import InputError

SHARES = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(0, 20)).map(
    lambda parts: tuple(part / sum(parts) for part in parts)
)


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=12), shares=SHARES, seed=st.integers(0, 2**63 - 1)
)
def test_parts_are_disjoint_complete_and_stratified(sizes, shares, seed):
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    try:
        parts = split_indices(y, shares, "multiclass", seed)
    except InputError as error:
        assert "empty" in str(error)
        # Refused only where a part's exact quota of everything is small: rounding never takes more than about 2.
        assert min(share for share in shares if share > 0) * len(y) < len(sizes) + 2
        return
    joined = np.concatenate(parts)
    np.testing.assert_array_equal(np.sort(joined), np.arange(len(y)))
    assert all(part.dtype == np.int64 for part in parts)
    for c, size in enumerate(sizes):
        counts = np.array([(y[part] == c).sum() for part in parts])
        quota = np.array(shares) * size
        assert counts[0] >= 1
        forced = quota[0] < 1
        # The quota rule: within 1 of the exact share, 2 where a training example had to be given.
        assert (np.abs(counts - quota) < (2 if forced else 1) + 1e-6).all()
    for part, again in zip(parts, split_indices(y, shares, "multiclass", seed), strict=True):
        np.testing.assert_array_equal(part, again)


@settings(deadline=None)
@given(n=st.integers(3, 3000), shares=SHARES)
def test_regression_parts_have_the_largest_remainder_sizes(n, shares):
    (counts,) = apportion([n], shares)
    assert sum(counts) == n
    quota = np.array(shares) * n
    rest = n - int(np.floor(quota + 1e-9).sum())
    expected = np.floor(quota + 1e-9).astype(int)
    remainders = np.round(quota - expected, 6)
    gained = np.array(counts) - expected
    if expected[0] >= 1:
        assert gained.sum() == rest
        assert remainders[gained == 1].min(initial=1) >= remainders[gained == 0].max(initial=0)


def test_known_sizes():
    # 50 of each of 3 classes at 0.6, 0.2, 0.2 are 30, 10, 10 of each.
    y = np.repeat([0, 1, 2], 50)
    parts = split_indices(y, (0.6, 0.2, 0.2), "multiclass", 0)
    assert [np.bincount(y[part]).tolist() for part in parts] == [[30] * 3, [10] * 3, [10] * 3]


def test_rare_classes_do_not_starve_a_part():
    # 100 classes of two: each alone would round 0.3 away; together the parts get 0.15 of 200 = 30.
    y = np.repeat(np.arange(100), 2)
    parts = split_indices(y, (0.7, 0.15, 0.15), "multiclass", 0)
    assert len(np.unique(y[parts[0]])) == 100
    assert [len(part) for part in parts] == pytest.approx([140, 30, 30], abs=3)


def test_a_class_with_one_example_is_trained_on():
    y = np.array([0] * 30 + [1])
    assert 30 in split_indices(y, (0.1, 0.45, 0.45), "binary", 5)[0]


def test_other_seed_other_split():
    y = np.arange(100.0)
    assert not np.array_equal(
        split_indices(y, (0.6, 0.2, 0.2), "regression", 0)[0],
        split_indices(y, (0.6, 0.2, 0.2), "regression", 1)[0],
    )


def test_a_test_share_of_zero_gives_an_empty_test_part():
    y = np.repeat([0, 1], [33, 34])
    training, validation, test = split_indices(y, (0.8, 0.2, 0.0), "binary", 0)
    assert (len(training), len(validation), len(test)) == (54, 13, 0)


@pytest.mark.parametrize(
    ("n", "shares", "part"), [(3, (0.9, 0.05, 0.05), "validation"), (20, (0.9, 0.09, 0.01), "test")]
)
def test_an_empty_part_is_refused(n, shares, part):
    with pytest.raises(InputError, match=rf"data\.split: a {part} share .* leaves the {part} part empty"):
        split_indices(np.arange(float(n)), shares, "regression", 0)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ([1] * 100, "100 classes of 100 examples, all of a single"),
        ([1] * 7 + [2], "8 classes of 9 examples, 7 of a single"),
    ],
)
def test_numbers_taken_for_classes_are_told_as_what_they_are(sizes, told):
    y = np.repeat(np.arange(len(sizes)), sizes)
    with pytest.raises(
        InputError,
        match=rf"^data\.task: .*{told} example.* data\.task = \"regression\" for a target that is a number$",
    ):
        split_indices(y, (0.6, 0.2, 0.2), "multiclass", 0)


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12), data=st.data())
def test_subsets_are_exact_and_stratified(sizes, data):
    y = np.repeat(np.arange(len(sizes)), sizes)
    size = data.draw(st.integers(1, len(y)))
    chosen = stratified_subset(y, size, "multiclass", 0)
    assert len(np.unique(chosen)) == size
    counts = np.bincount(y[chosen], minlength=len(sizes))
    if size >= len(sizes):
        assert counts.min() >= 1
    quota = size * np.array(sizes) / len(y)
    if (quota >= 1).all():
        assert (np.abs(counts - quota) < 1).all()


def test_a_subset_larger_than_the_part_is_refused():
    with pytest.raises(InputError, match=r"data\.subset: 11 .* has 10"):
        stratified_subset(np.zeros(10, np.int64), 11, "multiclass", 0)
