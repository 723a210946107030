"""A prior, margins and a level, by which tests judge runs against saved ones."""

from __future__ import annotations

from fixtures.judging.spread import Prior
from fixtures.judging.verdicts import margins_of

PRIOR = Prior(deviation=0.05, freedom=4.0)
MARGINS = margins_of(0.05)
LEVEL = 0.01
