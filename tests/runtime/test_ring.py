"""What a ring keeps of words that their author took back."""

from __future__ import annotations

import msgspec
import pytest

from server.deliberation import commands as c
from server.deliberation.audience import announcement
from server.deliberation.folding import fold
from server.deliberation.views import Viewer, room_view
from server.deliberation.vocabulary import Phase
from server.runtime.ring import Ring
from tests.deliberation.drafts import quoting
from tests.deliberation.world import ANN, BEN, CLEO, FACILITATOR, MODERATOR, RoomWorld

HEARERS = (ANN, BEN, CLEO, MODERATOR)


@pytest.fixture
def room() -> RoomWorld:
    """A room in which drafts that quote two people word for word were proposed and ranked."""
    world = RoomWorld().create(Phase.OPEN)
    world.say(ANN, "Label it")
    world.say(BEN, "Ban it")
    world.do(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
    (asked,) = world.do(c.RequestDrafts(), FACILITATOR)
    drafts = (quoting("d1", world),)
    world.do(c.ProposeDrafts(request=asked.seq, drafts=drafts, groups={}, group_count=1))
    world.do(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)
    world.do(c.CastRanking(order=(("d1",),), seen=("d1",)), CLEO)
    world.do(c.ChangePhase(phase=Phase.RATIFYING), FACILITATOR)
    return world


def test_what_drafts_quote_is_sent_to_nobody_once_its_author_took_it_back(room: RoomWorld) -> None:
    ring = Ring(100, 0)
    for recorded in room.log:
        told = announcement(recorded, room.state)
        if told is not None:
            ring.push(told)
    texts = [form.message(0)["text"] for told in ring for form in told.forms]
    assert sum("Ban it" in text for text in texts) >= 3
    (erased,) = room.do(c.EraseContent(records=room.words_of(BEN)), BEN)
    told = announcement(erased, room.state)
    assert told is not None
    ring.push(told)
    assert not any("Ban it" in form.message(0)["text"] for told in ring for form in told.forms)
    assert any("Label it" in form.message(0)["text"] for told in ring for form in told.forms)


@pytest.mark.parametrize("actor", HEARERS, ids=lambda actor: str(actor.role))
def test_who_resumes_from_before_still_ends_in_the_room_as_it_is(
    room: RoomWorld, actor: c.Actor
) -> None:
    viewer = Viewer(actor.participant, actor.role)
    empty = room_view(RoomWorld().create(Phase.OPEN).state, viewer)
    ring = Ring(100, 0)
    for recorded in room.log:
        told = announcement(recorded, room.state)
        if told is not None:
            ring.push(told)
    (erased,) = room.do(c.EraseContent(records=room.words_of(BEN)), BEN)
    told = announcement(erased, room.state)
    assert told is not None
    ring.push(told)
    for each in ring:
        form = each.form_for(viewer)
        if form is not None:
            fold(empty, form.frame)
    wanted, got = (msgspec.to_builtins(each) for each in (room_view(room.state, viewer), empty))
    for name in ("statements", "drafts", "result", "phase"):
        assert got[name] == wanted[name]
