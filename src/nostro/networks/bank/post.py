"""How the simulated bank's answers reach us, or do not: the faults of its post.

Faults touch only the delivery. Whatever is late, doubled, cut off or out of order, the bank's books and what it has
to say are the same, and every answer arrives whole in the end.
"""

from __future__ import annotations

from msgspec import Struct

from .answer import Named
from .fate import dice


class Faults(Struct, frozen=True, kw_only=True):
    """How many of a million answers suffer each. `late` ones come one to three banking days later, `duplicate` ones
    twice, `partial` ones cut off in the middle and whole on the next morning, `reorder` ones after what comes next."""

    late: int = 0
    duplicate: int = 0
    partial: int = 0
    reorder: int = 0


class Letter(Struct, frozen=True, kw_only=True):
    """A file that the bank sends. Letters are delivered in the order of their names."""

    name: str
    content: bytes


class Post(Struct, kw_only=True):
    """`made` counts what was written, `sent` what was delivered. `behind` waits for the next letter to overtake it."""

    made: int = 0
    sent: int = 0
    behind: list[Named] = []


def send(post: Post, faults: Faults, seed: int, answer: Named) -> tuple[list[Letter], list[tuple[int, Named]]]:
    """What arrives now, and what arrives so many banking days later."""
    post.made += 1
    number = post.made

    def befalls(name: str, rate: int) -> bool:
        return dice(seed, "post", number, name) < rate

    if befalls("late", faults.late):
        return [], [(1 + dice(seed, "post", number, "days") % 3, answer)]
    if befalls("reorder", faults.reorder):
        post.behind.append(answer)
        return [], []
    now, later = [answer], []
    if befalls("partial", faults.partial):
        now, later = [Named(answer.name, answer.content[: len(answer.content) // 2])], [(1, answer)]
    elif befalls("duplicate", faults.duplicate):
        now.append(answer)
    return deliver(post, now), later


def deliver(post: Post, answers: list[Named]) -> list[Letter]:
    """Stamped with their place in the order of delivery; what hung behind follows."""
    overtaken, post.behind = post.behind, []
    first = post.sent + 1
    post.sent += len(answers) + len(overtaken)
    return [
        Letter(name=f"{number:07d}-{answer.name}", content=answer.content)
        for number, answer in enumerate((*answers, *overtaken), first)
    ]
