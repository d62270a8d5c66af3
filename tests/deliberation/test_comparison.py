"""Two states are compared whole, and the place where they differ is named, not its content."""

from __future__ import annotations

import pytest

from server.deliberation import commands as c
from server.deliberation.comparison import first_difference, picture
from server.deliberation.vocabulary import Choice, Phase

from .world import ANN, BEN, RoomWorld


def _room() -> RoomWorld:
    room = RoomWorld().create(Phase.OPEN)
    statement = room.say(ANN, "Label it")
    room.do(c.CastVote(statement_id=statement, choice=Choice.AGREE), BEN)
    return room


def test_equal_states_have_equal_pictures() -> None:
    assert picture(_room().state) == picture(_room().state)
    assert first_difference(picture(_room().state), picture(_room().state)) is None


def test_every_part_of_a_room_is_in_its_picture() -> None:
    state = _room().state
    assert set(picture(state)) == set(type(state).__slots__)


def test_a_difference_is_named_by_its_place() -> None:
    one, other = _room(), _room()
    other.state.votes.cast(1, 0, -1)
    assert first_difference(picture(one.state), picture(other.state)) == "votes.agree[0]"
    other = _room()
    next(iter(other.state.statements.values())).text = "A secret"
    found = first_difference(picture(one.state), picture(other.state))
    assert found == "statements.s0000000000000001.text"


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, "b"),
        ({"a": [1, 2]}, {"a": [1]}, "a[1]"),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "a[1].b"),
        ({"a": 1}, {"a": True}, "a"),
        ("x", "y", "."),
        ({"a": []}, {"a": []}, None),
    ],
)
def test_the_first_difference(one: object, other: object, place: str | None) -> None:
    assert first_difference(one, other) == place
