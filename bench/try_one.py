"""One server alone, loaded a few times: for whoever works on its speed.

python -m bench.try_one "Bouncedesk --local" [--rounds 3] [--seconds 3] [--flight 16]
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.identity import identity
from bench.processes import cores, pin
from bench.servers import ALL, load, serve
from bench.turns import line


def main() -> None:
    """Run, as a program."""
    parser = argparse.ArgumentParser(description="Load one server.")
    parser.add_argument("name", choices=ALL)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--flight", type=int, default=16)
    given = parser.parse_args()
    pin(0, cores()[1])
    with ExitStack() as running, TemporaryDirectory(prefix="bouncedesk-bench-") as folder:
        server = serve(running, given.name, Path(folder), running.enter_context(identity()))
        for _ in range(given.rounds):
            one = load(server, flight=given.flight, lead=0.5, seconds=given.seconds)
            print(f"{given.name}  {line(one)}", *one.failures, flush=True)


if __name__ == "__main__":
    main()
