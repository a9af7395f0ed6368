"""The lab in every theme and on terminals that can do less: what is written, byte for byte, and every size."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.color import Color
from textual.filter import ANSIToTruecolor
from textual.widgets import Input

from ladera.tui import memory
from ladera.tui.app import LabApp
from ladera.tui.inks import INKS
from ladera.tui.themes import THEMES, ink_of

SIZES = [(1, 1), (2, 3), (10, 4), (20, 8), (40, 12), (80, 24), (120, 40), (200, 60), (300, 100)]
#: Keys that open each screen of the lab, left with Escape.
SCREENS = ("question_mark", "w", "slash", "c", "ctrl+o", "i", "s", "ctrl+p")


def drawn(app: App[Any]) -> str:
    """The whole screen as it would be written to the terminal, in so many colours as it is said to have."""
    system = app.console._color_system
    rows = app.screen._compositor.render_strips()
    return "\n".join(segment.style.render(segment.text, color_system=system) if segment.style else segment.text
                     for row in rows for segment in row)  # fmt: skip


def colour_codes(text: str) -> set[str]:
    """The colour parameters of every SGR sequence: what is left without 0 to 9 (attributes) and 21 to 29 (their end)."""
    codes: set[str] = set()
    for sequence in re.findall(r"\x1b\[([0-9;]*)m", text):
        codes |= {code for code in sequence.split(";") if code and not re.fullmatch(r"\d|2[1-9]", code)}
    return codes


async def walk(lab: Any, look: Any) -> None:
    """Look at every screen in turn."""
    look("the lab")
    for key in SCREENS:
        await lab.pilot.press(key)
        look(key)
        while len(lab.app.screen_stack) > 2:
            lab.app.pop_screen()


def test_every_own_theme_has_an_ink_and_a_foreign_one_that_of_its_ground() -> None:
    assert [ink_of(theme) for theme in THEMES] == list(INKS)
    for theme in THEMES:
        assert INKS[ink_of(theme)].light is not theme.dark
    from textual.theme import BUILTIN_THEMES

    found = {
        name: ink_of(BUILTIN_THEMES[name]) for name in ("nord", "textual-light", "ansi-dark", "ansi-light")
    }
    assert found == {
        "nord": "dark",
        "textual-light": "light",
        "ansi-dark": "ansi",
        "ansi-light": "ansi-light",
    }


async def test_each_theme_is_drawn_in_its_own_colours(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events(reason="finished")) as lab:
        await lab.press("r")
        await lab.sees("finished")
        for theme in THEMES:
            lab.app.theme = theme.name
            ink = INKS[ink_of(theme)]

            def shown(ink: Any = ink) -> bool:
                chart = lab.app.lab.query_one("#loss")
                return any(ink.runs[0] in str(span.style) for line in chart._rows for span in line.spans)

            await lab.until(shown)
            if not theme.ansi:
                await lab.until(lambda t=theme: lab.app.screen.styles.background == Color.parse(t.background))


async def test_the_first_theme_is_set_without_parsing_the_styles_twice(
    open_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADERA_THEME", "ladera-light")
    monkeypatch.setattr("textual.css.stylesheet.Stylesheet.reparse", lambda _: pytest.fail("parsed again"))
    async with open_lab() as lab:
        assert (lab.app.has_class("-light-mode"), lab.app.has_class("-dark-mode")) == (True, False)
        assert lab.app.screen.styles.background == Color.parse("#fafafa")


async def test_seven_bits_and_no_colour_in_every_screen(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_lab(script.events(), size=(100, 30)) as lab:
        await lab.press("r")
        await lab.sees("epoch   8/100")
        assert "\x1b[1;7m" in drawn(lab.app), "the cursor of the form is seen"
        opened: set[str] = set()

        def look(where: str) -> None:
            opened.add(type(lab.app.screen).__name__)
            text = drawn(lab.app)
            assert not {byte for byte in text.encode() if byte > 127}, (where, lab.text)
            _none(colour_codes(text), where)

        await walk(lab, look)
        assert len(opened) >= 8, opened
        lab.app.action_marker()
        why = "7-bit characters only: the locale C is not UTF-8; LC_ALL=C.UTF-8 is"
        await lab.until(lambda: why in lab.notes)
        lab.app.theme = "ladera-light"
        await lab.pilot.pause()
        look("another theme")


def _none(codes: set[str], where: str) -> None:
    assert not codes, where


@pytest.mark.parametrize("ground", ["15;0", "0;15"])
async def test_sixteen_colours(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch, ground: str
) -> None:
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "screen")
    monkeypatch.setenv("COLORFGBG", ground)
    # 30 to 37 and 90 to 97 for letters, 40 to 47 and 100 to 107 for grounds, 39 and 49 for the terminal's own.
    known = {str(code) for start in (30, 40) for code in (*range(start, start + 8), start + 9)}
    known |= {str(code) for start in (90, 100) for code in range(start, start + 8)}
    async with open_lab(script.events(), size=(80, 24)) as lab:
        assert lab.app.theme == ("ladera-ansi" if ground == "15;0" else "ladera-ansi-light")
        assert not any(one.enabled for one in lab.app._filters if isinstance(one, ANSIToTruecolor))
        await lab.press("r")
        await lab.sees("epoch   8/100")
        for key in ("e", "i", "ctrl+p"):
            _none(colour_codes(drawn(lab.app)) - known, key)
            await lab.pilot.press(key)
            if key == "e":
                assert ("\x1b[1;30;46m" if ground == "15;0" else "\x1b[1;97;44m") in drawn(lab.app)
        _none(colour_codes(drawn(lab.app)) - known, "palette")


async def test_reduced_motion(open_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADERA_REDUCED_MOTION", "1")
    async with open_lab(size=(80, 24)) as lab:
        assert lab.app.animation_level == "none"
        await lab.press("slash")
        await lab.until(lambda: lab.app.screen.query(Input))
        assert lab.app.screen.query_one(Input).cursor_blink is False


async def test_the_marker_goes_round(open_lab: Any) -> None:
    async with open_lab(size=(80, 24)) as lab:
        seen = []
        for _ in range(3):
            lab.app.action_marker()
            await lab.pilot.pause(0.05)
            seen.append((lab.app.view.marker, drawn(lab.app).isascii()))
        assert seen == [("block", False), ("ascii", True), ("braille", False)]


async def test_a_theme_that_is_none_is_told(open_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADERA_THEME", "pink")
    async with open_lab() as lab:
        assert lab.app.theme == "ladera-dark"
        await lab.until(lambda: any("LADERA_THEME=pink is no theme" in note for note in lab.notes))


def test_how_things_are_looked_at_is_remembered(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "user_state_path", lambda _: tmp_path)

    def sitting(**changes: str) -> tuple[str, str]:
        """Begin a sitting; tell its theme and marker, change them, and end it."""
        app = LabApp(script.experiment(), runs_dir=tmp_path)
        app.recall()
        found = app.theme, app.view.marker
        if "theme" in changes:
            app.set_reactive(App.theme, changes["theme"])
        if "marker" in changes:
            app.view = app.view.__class__(marker=changes["marker"])
        app.remember()
        return found

    assert sitting(theme="ladera-contrast", marker="block") == ("ladera-dark", "braille")
    assert sitting() == ("ladera-contrast", "block")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("COLORTERM", "")
    monkeypatch.setenv("TERM", "xterm")
    assert sitting() == ("ladera-ansi", "ascii"), "another terminal is asked anew"
    for name, value in {"LC_ALL": "", "COLORTERM": "truecolor", "LADERA_THEME": "nord"}.items():
        monkeypatch.setenv(name, value)
    assert sitting() == ("nord", "block"), "a wish wins for once"
    monkeypatch.delenv("LADERA_THEME")
    assert sitting() == ("ladera-contrast", "block")
    (tmp_path / "view.json").write_text(json.dumps({"theme": 7, "marker": [], "axis": "mood"}))
    assert sitting() == ("ladera-dark", "braille")
    (tmp_path / "view.json").write_text("[]")
    assert sitting() == ("ladera-dark", "braille")


async def test_every_size_bears_every_state(open_lab: Any, script: Any) -> None:
    states = script.states()
    runs = [states[name] for name in ("running", "finished", "diverged", "empty")]
    async with open_lab(size=(80, 24)) as lab:
        for run in runs:
            lab.app.sitting.add(run)
        for width, height in SIZES:
            await lab.pilot.resize_terminal(width, height)
            for run in runs:
                lab.app.look_at(run.number)
                await asyncio.sleep(0)
                rows = lab.app.screen._compositor.render_strips()
                assert [row.cell_length for row in rows] == [width] * height
        assert lab.app._exception is None
