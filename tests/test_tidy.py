"""The style rules that a linter does not know, as tests.

Each rule is a function from one source file to the complaints about it, in the words a reader needs to
put it right. `BAD` and `GOOD` below feed every rule something to refuse and something to accept, so no
rule can fall silent.

The lists of exceptions only shrink: an entry that is no longer needed fails, and so does one that grew.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60

# Files that are one table of data, and may be as long as the data is.
TABLES_OF_DATA: set[str] = {"src/nostro/networks/test_cards.py"}

# Files and functions that are too long today, with the length they must not pass.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}  # "src/nostro/room/noun.py::Class.function"

CLOCK = "src/nostro/kernel/clock.py"
IDS = "src/nostro/kernel/ids.py"
NOW = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "time.time",
    "time.time_ns",
}
MONEY_ROOMS = (
    "src/nostro/kernel/money.py",
    "src/nostro/ledger/",
    "src/nostro/balances/",
    "src/nostro/payments/",
    "src/nostro/payouts/",
    "src/nostro/fees/",
)

# Words that say nothing about what a thing is, and verbs that say nothing about what is done.
EMPTY_NOUNS = {"helper", "helpers", "manager", "managers", "service", "services", "util", "utils"}
EMPTY_VERBS = {"handle", "process"}

# Put together here, so that this file does not contain what it looks for.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
MACHINE_PATH = re.compile(r"(?<![\w.\-])/(work|root)" + r"/")
DOWNLOAD_HOST = re.compile("|".join((r"pypi\." + "org", r"files\.python" + r"hosted\.org", r"registry\.npm" + "js")))

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One tracked text file; `path` is from the root of the repository."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_product(self) -> bool:
        return self.is_python and self.path.startswith("src/nostro/")

    @property
    def is_lock(self) -> bool:
        return self.path.endswith((".lock", "package-lock.json"))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    @cached_property
    def imported(self) -> dict[str, str]:
        """What each imported name stands for: `from time import time as t` is {"t": "time.time"}."""
        names = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    names[alias.asname or whole] = whole
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return names

    def meaning(self, node: ast.AST) -> str | None:
        """The dotted name that an expression stands for, its imports resolved."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (owner := self.meaning(node.value)):
            return f"{owner}.{node.attr}"
        return None

    def functions(self) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        yield from _functions(self.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            name = f"{prefix}.{child.name}" if prefix else child.name
        if isinstance(child, FUNCTIONS):
            yield name, child
        yield from _functions(child, name)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


# ---------------------------------------------------------------- the rules


def short_file(source: Source) -> Iterator[str]:
    if not source.is_python or source.path in TABLES_OF_DATA:
        return
    lines, most = source.text.count("\n"), LONG_FILES.get(source.path, MAX_FILE_LINES)
    if lines > most:
        yield f"{source.path}: {lines} lines, {most} at most; a file is one noun, so which are the two?"


def short_functions(source: Source) -> Iterator[str]:
    if not source.is_python:
        return
    for name, node in source.functions():
        lines, most = _length(node), LONG_FUNCTIONS.get(f"{source.path}::{name}", MAX_FUNCTION_LINES)
        if lines > most:
            yield f"{source.at(node)}: {name} has {lines} lines, {most} at most"


def injected_clock(source: Source) -> Iterator[str]:
    if not source.is_product or source.path == CLOCK:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := source.meaning(node)) in NOW:
            yield f"{source.at(node)}: {name} is read only in {CLOCK}; take the clock as an argument"


def injected_chance(source: Source) -> Iterator[str]:
    if not source.is_product or source.path == IDS:
        return
    for node in ast.walk(source.tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        if "random" in modules:
            yield f"{source.at(node)}: random is imported only in {IDS}; a failure must replay by its seed"


def no_float_near_money(source: Source) -> Iterator[str]:
    if not source.is_python or not source.path.startswith(MONEY_ROOMS):
        return
    refusals = {
        name
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and source.meaning(call.func) == "isinstance"
        for name in ast.walk(call)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id == "float" and node not in refusals:
            yield f"{source.at(node)}: float near money; amounts are int, rates are Decimal"
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f'{source.at(node)}: {node.value} is a float; write Decimal("{node.value}")'


def finished(source: Source) -> Iterator[str]:
    if source.is_lock:
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := UNFINISHED.search(line):
            yield f"{source.path}:{number}: {found[0]}; do it, or open an issue"


def no_print(source: Source) -> Iterator[str]:
    if not source.is_product or source.path.startswith("src/nostro/cli/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.meaning(node.func) == "print":
            yield f"{source.at(node)}: only the cli prints; log it, or return it"


def telling_names(source: Source) -> Iterator[str]:
    if not source.is_python:
        return
    for word in EMPTY_NOUNS.intersection(w for part in Path(source.path).parts for w in _words(part)):
        yield f"{source.path}: a module called {word!r} says nothing of what is in it"
    for node in ast.walk(source.tree):
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        words = _words(node.name)
        for word in EMPTY_NOUNS.intersection(words):
            yield f"{source.at(node)}: {node.name}: {word!r} says nothing; name what it is or does"
        if isinstance(node, FUNCTIONS) and words and words[0] in EMPTY_VERBS:
            yield f"{source.at(node)}: {node.name}: {words[0]!r} says nothing; name what is done"


def _words(name: str) -> list[str]:
    """`PaymentManager_v2.py` is payment, manager, v2, py."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def no_machine_path(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{source.path}:{number}: a path of one machine"


def no_download_host(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := DOWNLOAD_HOST.search(line):
            yield f"{source.path}:{number}: names {found[0]}; where to download from is the user's setting"


Rule = Callable[[Source], Iterator[str]]
RULES: list[Rule] = [
    short_file,
    short_functions,
    injected_clock,
    injected_chance,
    no_float_near_money,
    finished,
    no_print,
    telling_names,
    no_machine_path,
    no_download_host,
]

# ---------------------------------------------------------------- the repository keeps them


def tracked_paths() -> list[str]:
    """What is committed, or would be: everything that .gitignore does not name."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return sorted(path for path in set(listed.stdout.split("\0")) if path and (ROOT / path).is_file())


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    found = []
    for path in tracked_paths():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found.append(Source(path, content.decode()))
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_repository_keeps(rule: Rule, sources: list[Source]) -> None:
    complaints = [complaint for source in sources for complaint in rule(source)]
    assert not complaints, "\n" + "\n".join(complaints)


def test_the_exceptions_only_shrink(sources: list[Source]) -> None:
    lines = {source.path: source.text.count("\n") for source in sources}
    lengths = {
        f"{source.path}::{name}": _length(node)
        for source in sources
        if source.is_python
        for name, node in source.functions()
    }
    needless = [path for path in (*TABLES_OF_DATA, *LONG_FILES) if lines.get(path, 0) <= MAX_FILE_LINES]
    needless += [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= MAX_FUNCTION_LINES]
    assert not needless, f"short enough now, or gone; take it off the list: {needless}"


# ---------------------------------------------------------------- the rules can fail

ROOM = "src/nostro/payments/charge.py"
LONG_FUNCTION = "def charge():\n" + "    x = 1\n" * MAX_FUNCTION_LINES
SHORT_FUNCTION = "def charge():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES - 1)

BAD: list[tuple[Rule, str, str]] = [
    (short_file, ROOM, "x = 1\n" * (MAX_FILE_LINES + 1)),
    (short_functions, ROOM, LONG_FUNCTION),
    (short_functions, ROOM, "class Charge:\n" + re.sub("^", "    ", LONG_FUNCTION, flags=re.MULTILINE)),
    (short_functions, "tests/test_charge.py", "async " + LONG_FUNCTION),
    (injected_clock, ROOM, "import datetime\nnow = datetime.datetime.now(datetime.UTC)\n"),
    (injected_clock, ROOM, "from datetime import datetime as dt\nnow = dt.now()\n"),
    (injected_clock, ROOM, "from datetime import datetime\nnow = datetime.utcnow()\n"),
    (injected_clock, ROOM, "from time import time\ndefault = time\n"),
    (injected_clock, ROOM, "import time as t\nnow = t.time()\n"),
    (injected_chance, ROOM, "import random\n"),
    (injected_chance, ROOM, "def f():\n    from random import choice\n"),
    (no_float_near_money, ROOM, "amount = float(x)\n"),
    (no_float_near_money, ROOM, "def convert(rate: float) -> int: ...\n"),
    (no_float_near_money, ROOM, "rate: float | None = None\n"),
    (no_float_near_money, "src/nostro/kernel/money.py", "rate = 0.029\n"),
    (no_float_near_money, "src/nostro/fees/plan.py", "rates: dict[str, float] = {}\n"),
    (finished, ROOM, "x = 1  # TO" + "DO: later\n"),
    (finished, "README.md", "FIX" + "ME\n"),
    (no_print, ROOM, "print(1)\n"),
    (telling_names, "src/nostro/payments/helpers.py", ""),
    (telling_names, "src/nostro/services/charge.py", ""),
    (telling_names, ROOM, "class PaymentManager: ...\n"),
    (telling_names, ROOM, "def date_util(): ...\n"),
    (telling_names, ROOM, "async def process(): ...\n"),
    (telling_names, ROOM, "class Charge:\n    def handle_refund(self): ...\n"),
    (no_machine_path, "README.md", "cd /ro" + "ot/nostro\n"),
    (no_machine_path, ROOM, 'HOME = "/wo' + 'rk/main"\n'),
    (no_download_host, "requirements.lock", "--index-url https://py" + "pi.org/simple\n"),
    (no_download_host, "tests/node/package-lock.json", '"https://registry.np' + 'mjs.org/stripe"\n'),
]

GOOD: list[tuple[Rule, str, str]] = [
    (short_file, ROOM, "x = 1\n" * MAX_FILE_LINES),
    (short_file, "data/names.csv", "x,1\n" * (MAX_FILE_LINES + 1)),
    (short_functions, ROOM, SHORT_FUNCTION),
    (injected_clock, CLOCK, "import time\nnow = time.time()\n"),
    (injected_clock, ROOM, "import time\nstarted = time.monotonic()\nnow = clock.now()\n"),
    (injected_clock, "tests/test_clock.py", "import time\nnow = time.time()\n"),
    (injected_chance, IDS, "import random\n"),
    (injected_chance, ROOM, "from .random import choice\nrandom = 1\n"),
    (no_float_near_money, ROOM, 'rate: Decimal = Decimal("0.029")\nisinstance(rate, float)\n'),
    (no_float_near_money, "src/nostro/api/server.py", "timeout: float = 0.5\n"),
    (finished, ROOM, "TO" + "DOS = 1\n"),
    (no_print, "src/nostro/cli/main.py", "print(1)\n"),
    (no_print, ROOM, "console.print(1)\n"),
    (telling_names, ROOM, "# the manager\ndef processing(): ...\ndef terms(): return service\n"),
    (telling_names, ROOM, "class Processor: ...\ndef kill_process(): ...\n"),
    (no_machine_path, "README.md", "https://example.com/ro" + "ot/ and ../wo" + "rk/ and network/\n"),
    (no_download_host, "README.md", "https://example.com\n"),
]


def _case(case: tuple[Rule, str, str]) -> str:
    return f"{case[0].__name__}-{case[1]}"


@pytest.mark.parametrize("case", BAD, ids=_case)
def test_rule_refuses(case: tuple[Rule, str, str]) -> None:
    rule, path, text = case
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize("case", GOOD, ids=_case)
def test_rule_accepts(case: tuple[Rule, str, str]) -> None:
    rule, path, text = case
    assert list(rule(Source(path, text))) == []


def test_every_rule_has_been_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BAD} == {rule for rule, _, _ in GOOD} == set(RULES)
