"""When the screen is drawn anew: a share of the time, sooner at the start of a run, seldom on a slow terminal."""

from __future__ import annotations

import pytest

from ladera.tui.redraw import BURST, BUSY, BYTES, EAGER, EAGER_SHARE, FASTEST, SLOW, SLOWEST, Redraw


@pytest.mark.parametrize(("cost", "pause"), [(0.0, FASTEST), (0.02, 1.0), (9.0, SLOWEST)])
def test_the_next_frame_comes_when_drawing_is_the_share_of_the_time(cost: float, pause: float) -> None:
    redraw = Redraw(used=5.0)
    redraw.drawn(100.0, 5.0 + cost, share=0.02)
    assert not redraw.due(100.0 + pause - 1e-6)
    assert redraw.due(100.0 + pause)


def test_a_run_that_starts_is_seen_often_for_a_while() -> None:
    redraw = Redraw(used=0.0)
    redraw.drawn(100.0, 9.0, share=0.02)
    # Half a second, and a screen full of text, for keys and pages.
    redraw.begin(100.1, used=9.5, written=50_000)
    assert redraw.due(100.1)
    redraw.drawn(100.1, 9.51, share=0.02, written=50_500)
    assert not redraw.due(100.1 + FASTEST - 1e-6)
    assert redraw.due(100.1 + FASTEST)
    redraw.drawn(100.5, 9.53, share=0.02, written=53_000)
    assert redraw.due(100.5 + 0.02 / EAGER_SHARE + 1e-6)
    redraw.drawn(100.1 + EAGER, 9.55, share=0.02, written=56_000)
    assert not redraw.due(100.1 + EAGER + 0.02 / EAGER_SHARE + 1e-6)
    assert redraw.due(100.1 + EAGER + 0.02 / 0.02 + 1e-6)


def test_frames_take_no_more_bytes_than_the_connection_is_to_bear() -> None:
    redraw, now, written = Redraw(used=0.0), 100.0, 50_000  # what was written before is long gone
    redraw.begin(now, 0.0, written)
    began, first = now, written
    while now < began + 20.0:
        if redraw.due(now):
            redraw.drawn(now, 0.0, 1.0, written)
            written += 6_000
        now += 0.1
    assert written - first <= BURST + 2 * 6_000 + BYTES * 20.0
    assert written - first > 0.9 * BYTES * 20.0


def test_pages_that_keys_opened_do_not_hold_frames_up_for_long() -> None:
    redraw = Redraw(used=0.0)
    redraw.drawn(100.0, 0.0, 1.0, 0)
    redraw.drawn(101.0, 0.0, 1.0, 1_000_000)
    assert redraw.due(101.0 + BURST / BYTES + 0.01)


def test_a_terminal_that_stays_behind_is_slow_until_a_frame_arrives_in_time() -> None:
    redraw = Redraw(used=0.0)
    assert redraw.carried(100.0, behind=False)
    assert not redraw.carried(100.1, behind=True)
    assert not redraw.due(100.1 + BUSY - 1e-6)
    assert not redraw.slow
    assert not redraw.carried(100.1 + SLOW, behind=True)
    assert redraw.slow
    assert redraw.carried(100.2 + SLOW, behind=False)
    assert redraw.slow, "the frame took that long"
    redraw.carried(101.5, behind=True)
    assert redraw.carried(101.6, behind=False)
    assert not redraw.slow


def test_a_slow_terminal_that_takes_a_frame_before_anybody_looks_is_slow_no_more() -> None:
    redraw = Redraw(used=0.0)
    redraw.carried(100.0, behind=True)
    redraw.carried(100.0 + SLOW, behind=True)
    assert redraw.carried(102.0, behind=False)
    assert redraw.carried(102.1, behind=False)
    assert redraw.slow, "nothing was drawn since"
    redraw.drawn(102.2, 0.1, share=0.02)
    assert redraw.carried(102.3, behind=False)
    assert not redraw.slow


def test_what_happens_while_another_screen_is_open_is_not_held_against_the_terminal() -> None:
    redraw = Redraw(used=0.0)
    redraw.carried(100.0, behind=True)
    redraw.away()
    assert redraw.carried(200.0, behind=False)
    assert not redraw.slow
