"""The lab's signs and the formulas' letters in 7-bit characters, for terminals that have no others."""

from __future__ import annotations

from .text import ascii_only

_SIGNS = {
    "●": "*", "○": "o", "■": "#", "□": "-", "✗": "x", "‖": "=", "▸": ">", "▾": "v", "▰": "#", "▱": ".",
    "·": "*", "²": "^2", "³": "^3", "ᵏ": "^k", "ⁿ": "^n", "\u0302": "^", "\u0304": "_", "′": "'", "—": "-", "–": "-", "…": "...", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "×": "x", "−": "-",
    "←": "<-", "→": "->", "↑": "up", "↓": "down", "∈": "in", "∗": "*", "⊙": "*", "∘": ".", "√": "sqrt ", "Σ": "sum ",
    "∏": "prod ", "∇": "grad ", "∂": "d", "∞": "inf", "±": "+-", "ℝ": "R", "°": " deg",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "Delta", "ε": "eps", "η": "eta", "θ": "theta", "κ": "kappa",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ψ": "psi", "ω": "omega",
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "∑": "sum ", "ℓ": "l", "ᵀ": "^T", "’": "'", "“": '"', "”": '"',
    "∼": "~", "∥": "||", "∫": "integral ", "⟨": "<", "⟩": ">", "∝": "~", "∀": "for all ", "ŷ": "y^", "⁻": "^-",
}  # fmt: skip
_TABLE = str.maketrans(_SIGNS)


def seven_bit(text: str) -> str:
    """Text in 7-bit characters: signs by their look, letters by their name, accents dropped, the rest `?`."""
    if text.isascii():
        return text
    text = text.replace(" · ", " - ")  # between words; between factors it multiplies
    return "\n".join(ascii_only(line.translate(_TABLE)) for line in text.split("\n"))
