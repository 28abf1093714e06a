"""Kill workers, backends, the database and the primary of a pair under load, many times, and look for what is lost.

    python tools/failover.py --rounds 40
    python tools/failover.py --rounds 20 --only failover --seed 7

A round ends with a check: everything acknowledged in it is there and replays byte for byte, the books are right.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from drill import FAULTS, Drill, Round
from receiver import Receiver
from standby import pair


async def run(rounds: int, only: str | None, seconds: float, seed: int) -> None:
    receiver, done = Receiver(), list[Round]()
    await receiver.start()
    with tempfile.TemporaryDirectory() as folder, pair() as both:
        drill = Drill(both, Path(folder), receiver, seed)
        try:
            await drill.listen()
            for n in range(rounds):
                before = len(drill.answers)
                keys = set(drill.answers)
                done.append(one := await drill.round(only or FAULTS[n % len(FAULTS)], seconds))
                await drill.check([key for key in drill.answers if key not in keys])
                writes = len(drill.answers) - before
                print(f"{n + 1:3} {one.fault:9} {writes:5} writes, nobody answered for {one.silence:5.2f} s, "
                      f"the longest wait {one.longest:5.2f} s", flush=True)  # fmt: skip
                if one.fault == "failover":
                    await asyncio.to_thread(both.rejoin)
            await drill.check(list(drill.answers))
            await drill.check_all()
            await drill.stop()
        finally:
            drill.kill()
    tell(done, drill)


def tell(done: list[Round], drill: Drill) -> None:
    for fault in FAULTS:
        these = sorted(one.longest for one in done if one.fault == fault)
        if these:
            silence = max(one.silence for one in done if one.fault == fault)
            print(f"{fault}: {len(these)} times; longest wait of a client, median {these[len(these) // 2]:.2f} s, "
                  f"most {these[-1]:.2f} s; nobody answered for at most {silence:.2f} s")  # fmt: skip
    told = ", ".join(f"{many} x {what}" for what, many in sorted(drill.told.items())) or "nothing but answers"
    print(f"{len(drill.answers)} acknowledged writes, 0 lost, 0 twice. Clients met: {told}; "
          f"at most {drill.most_retries} retries of one request.")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="make failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", choices=FAULTS, help="one kind of fault, not all in turn")
    parser.add_argument("--seconds", type=float, default=2, help="of load in each round")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(run(options.rounds, options.only, options.seconds, options.seed))


if __name__ == "__main__":
    main()
