"""The last things made are kept, up to a size."""

from bosquet.sim.recent import Recent


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    recent: Recent[str, str] = Recent(limit=5)
    made: list[str] = []

    def ask(key: str, size: int) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return recent.get(key, size, make)

    assert [ask("a", 2), ask("b", 2), ask("a", 2)] == ["A", "B", "A"]
    assert made == ["a", "b"]
    ask("c", 2)  # too much: b goes, which was asked for before a
    assert [ask("a", 2), ask("c", 2)] == ["A", "C"]
    assert made == ["a", "b", "c"]
    ask("b", 2)
    assert made == ["a", "b", "c", "b"]


def test_the_newest_stays_however_large() -> None:
    recent: Recent[int, list[int]] = Recent(limit=5)
    large = recent.get(1, 100, lambda: [1])
    assert recent.get(1, 100, lambda: [2]) is large
    recent.get(2, 1, lambda: [3])
    assert recent.get(1, 100, lambda: [4]) == [4]
