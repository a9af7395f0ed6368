"""The polynomials of the inputs, as a first layer without parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from .layers import Layer


class Polynomials(Layer):
    """p_1(x), …, p_degree(x) of every input, p_k a polynomial of degree k; only as the first layer.

    They span the same functions as the powers x, …, x^degree, but are orthonormal over the training part, with the
    constant as p_0: mean p_j p_k = 1 if j = k, else 0. Powers are nearly parallel from degree 5 on, and gradient descent
    then stops far from the least-squares fit. The order is p_1 of all inputs, p_2 of all, and so on. A p_k that is 0 on
    the whole training part, as where an input has no more than k values, is 0 everywhere.

    The recurrence t p_(k-1) = Σ_(j<=k) h_jk p_j is found as by Arnoldi (Brubeck, Nakatsukasa, Trefethen 2021) for the
    inputs t, brought to [-1, 1] by the training part's range; in double precision, for high degrees on few points. Of a
    training part too large to hold all p_k at once, every n-th example counts.
    """

    #: A p_k that is smaller than this beside t p_(k-1), before it is scaled, is what rounding left of 0.
    _NOTHING = 1e-9
    #: Numbers held while fitting: 128 MiB.
    _HELD = 1 << 24

    def __init__(self, features: int, degree: int) -> None:
        self.features, self.degree = features, degree
        self.operations = features * degree * (degree + 1) // 2
        self.width = 2 * features * (degree + 1)  # of double precision

    def fit(self, x: Tensor) -> None:
        low, high = self._exact(x.amin(0)), self._exact(x.amax(0))
        self._middle, self._half = (low + high) / 2, torch.where(high > low, (high - low) / 2, 1.0)
        every = 1 + x.numel() * (self.degree + 1) // self._HELD
        t = (self._exact(x[::every]) - self._middle) / self._half
        self._recurrence = t.new_zeros(self.degree, self.degree + 1, self.features)
        basis = [torch.ones_like(t)]
        for h in self._recurrence:
            following = t * basis[-1]
            before = following.square().mean(0).sqrt()
            # Twice: what the first pass leaves of the earlier ones is rounding, and that grows with the degree.
            for _ in range(2):
                for j, earlier in enumerate(basis):
                    share = (following * earlier).mean(0)
                    h[j] += share
                    following = following - share * earlier
            norm = following.square().mean(0).sqrt()
            h[len(basis)] = torch.where(norm > self._NOTHING * before, norm, torch.inf)
            basis.append(following / h[len(basis)])

    def forward(self, x: Tensor, training: bool) -> Tensor:
        t = (self._exact(x) - self._middle) / self._half
        basis = t.new_ones(self.degree + 1, *t.shape)
        for k, h in enumerate(self._recurrence, 1):
            earlier = (basis[:k] * h[:k, None]).sum(0)
            torch.div(t * basis[k - 1] - earlier, h[k], out=basis[k])
        return basis[1:].transpose(0, 1).reshape(len(x), -1).to(x.dtype)

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return None

    def describe(self) -> str:
        return f"polynomials of degree 1 to {self.degree} of {self.features}"

    @staticmethod
    def _exact(x: Tensor) -> Tensor:
        return x if x.device.type == "mps" else x.double()  # Apple's GPUs have no float64.
