"""The lab's own themes, for Textual's theme picker: dark, light, high contrast, colour-blind, and the terminal's 16 colours."""

from __future__ import annotations

from textual.theme import Theme

#: Nothing has a ground of its own but what is chosen: the terminal's may be of any colour.
_PLAIN = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "block-cursor-text-style": "bold",
    "block-cursor-blurred-text-style": "bold",
    "border": "ansi_default",
    "footer-key-foreground": "ansi_default",
    "scrollbar": "ansi_bright_black",
    "scrollbar-background": "ansi_default",
    "scrollbar-background-hover": "ansi_default",
    "scrollbar-background-active": "ansi_default",
    "rule": "ansi_bright_black",
}
_CHOSEN = ("block-cursor", "input-cursor", "input-selection", "screen-selection")


def _ansi(name: str, dark: bool) -> Theme:
    letters, ground = ("ansi_black", "ansi_cyan") if dark else ("ansi_bright_white", "ansi_blue")
    chosen = {f"{name}-{part}": colour for name in _CHOSEN for part, colour in
              (("foreground", letters), ("background", ground))}  # fmt: skip
    return Theme(
        name, primary=ground, secondary="ansi_cyan", warning="ansi_yellow" if dark else "ansi_magenta",
        error="ansi_red", success="ansi_green", accent="ansi_magenta", foreground="ansi_default",
        background="ansi_default", surface="ansi_default", panel="ansi_default", boost="ansi_default",
        dark=dark, ansi=True, variables=_PLAIN | chosen | {"input-cursor-text-style": "none"},
    )  # fmt: skip


THEMES = (
    Theme(
        "ladera-dark", primary="#4c9be8", secondary="#3d7ab8", warning="#e8c15a", error="#ff6b6b", success="#5fd38d",
        accent="#ef9f20", foreground="#e4e6ea", background="#14171c", surface="#1c2027", panel="#2a303a",
        variables={"block-cursor-background": "#2b5f96", "block-cursor-foreground": "#ffffff", "rule": "#3f4754"},
    ),
    Theme(
        "ladera-light", primary="#1f5fa8", secondary="#3d7ab8", warning="#7a4b00", error="#b00020", success="#00602a",
        accent="#8a4b00", foreground="#1c1f24", background="#fafafa", surface="#f4f4f4", panel="#e2e5ea", dark=False,
        variables={"block-cursor-background": "#1f5fa8", "block-cursor-foreground": "#ffffff", "rule": "#b4bac4"},
    ),
    Theme(
        "ladera-contrast", primary="#8fdcff", secondary="#8fdcff", warning="#ffe97a", error="#ff8a8a", success="#7dff9a",
        accent="#ffe97a", foreground="#ffffff", background="#000000", surface="#000000", panel="#262626",
        variables={
            "block-cursor-background": "#ffffff", "block-cursor-foreground": "#000000", "rule": "#a0a0a0",
            "text-muted": "#d0d0d0", "text-disabled": "#a0a0a0",
        },
    ),
    Theme(
        "ladera-colour-blind", primary="#62c4ff", secondary="#3d7ab8", warning="#f5ee7a", error="#ff8040",
        success="#62c4ff", accent="#f5ee7a", foreground="#e8e8e8", background="#14171c", surface="#1c2027",
        panel="#2a303a",
        variables={"block-cursor-background": "#2b5f96", "block-cursor-foreground": "#ffffff", "rule": "#3f4754"},
    ),
    _ansi("ladera-ansi", dark=True),
    _ansi("ladera-ansi-light", dark=False),
)  # fmt: skip

_OWN = {theme.name: theme.name.removeprefix("ladera-") for theme in THEMES}


def ink_of(theme: Theme) -> str:
    """The name of the ink that suits a theme: its own, or for Textual's themes that of their ground."""
    ground = "light" if not theme.dark else "ansi" if theme.ansi else "dark"
    return _OWN.get(theme.name, "ansi-light" if theme.ansi and not theme.dark else ground)
