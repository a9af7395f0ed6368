"""Panes beside the charts: the machine, the log of the run, and the figures of the lecture."""

from __future__ import annotations

from .lab_base import LabBase


class Panes(LabBase):
    """What a user may look at beside the curves."""

    def action_system(self) -> None:
        """Look at the machine and at the process that trains."""
        from .screens.system import SystemScreen  # the first frame waits for nothing that it does not show

        self.push_screen(SystemScreen(self.current, self.runs_dir))

    def action_figures(self) -> None:
        """Look at the lecture's figures: costs of probabilities, paths of the optimizers, polynomials and fits."""
        from .screens.figures import FiguresScreen

        self.push_screen(FiguresScreen())

    def action_log(self) -> None:
        """Read what happened in the current run, line by line, and what libraries printed."""
        from .screens.log import LogScreen

        self.push_screen(LogScreen(self.current, list(self.sitting.runs)))
