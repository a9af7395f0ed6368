"""Tabs: a name that can be read at every width from 60 on, the current one always in sight."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from ladera.tui.inside import LOOKS
from ladera.tui.tabs import Tab, tab_rows

#: The most that a run offers: a network on sounds, and one on two features.
SOUND = (
    "layers",
    "activations",
    "weights",
    "rates",
    "confusion",
    "calibration",
    "worst",
    "augmentation",
    "spectrogram",
)
PLANE = (
    "layers",
    "activations",
    "weights",
    "rates",
    "confusion",
    "calibration",
    "worst",
    "boundary",
    "augmentation",
)


def tabs(names: tuple[str, ...]) -> list[Tab]:
    looks = [look for look in LOOKS if look.probe in names]
    assert len(looks) == len(names)
    return [Tab(str(place + 1), look.title, look.short) for place, look in enumerate(looks)]


@pytest.mark.parametrize("names", [SOUND, PLANE, SOUND[:4]])
@pytest.mark.parametrize("height", [16, 24, 40, 60])
def test_every_tab_has_a_name_from_60_columns_on(names: tuple[str, ...], height: int) -> None:
    for width in range(58, 200):
        for current in (0, len(names) - 1):
            rows = tab_rows(tabs(names), current, width, height)
            texts = [text for row in rows for text, _ in row]
            assert len(rows) <= 2
            assert all(sum(cell_len(text) for text, _ in row) <= width for row in rows)
            assert len(texts) == len(names)
            for place, text in enumerate(texts):
                number, name = text.split()
                assert number == str(place + 1)
                assert len(name) >= 3
            assert [now for row in rows for _, now in row].index(True) == current


def test_names_are_whole_where_there_is_room() -> None:
    assert [text for text, _ in tab_rows(tabs(SOUND), 0, 130, 40)[0]][-1] == " 9 Spectrogram "
    two = tab_rows(tabs(SOUND), 0, 100, 40)
    assert len(two) == 2, "a tall window has room for a second row"
    assert " 6 Calibration " in [text for row in two for text, _ in row]
    assert len(tab_rows(tabs(SOUND), 0, 78, 24)) == 1, "a low one has not: short names"


@pytest.mark.parametrize("width", [1, 10, 20, 30, 45])
def test_a_narrow_window_shows_those_around_the_current_one(width: int) -> None:
    for current in range(len(SOUND)):
        (row,) = tab_rows(tabs(SOUND), current, width, 10)
        assert sum(now for _, now in row) == 1
        if width >= 20:
            assert sum(cell_len(text) for text, _ in row) <= width
            assert (row[0][0] == "<") == (row[0][0].strip() != "1 Layers")
            assert row[-1][0] == ">" or row[-1][0].startswith(" 9")
    assert tab_rows([], 0, width, 10) == []
