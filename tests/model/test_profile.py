from __future__ import annotations

import pytest

from communique.errors import DataError
from communique.model.profile import Profile

PROFILE = Profile("we\nnot\nknow\nwhat", common=2, known=0.9, usual=0.3, shortest=3, longest=80, passage=12)


def test_a_profile_survives_being_plain_values():
    assert Profile.from_dict(PROFILE.to_dict()) == PROFILE
    assert all(type(value) in (str, int, float) for value in PROFILE.to_dict().values())


@pytest.mark.parametrize(
    "harm",
    [
        {"words": None},
        {"common": 1.5},
        {"common": -1},
        {"longest": True},
        {"known": "all"},
        {"known": 1},
        {"usual": -1.0},
        {"known": float("nan")},
    ],
)
def test_a_value_of_another_type_or_range_is_refused(harm):
    with pytest.raises(DataError, match="do not fit"):
        Profile.from_dict(PROFILE.to_dict() | harm)


def test_missing_and_unknown_parts_are_refused():
    with pytest.raises(DataError, match="the parts none; expected common, known, longest"):
        Profile.from_dict({})
    with pytest.raises(DataError, match="more"):
        Profile.from_dict(PROFILE.to_dict() | {"more": 1})
