"""Check that a wheel holds exactly what it should: python tools/check_wheel.py dist/NAME.whl"""
import argparse
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

from nbdev.config import get_config

import pages

DATA = {"fashion_mini.npz", "fashion_mini.NOTICE.txt"}
DIST_INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt", "licenses/LICENSE",
             "licenses/minibatch_lib/fashion_mini.NOTICE.txt"}
MAX_BYTES = 4_000_000


def expected_names(config):
    """The names of all files in the wheel: a module for each notebook that exports one, the data, the metadata."""
    modules = {"__init__", "_modidx", *filter(None, map(pages.module_name, pages.find()))}
    package = {f"{config.lib_path.name}/{name}" for name in DATA | {f"{module}.py" for module in modules}}
    return package | {f"{config.lib_name}-{config.version}.dist-info/{name}" for name in DIST_INFO}


def entry_points(text):
    """The names under each heading of entry_points.txt."""
    parser = ConfigParser(delimiters=["="])
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def problems(wheel, config):
    """A line for each thing wrong with the wheel."""
    if wheel.stat().st_size > MAX_BYTES:
        yield f"{wheel.stat().st_size:,} bytes, more than {MAX_BYTES:,}"
    with ZipFile(wheel) as archive:
        found, wanted = set(archive.namelist()), expected_names(config)
        yield from (f"{name}: missing" for name in sorted(wanted - found))
        yield from (f"{name}: has no business here" for name in sorted(found - wanted))
        for name in sorted(found & wanted):
            if (file := config.config_path / name).is_file() and file.read_bytes() != archive.read(name):
                yield f"{name}: not the file of this tree"
        commands = dict(command.split("=") for command in config.console_scripts.split())
        points = {"console_scripts": commands, "nbdev": {config.lib_name: f"{config.lib_path.name}._modidx:d"}}
        info = f"{config.lib_name}-{config.version}.dist-info/entry_points.txt"
        if info in found and entry_points(archive.read(info).decode()) != points:
            yield f"{info}: does not say {points}"
    twine = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", wheel], capture_output=True, text=True)
    if twine.returncode:
        yield twine.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel
    lines = list(problems(wheel, get_config()))
    print("\n".join(f"{wheel.name}: {line}" for line in lines) or f"{wheel.name}: {wheel.stat().st_size:,} bytes, complete")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
