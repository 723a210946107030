"""A search's session: what each check may spend, what is kept, and that a search goes on where it was ended."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.environments import Changed
from fixtures.judging.bisection import Change, StoppedError, UnusableError, change_of, most_checks
from fixtures.judging.looks import plan_looks
from fixtures.judging.verdicts import judge, margins_of
from fixtures.sessions.budget import Budget
from fixtures.sessions.searching import USED_UP, Check, Search, State, as_dict, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

STATES = [State(f"1.{place}", Changed((f"six==1.{place}",))) for place in range(12)]
CULPRIT = 7


@dataclass
class Kept:
    """Remembers, as the workspace does."""

    attempts: dict[tuple[int, int], int] = field(default_factory=dict)
    decided: dict[tuple[int, int], Check] = field(default_factory=dict)

    def of(self, before: int, after: int) -> tuple[int, Check | None]:
        """What is kept."""
        return self.attempts.get((before, after), 0), self.decided.get((before, after))

    def keep(self, check: Check, attempts: int) -> None:
        """Keep it."""
        self.attempts[check.before, check.after] = attempts
        if check.change is not Change.OPEN:
            self.decided[check.before, check.after] = replace(check, kept=True)


def truth(before: int, after: int, budget: Budget) -> Check:
    """A check that takes a minute and is right."""
    change = Change.WORSE if before < CULPRIT <= after else Change.SAME
    return Check(before, after, change, {"round_seconds": 10.0}, seconds=60.0, alpha=budget.alpha)


def searched(
    kept: Kept, seconds: float | None = None, measure: Callable[[int, int, Budget], Check] = truth
) -> tuple[Search, str]:
    """A search that has ended, and what it came to."""
    search = Search(STATES, measure, kept, Budget(seconds, 0.01), lambda _: None)
    return search, outcome(search.run())


def test_a_search_whose_budget_is_used_up_goes_on_where_it_ended() -> None:
    """It says the interval that is left; nothing that was decided is measured again."""
    kept, made = Kept(), 0
    for run in range(20):  # noqa: B007 - how many there were is asked below
        search = Search(STATES, truth, kept, Budget(130.0, 0.01), lambda _: None)
        bisection = search.run()
        made += sum(not check.kept for check in search.checks)
        if outcome(bisection) == "found" and not bisection.stopped:
            break
        assert bisection.stopped == USED_UP
        assert sum(not check.kept for check in search.checks) == 2
        for low, high in bisection.left:
            assert low < CULPRIT <= high
    else:
        pytest.fail("it never ended")
    assert run > 0
    assert made == len(search.checks) == len(kept.decided)
    found = as_dict(bisection, search)
    assert [(one["before"], one["after"]) for one in found["changes"]] == [("1.6", "1.7")]


def test_all_checks_together_spend_the_error_at_most() -> None:
    """Also where each is made again and again without a decision."""
    kept, spent = Kept(), []

    def undecided(before: int, after: int, budget: Budget) -> Check:
        spent.append(budget.alpha)
        return Check(before, after, Change.OPEN, {}, seconds=1.0)

    for _ in range(12):
        assert searched(kept, measure=undecided)[1] == "undecided"
    assert len(spent) == 12
    assert sum(spent) <= 0.01 / most_checks(len(STATES))
    assert spent == sorted(spent, reverse=True)


def test_what_was_kept_of_a_smaller_search_is_not_taken_for_more_certain_than_it_is() -> None:
    """It may have spent more than is its share of this search; then it is made again."""
    kept = Kept()
    kept.keep(Check(0, 11, Change.SAME, {}, alpha=0.005), 1)
    search, answer = searched(kept)
    assert answer == "found"
    assert not any(check.kept for check in search.checks)


def test_what_interrupts_a_check_has_counted_as_an_attempt() -> None:
    """A look of it may have spent its share."""
    kept = Kept()

    def interrupted(*_: object) -> Check:
        raise StoppedError("it was interrupted")

    search, answer = searched(kept, measure=interrupted)
    assert (answer, kept.attempts) == ("undecided", {(0, 11): 1})
    assert search.checks == []


def test_a_release_that_does_not_train_is_skipped_with_its_reason() -> None:
    """And named in the saved result, as what the culprit may be among."""

    def measure(before: int, after: int, budget: Budget) -> Check:
        for place in (before, after):
            if place in (CULPRIT, 3):
                raise UnusableError(place, "it does not install")
        return truth(before, after, budget)

    search = Search(STATES, measure, Kept(), Budget(None, 0.01), lambda _: None)
    found = as_dict(search.run(), search)
    (change,) = found["changes"]
    assert (change["before"], change["after"], change["among"]) == ("1.6", "1.8", ["1.7"])
    assert set(found["skipped"]) <= {"1.3", "1.7"}
    assert set(found["skipped"].values()) == {"it does not install"}


def simulated(seed: int, spread: float) -> Callable[[int, int, Budget], Check]:
    """Checks as the gate makes them, of blocks with a planted truth: 5 % at one release, looks and levels its own."""
    generator = random.Random(seed)  # noqa: S311 - a simulation
    margins, culprit = margins_of(math.log1p(0.02)), 1 + seed % 11

    def measure(before: int, after: int, budget: Budget) -> Check:
        shift = math.log1p(0.05) if before < culprit <= after else 0.0
        values: list[float] = []
        change = Change.OPEN
        for look in plan_looks(40, budget.alpha):
            values += [generator.gauss(shift, spread) for _ in range(look.blocks - len(values))]
            judgement = judge({0: values}, {0: margins}, look.level)[0]
            change = change_of(judgement, margins)
            if change is not Change.OPEN:
                break
        return Check(before, after, change, {}, seconds=1.0)

    return measure


@pytest.mark.parametrize("spread", [0.006, 0.012])
def test_the_wrong_release_is_named_no_more_often_than_promised(spread: float) -> None:
    """Of 150 simulated searches over twelve releases, as restless as a quiet and a busy machine: none names another."""
    found = 0
    for seed in range(150):
        search, answer = searched(Kept(), measure=simulated(seed, spread))
        named = as_dict(search.run(), search)["changes"]
        assert all(one["after"] == f"1.{1 + seed % 11}" for one in named if one["change"] in ("worse", "better"))
        found += answer == "found"
    assert found >= 140
