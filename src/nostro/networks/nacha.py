"""ACH files: records of 94 characters, in blocks of ten. Amounts are cents; the currency is always `CURRENCY`.

A file is a header (1), batches (5 ... 8) of entries (6) with their addenda (7), and a control (9). `build` counts
and sums; `read` refuses a file whose counts, sums or hashes are not those of its records, and gives back the whole
file or an error. Returns carry one addenda 99, notifications of change one addenda 98.
"""

import io
from datetime import date, datetime
from typing import Any, BinaryIO, Final, Literal

import msgspec

from nostro.networks.file_error import FileError

CURRENCY: Final = "usd"
WIDTH: Final = 94
BLOCK: Final = 10
CREDITS: Final = frozenset({21, 22, 23, 31, 32, 33})
DEBITS: Final = frozenset({26, 27, 28, 36, 37, 38})
PRENOTES: Final = frozenset({23, 28, 33, 38})
OPPOSITE: Final = {22: 27, 27: 22, 32: 37, 37: 32}

# (field, width, kind): 9 digits, x text, r text to the right, d a date, = a constant (its value is the "field").
Layout = tuple[tuple[str, int, str], ...]
FILE_HEADER: Final[Layout] = (
    ("101", 3, "="), ("destination", 10, "r"), ("origin", 10, "r"), ("created", 10, "t"), ("modifier", 1, "x"),
    ("094101", 6, "="), ("destination_name", 23, "x"), ("origin_name", 23, "x"), ("reference", 8, "x"),
)  # fmt: skip
BATCH_HEADER: Final[Layout] = (
    ("5", 1, "="), ("class_code", 3, "9"), ("company_name", 16, "x"), ("company_data", 20, "x"),
    ("company_id", 10, "x"), ("entry_class", 3, "x"), ("description", 10, "x"), ("descriptive_date", 6, "x"),
    ("effective_date", 6, "d"), ("settlement_day", 3, "x"), ("1", 1, "="), ("odfi", 8, "x"), ("number", 7, "9"),
)  # fmt: skip
ENTRY: Final[Layout] = (
    ("6", 1, "="), ("code", 2, "9"), ("routing_number", 9, "x"), ("account_number", 17, "x"), ("amount", 10, "9"),
    ("individual_id", 15, "x"), ("name", 22, "x"), ("discretionary", 2, "x"), ("has_addenda", 1, "9"),
    ("trace_number", 15, "x"),
)  # fmt: skip
ADDENDA: Final[Layout] = (("705", 3, "="), ("text", 80, "x"), ("sequence", 4, "9"), ("entry_sequence", 7, "x"))
CHANGE: Final[Layout] = (
    ("798", 3, "="), ("code", 3, "x"), ("original_trace", 15, "x"), ("", 6, "="), ("original_rdfi", 8, "x"),
    ("corrected_data", 29, "x"), ("", 15, "="), ("trace_number", 15, "x"),
)  # fmt: skip
RETURN: Final[Layout] = (
    ("799", 3, "="), ("code", 3, "x"), ("original_trace", 15, "x"), ("date_of_death", 6, "x"),
    ("original_rdfi", 8, "x"), ("text", 44, "x"), ("trace_number", 15, "x"),
)  # fmt: skip
BATCH_CONTROL: Final[Layout] = (
    ("8", 1, "="), ("class_code", 3, "9"), ("count", 6, "9"), ("hash", 10, "9"), ("debits", 12, "9"),
    ("credits", 12, "9"), ("company_id", 10, "x"), ("", 25, "="), ("odfi", 8, "x"), ("number", 7, "9"),
)  # fmt: skip
FILE_CONTROL: Final[Layout] = (
    ("9", 1, "="), ("batches", 6, "9"), ("blocks", 6, "9"), ("count", 8, "9"), ("hash", 10, "9"),
    ("debits", 12, "9"), ("credits", 12, "9"), ("", 39, "="),
)  # fmt: skip


class Addenda(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """Addenda 99. `date_of_death` is YYMMDD as sent, for R14 and R15."""

    code: str
    original_trace: str
    original_rdfi: str
    text: str = ""
    date_of_death: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Addenda 98, a notification of change: `corrected_data` replaces what `code` names."""

    code: str
    original_trace: str
    original_rdfi: str
    corrected_data: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """`code` says credit or debit, checking (2x) or savings (3x), prenote (x3, x8), return or change (x1, x6)."""

    code: int
    routing_number: str
    account_number: str
    amount: int
    name: str
    trace_number: str
    individual_id: str = ""
    discretionary: str = ""
    addenda: tuple[Addenda | Return | Change, ...] = ()


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of one company, purpose and day. It is balanced where its own offset entry is among `entries`."""

    entry_class: Literal["PPD", "CCD", "WEB", "COR"]
    company_name: str
    company_id: str
    description: str
    effective_date: date
    odfi: str
    number: int
    entries: tuple[Entry, ...]
    company_data: str = ""
    descriptive_date: str = ""
    settlement_day: str = ""

    @property
    def debits(self) -> int:
        return sum(entry.amount for entry in self.entries if entry.code in DEBITS)

    @property
    def credits(self) -> int:
        return sum(entry.amount for entry in self.entries if entry.code in CREDITS)

    @property
    def class_code(self) -> int:
        """200 both ways, 220 credits only, 225 debits only."""
        ways = {entry.code in CREDITS for entry in self.entries}
        return 200 if len(ways) == 2 else 220 if True in ways else 225

    @property
    def hash(self) -> int:
        """The sum of the receiving banks' first eight digits; ten digits of it are kept."""
        return sum(int(entry.routing_number[:8]) for entry in self.entries) % 10**10

    @property
    def count(self) -> int:
        return sum(1 + len(entry.addenda) for entry in self.entries)


class File(msgspec.Struct, frozen=True, kw_only=True):
    """`modifier` (A-Z, 0-9) tells apart the files of one day."""

    destination: str
    origin: str
    created: datetime
    batches: tuple[Batch, ...]
    modifier: str = "A"
    destination_name: str = ""
    origin_name: str = ""
    reference: str = ""


def check_digit(routing: str) -> int:
    """The ninth digit of a routing number: weights 3 7 1, modulo 10."""
    return -sum(int(digit) * (3, 7, 1)[n % 3] for n, digit in enumerate(routing[:8])) % 10


def reversal(batch: Batch, *, number: int, effective_date: date) -> Batch:
    """The batch that takes `batch` back: each entry the other way, described as the rules ask."""
    for entry in batch.entries:
        if entry.code not in OPPOSITE:
            raise FileError(0, f"entries that moved money; {entry.code} cannot be reversed")
    entries = tuple(msgspec.structs.replace(entry, code=OPPOSITE[entry.code]) for entry in batch.entries)
    return msgspec.structs.replace(
        batch, entries=entries, number=number, effective_date=effective_date, description="REVERSAL"
    )


# ---------------------------------------------------------------- building


def build(file: File) -> bytes:
    """The file's bytes, lines ended by a line feed, filled with nines to a whole block."""
    lines = [_write(FILE_HEADER, _fields(file))]
    check = _Checks()
    for batch in file.batches:
        lines.append(_write(BATCH_HEADER, _fields(batch) | {"class_code": batch.class_code}))
        for entry in batch.entries:
            check.entry(entry, batch, 0)
            lines.append(_write(ENTRY, _fields(entry) | {"has_addenda": int(bool(entry.addenda))}))
            lines += [_write_addenda(addenda, n, entry) for n, addenda in enumerate(entry.addenda, 1)]
        lines.append(_write(BATCH_CONTROL, _batch_totals(batch)))
    lines.append(_write(FILE_CONTROL, _file_totals(file.batches, len(lines) + 1)))
    lines += ["9" * WIDTH] * (-len(lines) % BLOCK)
    return ("\n".join(lines) + "\n").encode("ascii")


def _fields(value: msgspec.Struct) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _batch_totals(batch: Batch) -> dict[str, object]:
    names = ("class_code", "count", "hash", "debits", "credits", "company_id", "odfi", "number")
    return {name: getattr(batch, name) for name in names}


def _file_totals(batches: tuple[Batch, ...], lines: int) -> dict[str, object]:
    """`lines` to the control's own; the fill completes the last block."""
    return {
        "batches": len(batches),
        "blocks": -(-lines // BLOCK),
        "count": sum(batch.count for batch in batches),
        "hash": sum(batch.hash for batch in batches) % 10**10,
        "debits": sum(batch.debits for batch in batches),
        "credits": sum(batch.credits for batch in batches),
    }


def _write_addenda(addenda: Addenda | Return | Change, sequence: int, entry: Entry) -> str:
    fields = _fields(addenda) | {"trace_number": entry.trace_number}
    if isinstance(addenda, Addenda):
        return _write(ADDENDA, fields | {"sequence": sequence, "entry_sequence": entry.trace_number[-7:]})
    return _write(RETURN if isinstance(addenda, Return) else CHANGE, fields)


def _write(layout: Layout, fields: dict[str, object]) -> str:
    line = ""
    for name, width, kind in layout:
        if kind == "=":
            line += name.ljust(width)
            continue
        value = fields[name]
        if isinstance(value, datetime | date):
            text = value.strftime("%y%m%d%H%M" if kind == "t" else "%y%m%d")
            if _moment(text, kind) != value:
                raise FileError(0, f"{name} of 2000 to 2068, to the minute, not {value}", len(line) + 1)
        else:
            text = str(value).zfill(width) if kind == "9" else str(value)
        bad = text != text.strip() or not text.isascii() or not text.isprintable()
        if len(text) > width or (bad and kind != "9") or (kind == "9" and not text.isdigit()):
            raise FileError(0, f"{name} of at most {width} printable ASCII characters, not {value!r}", len(line) + 1)
        line += text.rjust(width) if kind == "r" else text.ljust(width)
    return line


def _moment(text: str, kind: str) -> date | datetime:
    moment = datetime.strptime(text, "%y%m%d%H%M" if kind == "t" else "%y%m%d")
    return moment if kind == "t" else moment.date()


# ---------------------------------------------------------------- reading


def read(source: bytes | BinaryIO) -> File:
    """The whole file, or a FileError. Takes one line at a time, and never more than 97 bytes of it."""
    lines = _Lines(io.BytesIO(source) if isinstance(source, bytes) else source)
    header = lines.fields(FILE_HEADER)
    check = _Checks()
    batches: list[Batch] = []
    while lines.take()[0] == "5":
        batches.append(_read_batch(lines, check))
    lines.totals(FILE_CONTROL, _file_totals(tuple(batches), lines.number))
    while lines.number % BLOCK:
        if lines.take(end=True) != "9" * WIDTH:
            raise FileError(lines.number, "nines that fill the last block")
    if lines.stream.read(1):
        raise FileError(lines.number + 1, "the end of the file")
    return File(**header, batches=tuple(batches))


def _read_batch(lines: "_Lines", check: "_Checks") -> Batch:
    header = lines.parse(BATCH_HEADER)
    opened = lines.number
    entries: list[Entry] = []
    if header["entry_class"] not in ("PPD", "CCD", "WEB", "COR"):
        raise FileError(opened, "PPD, CCD, WEB or COR", 51)
    lines.take()
    while lines.line[0] == "6":
        entry = lines.parse(ENTRY)
        number = lines.number
        addenda: list[Addenda | Return | Change] = []
        while lines.take()[0] == "7":
            addenda.append(_read_addenda(lines, len(addenda) + 1, str(entry["trace_number"])))
        if entry.pop("has_addenda") != int(bool(addenda)):
            raise FileError(number, "an addenda indicator that agrees with the records that follow", 79)
        value = Entry(**entry, addenda=tuple(addenda))
        check.entry(value, None, number)
        entries.append(value)
    declared = header.pop("class_code")
    batch = Batch(**header, entries=tuple(entries))
    if declared != 200 and entries and declared != batch.class_code:
        raise FileError(opened, "service class 200, or the one of the batch's entries", 2)
    for each in entries:
        check.belongs(each, batch, opened)
    lines.totals(BATCH_CONTROL, _batch_totals(batch) | {"class_code": declared})
    return batch


def _read_addenda(lines: "_Lines", sequence: int, trace: str) -> Addenda | Return | Change:
    kind = lines.line[1:3]
    if kind == "05":
        fields = lines.parse(ADDENDA)
        if (fields.pop("sequence"), fields.pop("entry_sequence")) != (sequence, trace[-7:]):
            raise FileError(lines.number, f"addenda {sequence} of the entry with trace number {trace}", 84)
        return Addenda(**fields)
    fields = lines.parse(CHANGE if kind == "98" else RETURN)
    if fields.pop("trace_number") != trace:
        raise FileError(lines.number, f"the trace number of its entry, {trace}", 80)
    return Change(**fields) if kind == "98" else Return(**fields)


class _Lines:
    """One line at a time, each of 94 printable ASCII characters."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.number, self.line = stream, 0, ""

    def take(self, *, end: bool = False) -> str:
        raw = self.stream.readline(WIDTH + 3)
        self.number += 1
        text = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(text) != WIDTH:
            raise FileError(self.number, f"{WIDTH} characters and a line end", min(len(text), WIDTH) + 1)
        line = text.decode("latin-1")
        if not (line.isascii() and line.isprintable()):
            position = next(n for n, byte in enumerate(text, 1) if not 32 <= byte <= 126)
            raise FileError(self.number, "a printable ASCII character", position)
        self.line = line
        return line

    def fields(self, layout: Layout) -> dict[str, Any]:
        self.take()
        return self.parse(layout)

    def parse(self, layout: Layout) -> dict[str, Any]:
        found: dict[str, Any] = {}
        at = 0
        for name, width, kind in layout:
            text = self.line[at : at + width]
            if kind == "=" and text != name.ljust(width):
                raise FileError(self.number, repr(name.ljust(width)), at + 1)
            if kind == "9" and not text.isdigit():
                raise FileError(self.number, f"{name}, {width} digits", at + 1)
            if kind in "dt":
                try:
                    found[name] = _moment(text, kind)
                except ValueError:
                    raise FileError(self.number, f"{name}, a date", at + 1) from None
            elif kind != "=":
                found[name] = int(text) if kind == "9" else text.strip()
            at += width
        return found

    def totals(self, layout: Layout, expected: dict[str, Any]) -> None:
        found, at = self.parse(layout), 1
        for name, width, kind in layout:
            if kind != "=" and found[name] != expected[name]:
                raise FileError(self.number, f"{name} {expected[name]}, not {found[name]}", at)
            at += width


class _Checks:
    """The rules that hold for an entry, and trace numbers that are in the file once."""

    def __init__(self) -> None:
        self.traces: set[str] = set()

    def entry(self, entry: Entry, batch: Batch | None, line: int) -> None:
        routing, trace = entry.routing_number, entry.trace_number
        if entry.code not in CREDITS | DEBITS:
            raise FileError(line, "a transaction code of a checking or savings account", 2)
        if len(routing) != 9 or not routing.isdigit() or int(routing[8]) != check_digit(routing):
            raise FileError(line, "a routing number of nine digits with its check digit", 4)
        if entry.code in PRENOTES and entry.amount:
            raise FileError(line, "amount zero in a prenote", 30)
        if len(trace) != 15 or not trace.isdigit() or trace in self.traces:
            raise FileError(line, f"a trace number of 15 digits that is in the file once, not {trace}", 80)
        self.traces.add(trace)
        if batch:
            self.belongs(entry, batch, line)

    def belongs(self, entry: Entry, batch: Batch, line: int) -> None:
        """A notification of change stands in a COR batch, and nothing else does."""
        is_change = any(isinstance(addenda, Change) for addenda in entry.addenda)
        if is_change != (batch.entry_class == "COR"):
            raise FileError(line, "notifications of change in a COR batch, and nothing else there", 51)
        limit = 9999 if batch.entry_class == "CCD" else 1
        if len(entry.addenda) > limit:
            raise FileError(line, f"at most {limit} addenda to an entry of {batch.entry_class}", 79)
