"""Run one stage of a long command: say before what it does and how long that usually takes, and after how long it took.

    python tools/stage.py "WHAT IT DOES" "HOW LONG IT USUALLY TAKES" COMMAND...
"""
import subprocess
import sys
import time


def main():
    what, usually, *command = sys.argv[1:]
    print(f"== {what} (usually {usually})", flush=True)
    start = time.monotonic()
    try:
        status = subprocess.call(command)
    except KeyboardInterrupt:
        sys.exit(130)
    print(f"   {'done' if not status else 'FAILED'} after {time.monotonic() - start:.0f} s", flush=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
