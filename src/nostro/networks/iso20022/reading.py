"""XML from a bank, as a stream of elements, in bounded memory and whoever wrote it.

Expat does the parsing; what can harm is refused where it is met: document types (so entities, internal and
external), depth, attributes, tokens and texts beyond what any message of ISO 20022 needs. An element that is asked
for is given out when it ends and forgotten, so a file of any length needs the memory of its largest record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime
from io import BytesIO
from typing import BinaryIO, Final
from xml.parsers import expat

from nostro.kernel.money import CURRENCIES, exponent
from nostro.networks.file_error import FileError

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
CHUNK: Final = 1 << 16
LARGEST_TOKEN: Final = 1 << 20  # bytes between two events of the parser: a tag with its attributes, a comment
LARGEST_TEXT: Final = 1 << 14  # characters in one element
MOST_ELEMENTS: Final = 50_000  # alive at once
MOST_ATTRIBUTES: Final = 20
MOST_PATHS: Final = 5_000
DEEPEST: Final = 40

AMOUNT: Final = re.compile(r"\+?(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?", re.ASCII)
DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)


class Spot:
    """A place in the message, shared by all the elements that stand there."""

    __slots__ = ("below", "depth", "name", "path", "wanted")

    def __init__(self, name: str, path: str, depth: int, wanted: bool) -> None:
        self.name, self.path, self.depth, self.wanted = name, path, depth, wanted
        self.below: dict[str, Spot] = {}


class Element:
    """One element: its text if it is a leaf, else its children in their order. `line` and `column` are where the
    record began that it stands in, as finding them for each element costs as much as reading it."""

    __slots__ = ("attributes", "children", "column", "line", "spot", "text")
    spot: Spot
    line: int
    column: int
    attributes: dict[str, str]
    text: str
    children: list[Element] | tuple[Element, ...]

    def get(self, *path: str) -> Element | None:
        """The first element down the path, or None."""
        found = self
        for name in path:
            for child in found.children:
                if child.spot.name == name:
                    found = child
                    break
            else:
                return None
        return found

    def one(self, *path: str) -> Element:
        found = self.get(*path)
        if found is None:
            raise self.refused("/".join(path))
        return found

    def every(self, name: str) -> list[Element]:
        return [child for child in self.children if child.spot.name == name]

    def read(self, *path: str) -> str:
        """The text down the path, "" where nothing is there."""
        found = self.get(*path)
        return found.text if found is not None else ""

    def need(self, *path: str) -> str:
        found = self.one(*path)
        if not found.text:
            raise found.refused("a text")
        return found.text

    def refused(self, expected: str) -> FileError:
        return FileError(self.line, expected, self.column + 1, self.spot.path)


# ---------------------------------------------------------------- values of elements


def amount(element: Element, currency: str | None = None) -> tuple[int, str]:
    """Minor units and the currency in lower case, which is `currency` if that is given."""
    code = element.attributes.get("Ccy", "").lower()
    if code not in CURRENCIES or element.attributes["Ccy"].islower():
        raise element.refused("an amount in a currency of ISO 4217")
    if currency is not None and code != currency:
        raise element.refused(f"an amount in {currency.upper()}, not {code.upper()}")
    return minor_units(element, code), code


def minor_units(element: Element, currency: str) -> int:
    found = AMOUNT.fullmatch(element.text)
    places = exponent(currency)
    if found is None or len(found[1] or "") + len(found[2] or "") > 18:
        raise element.refused(f"an amount of at most 18 digits, not {element.text[:40]!r}")
    cents = (found[2] or "").rstrip("0")
    if len(cents) > places:
        raise element.refused(f"an amount of at most {places} decimals, not {element.text}")
    return int((found[1] or "0") + cents.ljust(places, "0"))


def day(element: Element) -> date:
    """A date; of a moment, its day."""
    text = element.text
    found = DATE.fullmatch(text) or MOMENT.fullmatch(text)
    try:
        return date.fromisoformat(text[:10] if found else "")
    except ValueError:
        raise element.refused(f"a date, YYYY-MM-DD, not {text[:40]!r}") from None


def moment(element: Element) -> datetime:
    try:
        if MOMENT.fullmatch(element.text):
            return datetime.fromisoformat(element.text)
    except ValueError:
        pass
    raise element.refused(f"a moment, YYYY-MM-DDThh:mm:ss, not {element.text[:40]!r}")


def count(element: Element) -> int:
    if not (element.text.isascii() and element.text.isdigit() and len(element.text) <= 15):
        raise element.refused("a count of at most 15 digits")
    return int(element.text)


def yes(element: Element | None) -> bool:
    """`true` and `1` are; nothing is not."""
    if element is None:
        return False
    if element.text not in ("true", "false", "1", "0"):
        raise element.refused("true or false")
    return element.text in ("true", "1")


# ---------------------------------------------------------------- the stream


def elements(
    source: bytes | BinaryIO, messages: Collection[str], wanted: Collection[str], *, root: str = "Document"
) -> Iterator[tuple[str, Element, Element]]:
    """(message, parent, element) for each element whose path is in `wanted`, when it ends. The parent has what stood
    in it before, without the elements that were given out. Paths begin below `root`. `messages` are what the root's
    namespace may say, and may be {""} for a file of none."""
    stream = BytesIO(source) if isinstance(source, bytes) else source
    tree = _Tree(messages, wanted, root)
    parser = tree.parser
    fed = 0
    try:
        while chunk := stream.read(CHUNK):
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > LARGEST_TOKEN:
                raise tree.refused(f"no tag or comment of more than {LARGEST_TOKEN} bytes")
            yield from tree.take()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FileError(error.lineno, f"well-formed XML ({expat.ErrorString(error.code)})", error.offset + 1) from None
    except FileError:
        raise
    except (LookupError, ValueError):  # an encoding that does not exist, or that is not of single bytes
        raise FileError(1, "UTF-8, UTF-16 or an encoding of single bytes") from None
    yield from tree.take()


class _Tree:
    """The elements that are open, and those that have ended and were asked for.

    Namespaces are compared as they are written: the root says its own, with a prefix or without, and what has that
    prefix and does not change it is ours. Resolving the name of every element would cost a third of the time.
    """

    def __init__(self, messages: Collection[str], wanted: Collection[str], name: str) -> None:
        self.messages, self.wanted, self.name, self.message = messages, frozenset(wanted), name, ""
        self.space = self.declares = self.prefix = (
            ""  # the attribute that names our namespace, and what our names begin with
        )
        self.top: Element | None = None
        self.done: list[tuple[str, Element, Element]] = []
        self.paths = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.alive = self.attach()

    def take(self) -> list[tuple[str, Element, Element]]:
        if self.alive() > MOST_ELEMENTS:
            raise self.refused(f"records of at most {MOST_ELEMENTS} elements")
        done = self.done[:]
        self.done.clear()
        return done

    def refused(self, expected: str) -> FileError:
        path = self.top.spot.path if self.top else ""
        return FileError(self.parser.CurrentLineNumber, expected, self.parser.CurrentColumnNumber + 1, path)

    def doctype(self, *_: object) -> None:
        raise self.refused("a file without a document type")

    def attach(self) -> Callable[[], int]:
        """Build elements as the parser meets them: functions and no methods, as they are called for each tag."""
        parser, done = self.parser, self.done
        above: list[Element] = []
        marks: list[int] = []  # how many were alive when each open element that is wanted began
        top: Element | None = None
        text = ""
        alive = line = column = 0

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal top, text, alive, line, column
            element = Element()
            if attributes:
                tag = self.checked(tag, attributes)
            element.spot = spot = (top.spot.below.get(tag) or self.spot(top.spot, tag)) if top else self.root(tag)
            if spot.depth < 4 or spot.wanted:
                line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber
                if spot.wanted:
                    marks.append(alive)
            alive += 1
            element.line, element.column, element.attributes = line, column, attributes
            element.text, element.children = "", ()
            if top:
                above.append(top)
            self.top = top = element
            text = ""

        def end(_: str) -> None:
            nonlocal top, text, alive
            assert top is not None
            element = top
            if not element.children:
                element.text = text.strip()
            text = ""
            self.top = top = above.pop() if above else None
            if top is None:
                return
            if element.spot.wanted:
                done.append((self.message, top, element))
                alive = marks.pop()
            elif top.children:
                top.children.append(element)  # type: ignore[union-attr]
            else:
                top.children = [element]

        def characters(more: str) -> None:
            nonlocal text
            text = text + more if text else more
            if len(text) > LARGEST_TEXT:
                raise self.refused(f"a text of at most {LARGEST_TEXT} characters")

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
        return lambda: alive

    def checked(self, tag: str, attributes: dict[str, str]) -> str:
        """The tag, marked as another's if our namespace ends here."""
        if len(attributes) > MOST_ATTRIBUTES:
            raise self.refused(f"at most {MOST_ATTRIBUTES} attributes")
        if self.top is None:
            self.prefix = tag.partition(":")[0] + ":" if ":" in tag else ""
            self.declares = f"xmlns:{self.prefix[:-1]}" if self.prefix else "xmlns"
            self.space = attributes.get(self.declares, "")
        return tag if attributes.get(self.declares, self.space) == self.space else f"{{other}}{tag}"

    def root(self, tag: str) -> Spot:
        self.message = self.space.removeprefix(NAMESPACE)
        named = self.space.startswith(NAMESPACE) or not self.space
        if tag != f"{self.prefix}{self.name}" or self.message not in self.messages or not named:
            raise self.refused(f"a {self.name} of {', '.join(sorted(self.messages)) or 'no namespace'}")
        return Spot("", "", 0, False)

    def spot(self, above: Spot, tag: str) -> Spot:
        """A place not seen before. A name of another namespace is written in full, and so is none that we read."""
        self.paths += 1
        if self.paths > MOST_PATHS or above.depth >= DEEPEST:
            raise self.refused(f"at most {MOST_PATHS} kinds of element, {DEEPEST} deep")
        name = tag.removeprefix(self.prefix) if tag.startswith(self.prefix) else f"{{other}}{tag}"
        path = f"{above.path}/{name}" if above.path else name
        above.below[tag] = spot = Spot(name, path, above.depth + 1, path in self.wanted)
        return spot
