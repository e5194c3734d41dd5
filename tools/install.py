"""Let pip install what is asked for into the environment of this Python, and say in a few lines how far it is.

All that pip says is kept in a file `install.log` in the environment, and shown if pip fails. Needs the standard library alone.

    python tools/install.py PIP-ARGUMENTS
"""
import re
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

BETWEEN = 10  # seconds between two lines
FETCHED = re.compile(r"(?!.*\.metadata)\s*(?:Downloading|Using cached|Processing) (?:\S*/)?([\w.]+)-(\d[^-\s]*)\S*(?: \(([\d.]+ ?[kMG]B)\))?")
PUT = re.compile(r"Installing collected packages: (.*)")


def installed():
    """The number of packages in the environment."""
    return len(list(Path(sysconfig.get_path("purelib")).glob("*.dist-info")))


class Progress:
    """What pip has done, as far as its lines tell."""

    def __init__(self):
        self.n_fetched, self.newest, self.n_wanted, self.before = 0, "", 0, 0

    def read(self, line):
        """Take notice of a line of pip's."""
        if found := FETCHED.match(line):
            name, version, size = found.groups()
            self.n_fetched += 1
            self.newest = f"{name} {version}" + (f" ({size})" if size else "")
        elif found := PUT.match(line):
            self.n_wanted, self.before = len(found[1].split(",")), installed()

    def __str__(self):
        if self.n_wanted:
            return f"installing packages: {min(max(installed() - self.before, 0), self.n_wanted)} of {self.n_wanted}"
        return f"fetching packages: {self.n_fetched}, now {self.newest}" if self.newest else "finding out what is needed"


def show(progress, done, start):
    """Print a line every few seconds, if there is anything new, until `done` is set."""
    said = None
    while not done.wait(BETWEEN):
        if (text := str(progress)) != said:
            print(f"   {time.monotonic() - start:4.0f} s  {text}", flush=True)
            said = text


def main():
    start, progress, done = time.monotonic(), Progress(), threading.Event()
    command = [sys.executable, "-m", "pip", "install", "--progress-bar", "off", *sys.argv[1:]]
    shower = threading.Thread(target=show, args=(progress, done, start), daemon=True)
    with open(Path(sys.prefix) / "install.log", "w+", encoding="utf-8") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace") as pip:
            shower.start()
            for line in pip.stdout:
                log.write(line)
                progress.read(line)
        done.set()
        shower.join()
        if pip.returncode:
            log.seek(0)
            print(log.read(), end="", file=sys.stderr)
            sys.exit(pip.returncode)
    print(f"   {time.monotonic() - start:4.0f} s  packages installed: {progress.n_wanted}", flush=True)


if __name__ == "__main__":
    main()
