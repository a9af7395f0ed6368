"""The cost of the screen, from samples by hand."""

from __future__ import annotations

from ladera.tui.screen_cost import ScreenCost


def test_the_rates_are_those_of_the_last_ten_seconds() -> None:
    cost = ScreenCost()
    assert (cost.rates, str(cost)) == (None, "…")
    for tenth in range(301):
        # A thousand bytes and 20 ms a second for twenty seconds, then three times as much.
        now = tenth / 10
        amount = now if now <= 20 else 20 + 3 * (now - 20)
        cost.sample(100.0 + now, int(1000 * amount), 0.02 * amount)
    assert cost.rates is not None
    assert [round(rate, 6) for rate in cost.rates] == [3000.0, 0.06]
    assert str(cost) == "2.93 KiB/s to the terminal, 6.0% of a core"
