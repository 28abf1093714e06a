"""Write tests/engines/statements.txt anew: every statement that the PostgreSQL engine can send, for review.

python tools/statements.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from portable import statements

LIST = Path(__file__).parent.parent / "tests" / "engines" / "statements.txt"

if __name__ == "__main__":
    found = statements()
    LIST.write_text("".join(f"{one}\n" for one in found))
    print(f"{len(found)} statements")
