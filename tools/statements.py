"""Write tests/engines/statements.txt anew: every statement that the PostgreSQL engine can send, for review.

python tools/statements.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from portable import statements

if __name__ == "__main__":
    found = statements()
    (ROOT / "tests" / "engines" / "statements.txt").write_text("".join(f"{one}\n" for one in found))
    print(f"{len(found)} statements")
