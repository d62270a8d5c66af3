"""The label of one's own place hides no group's mark."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.pages.maps import HEIGHT, WIDTH, Ellipse, _labelled

across = st.floats(14, WIDTH - 14)
down = st.floats(42, HEIGHT - 12)


@given(across, down, across, down)
def test_the_label_is_inside_and_on_no_mark(x: float, y: float, gx: float, gy: float) -> None:
    you = _labelled(x, y, (Ellipse(0, gx, gy, 60, 40, 0),))
    left = {"start": you.label_x, "middle": you.label_x - 108, "end": you.label_x - 216}[you.anchor]
    assert left >= 0
    assert left + 216 <= WIDTH
    assert 24 <= you.label_y <= HEIGHT - 6
    if 126 < x < WIDTH - 126 and 80 < y < HEIGHT - 56:
        # With room on all sides the mark of one group is never covered.
        assert not (left < gx < left + 216 and you.label_y - 24 < gy < you.label_y)
