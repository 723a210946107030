"""The smallest set of packages that carries a change, with checks that know the truth and a solver that refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from fixtures.arms.arm import CURRENT
from fixtures.arms.environments import Changed, EnvironmentBuildError, Interpreter
from fixtures.arms.environments.between import Between
from fixtures.judging.bisection import Change, UnusableError
from fixtures.sessions.blaming import Blame
from fixtures.sessions.budget import Budget
from fixtures.sessions.searching import Check, Search
from tests.unit.test_searching import Kept

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fixtures.arms.environments import Source
    from fixtures.sessions.searching import State

NAMES = "abcdefghij"
PAIRS = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] < pair[1])
OTHER = Changed(tuple(f"{name}==1" for name in NAMES))


def blamed(
    needed: Collection[str] | None,
    pairs: Collection[tuple[str, str]] = (),
    other: Source = OTHER,
    *,
    elsewhere: bool = False,
    installed: bool = False,
    unbuildable: Collection[str] = (),
    unreachable: bool = False,
) -> Blame:
    """What is found where a change needs all of some packages in their current version.

    Args:
        needed: they; None where nothing changes at all.
        pairs: packages that need each other's version.
        other: the other environment.
        elsewhere: whether the change is in the environment itself, and in no package.
        installed: whether it is in how the current environment was installed.
        unbuildable: packages, or the label of a state, that make an environment fail which moves them first.
        unreachable: whether the solver can no longer be asked once the search has begun.
    """
    between = Between(dict.fromkeys(NAMES, "2"), dict.fromkeys(NAMES, "1"))

    def refuses(requirements: Collection[str]) -> str:
        versions = dict(text.split("==") for text in requirements)
        return "; ".join(f"{one} needs {two}" for one, two in pairs if versions.get(one) != versions.get(two))

    def has_it(source: Source) -> bool:
        if installed or elsewhere:
            return source == CURRENT or (elsewhere and source != other)
        if source == other or needed is None:
            return False
        if source == CURRENT:
            return True
        assert isinstance(source, Changed)
        return all(f"{name}==2" in source.requirements for name in needed)

    def search(states: list[State], budget: Budget) -> Search:
        def measure(before: int, after: int, allowed: Budget) -> Check:
            for place in (before, after):
                if {states[place].label, *states[place].moved} & set(unbuildable) and states[place].source != CURRENT:
                    raise UnusableError(place, "it cannot be built")
            changed = has_it(states[after].source) - has_it(states[before].source)
            change = {1: Change.WORSE, 0: Change.SAME, -1: Change.BETTER}[changed]
            spent.append(allowed.alpha)
            return Check(before, after, change, {}, seconds=1.0, alpha=allowed.alpha)

        return Search(states, measure, Kept(), budget, lambda _: None)

    spent: list[float] = []
    asked = cannot_be_asked if unreachable else refuses
    blame = Blame(between, between.steps(refuses), (other, CURRENT), search, asked, Budget(None, 0.01))
    blame.run()
    assert sum(spent) <= 0.01
    return blame


def cannot_be_asked(_: Collection[str]) -> str:
    """A solver behind a network that is gone."""
    raise EnvironmentBuildError("asking uv failed: no network\nmore words")


@given(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3))
def test_the_smallest_set_is_found_whatever_it_takes(needed: set[str]) -> None:
    """One package, or two or three that bring it together only."""
    blame = blamed(needed)
    assert (set(blame.culprits), blame.complete) == (needed, True)


@given(
    st.sampled_from(NAMES),
    st.sets(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] < pair[1]), max_size=3
    ),
)
def test_with_what_cannot_be_parted_the_culprit_is_among_those_named(culprit: str, pairs: set[tuple[str, str]]) -> None:
    """It is said with whom, and in the solver's words why."""
    blame = blamed({culprit}, pairs)
    assert culprit in blame.culprits
    if len(blame.culprits) > 1:
        assert any("cannot be parted" in sentence for sentence in blame.sentences)
    if not any(culprit in pair for pair in pairs):
        assert blame.culprits == [culprit]


def test_two_that_cannot_be_parted_are_the_answer() -> None:
    """Torch and triton."""
    blame = blamed({"c"}, {("c", "f")})
    assert (set(blame.culprits), blame.complete) == ({"c", "f"}, True)
    assert blame.sentences == ["c and f cannot be parted: c needs f"]


def test_a_change_that_no_package_carries_is_said() -> None:
    """Another Python, for example: with the same packages here, it is there already."""
    blame = blamed((), other=Interpreter(Path("/other/bin/python")), elsewhere=True)
    assert (blame.culprits, blame.complete) == ([], True)
    assert "No package that both environments have carries it" in blame.sentences[0]


def test_how_the_current_one_was_installed_is_no_package() -> None:
    """Another build of the same versions: the last package that is moved is not to blame for it."""
    blame = blamed((), installed=True)
    assert (blame.culprits, blame.complete) == ([], True)
    assert "how the current environment was installed" in blame.sentences[0]


def test_no_package_is_named_where_python_may_be_it() -> None:
    """The other one's packages cannot be installed beside the current Python, so nothing parts the two."""
    other = Interpreter(Path("/other/bin/python"))
    blame = blamed((), other=other, elsewhere=True, unbuildable={"its packages here"})
    assert (blame.culprits, blame.complete) == ([], False)
    assert "no package is named" in blame.sentences[0]


def test_a_solver_that_cannot_be_asked_proves_nothing() -> None:
    """What was found stays, and that it may not be the smallest set is said in one line."""
    blame = blamed({"d"}, unreachable=True)
    assert ("d" in blame.culprits, blame.complete) == (True, False)
    assert blame.sentences == ["Whether d can be moved alone is not known: asking uv failed: no network"]


def test_no_change_ends_there() -> None:
    """One check, and nobody is named."""
    blame = blamed(None)
    assert (blame.culprits, len(blame.searches), len(blame.searches[0][0].checks)) == ([], 1, 1)


def test_what_takes_more_packages_than_are_searched_is_said_to_be_incomplete() -> None:
    """What is named is needed, and is not all that is."""
    blame = blamed(set(NAMES))
    assert set(blame.culprits) < set(NAMES)
    assert not blame.complete
    assert "is not searched further" in blame.sentences[-1]


def test_where_an_environment_cannot_be_built_both_packages_are_named() -> None:
    """What lies beside the gap is not guessed."""
    blame = blamed({"d"}, unbuildable={"d"})
    assert blame.culprits == ["d", "e"]
    found: dict[str, Any] = blame.as_dict()
    assert list(found["skipped"]) == ["+ d"]
    assert not blame.complete
    assert blame.sentences == ["+ d could not be measured: which of them carries it is not known."]
    assert found["versions"]["d"] == ["1", "2"]


def test_every_state_is_named_once() -> None:
    """Labels tell states apart, in all searches."""
    blame = blamed({"b", "g"})
    for search, _ in blame.searches:
        labels: Sequence[str] = [state.label for state in search.states]
        assert len(set(labels)) == len(labels)
