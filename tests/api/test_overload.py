"""What a worker turns away that cannot keep up: test mode first, then live reads, live writes at last."""

from __future__ import annotations

from nostro.api.overload import READ, TEST, WRITE, Shedder

STEP = 0.1


def shed(shedder: Shedder, kind: int, of: int = 100) -> int:
    return sum(shedder.sheds(kind) for _ in range(of))


def shares(shedder: Shedder) -> list[int]:
    return [shed(shedder, kind) for kind in (TEST, READ, WRITE)]


def beats(shedder: Shedder, load: float, seconds: float) -> None:
    for _ in range(round(seconds / STEP)):
        shedder.beat(load, STEP)


def test_nothing_is_shed_at_ease() -> None:
    shedder = Shedder()
    beats(shedder, 0.9, 60)
    assert shares(shedder) == [0, 0, 0]


def test_one_hiccup_sheds_nothing() -> None:
    shedder = Shedder()
    for _ in range(100):
        shedder.beat(9.0, STEP)
        shedder.beat(0.7, STEP)
    assert shares(shedder) == [0, 0, 0]


def test_each_kind_waits_until_the_one_before_is_gone() -> None:
    shedder = Shedder()
    seen = []
    for _ in range(20):
        shedder.beat(2.0, STEP)
        seen.append(shares(shedder))
    assert seen[-1] == [100, 100, 100]
    for test, read, write in seen:
        assert (read == 0 or test == 100) and (write == 0 or read == 100)
    assert [0, 0, 0] < seen[1] < [100, 0, 0], "gradually"


def test_it_stays_between_overload_and_relief_and_then_falls_slowly() -> None:
    shedder = Shedder()
    beats(shedder, 1.5, 0.85)
    before = shares(shedder)
    assert before[TEST] == 100 and 0 < before[READ] < 100 and before[WRITE] == 0
    level = shedder.level
    beats(shedder, 0.8, 30)
    assert shedder.level == level
    beats(shedder, 0.1, 1)
    assert level - 0.3 < shedder.level < level, "what was turned away must not come back at once"
    beats(shedder, 0.1, 20)
    assert shares(shedder) == [0, 0, 0]


def test_a_part_is_evenly_spread() -> None:
    shedder = Shedder()
    shedder.level = 0.25
    assert [n for n in range(16) if shedder.sheds(TEST)] == [3, 7, 11, 15]
