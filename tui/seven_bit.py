"""The lab's signs and the formulas' letters in 7-bit characters, for terminals that have no others."""

from __future__ import annotations

import re

from .text import ascii_only

#: What is drawn rather than read, by its look; one character each.
DRAWN = {
    **dict.fromkeys("─━═┄┅┈╌╴╶▁▔⎺⎻⎼⎽", "-"),
    **dict.fromkeys("│┃║┆┊╎▏▕▎▍▌▐", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝┏┓┗┛", "+"),
    **dict.fromkeys("█▉▊▋▓▒░▀▄▂▃▅▆▇▖▗▘▙▚▛▜▝▞▟", "#"),
    **dict.fromkeys("⏎↵", "<"),
    **{chr(0x2800 + dots): ":" if dots else " " for dots in range(256)},
    "▶": ">", "◀": "<", "▼": "v", "▲": "^", "✓": "+", "✔": "+", "❌": "x", "⭘": "o",
}  # fmt: skip
_SIGNS = {
    "●": "*", "○": "o", "◌": ".", "♦": "+", "•": "*", "■": "#", "□": "-", "✗": "x", "‖": "||", "▸": ">", "▴": "^", "▾": "v", "▰": "#", "▱": ".",
    "·": "*", "\u0302": "^", "\u0304": "_", "ĥ": "h^", "ŷ": "y^", "′": "'", "—": "-", "–": "-", "…": "...", "≤": "<=", "≥": ">=", "≠": "!=",
    "≈": "~", "×": "x", "−": "-", "←": "<-", "→": "->", "↑": "up", "↓": "down", "∈": "in", "∗": "*", "⊙": "*", "∘": ".", "√": "sqrt ",
    "Σ": "sum ", "∑": "sum ", "∏": "prod ", "∇": "grad ", "∂": "d", "∫": "integral ", "∞": "inf", "±": "+-", "ℝ": "R", "°": " deg",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "Delta", "ε": "eps", "η": "eta", "θ": "theta", "κ": "kappa",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "Φ": "Phi", "ψ": "psi", "ω": "omega",
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "ℓ": "l", "’": "'", "“": '"', "”": '"', "∼": "~", "∥": "||", "⟨": "<", "⟩": ">",
    "∝": "~", "∀": "for all ", "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⁄": "/", "⌫": "Backspace", "Α": "A", "Ω": "Omega",
}  # fmt: skip
_TABLE = str.maketrans(DRAWN | _SIGNS)
#: An exponent of several characters has one sign before it: 10⁻⁴ is 10^-4.
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵏᵀ", "0123456789+-nkT", strict=True))
_EXPONENT = re.compile(f"[{''.join(_RAISED)}]+")


def seven_bit(text: str) -> str:
    """Text in 7-bit characters: signs by their look, letters by their name, accents dropped, the rest `?`."""
    if text.isascii():
        return text
    text = text.replace(" · ", " - ")  # between words; between factors it multiplies
    text = _EXPONENT.sub(lambda found: "^" + "".join(_RAISED[one] for one in found[0]), text)
    return "\n".join(ascii_only(line.translate(_TABLE)) for line in text.split("\n"))
