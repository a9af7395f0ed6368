"""When the screen may be drawn anew: as often as its cost allows beside training, and as the terminal can carry."""

from __future__ import annotations

#: Seconds between two frames, at least and at most.
FASTEST, SLOWEST = 0.25, 4.0
#: Seconds from the start of a run in which drawing may take more, and the share of the time that it then may take at
#: least: a short run is worth being seen.
EAGER, EAGER_SHARE = 1.0, 0.05
#: Bytes a second that frames may take on the long run, and so many at once: a connection is shared with others.
BYTES, BURST = 13_000, 12_000
#: Seconds between looks at a terminal that is still busy with the last frame, and until it is called slow.
BUSY, SLOW = 0.5, 1.0


class Redraw:
    """Decides; knows no clock and no screen."""

    def __init__(self, used: float) -> None:
        """`used` is the processor time of the drawing thread so far, in seconds."""
        self._used = used
        self._due = 0.0
        self._room, self._seen = float(BURST), (0.0, 0)
        "Bytes that may still be written at once; and when that was reckoned, with the bytes written until then."
        self._eager_until = 0.0
        self._behind_since: float | None = None
        self._sent = False
        self.slow = False
        "Whether the terminal takes long for what it is given."

    def begin(self, now: float, used: float, written: int = 0) -> None:
        """A run starts: show at once, and often for a while; what was drawn before it is no cost of its frames."""
        self._due, self._eager_until = now, now + EAGER
        self._used, self._room, self._seen = used, float(BURST), (now, written)

    def carried(self, now: float, behind: bool) -> bool:
        """Take notice of whether the terminal is behind; returns whether it is not, and may be given more."""
        if behind:
            self._behind_since = now if self._behind_since is None else self._behind_since
            self.slow = self.slow or now - self._behind_since >= SLOW
            self._due = max(self._due, now + BUSY)
            return False
        if self._behind_since is not None:
            self.slow = now - self._behind_since >= SLOW
            self._behind_since = None
        elif self._sent:  # the last frame went out before anybody looked
            self.slow = False
        self._sent = False
        return True

    def away(self) -> None:
        """Nobody looks: what the terminal does meanwhile is another screen's."""
        self._behind_since, self.slow = None, False

    def due(self, now: float) -> bool:
        """Whether enough time has passed since the last frame."""
        return now >= self._due

    def drawn(self, now: float, used: float, share: float, written: int = 0) -> None:
        """A frame was drawn: the next comes when what they cost is at most that share of the time.

        The cost is the thread's processor time from the frame before to this one, painting included; and `written` are
        the bytes that the terminal was given so far.
        """
        self._sent = True
        cost, self._used = used - self._used, used
        pause = cost / (max(share, EAGER_SHARE) if now < self._eager_until else share)
        before, bytes_before = self._seen
        room = min(BURST, self._room + BYTES * (now - before)) - (written - bytes_before)
        self._room = max(room, -BURST)  # pages that keys opened are no debt of the frames
        self._seen = now, written
        self._due = now + max(min(SLOWEST, max(FASTEST, pause)), -self._room / BYTES)
