"""The package's metadata, read from settings.ini so that it stands in one place."""
import os
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")  # 1980: the files in a wheel bear no date of the day, so that two builds are equal

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(here / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    keywords=cfg["keywords"].split(),
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Documentation": cfg["doc_host"] + cfg["doc_baseurl"]},
    license_expression="Apache-2.0 AND MIT",
    license_files=["LICENSE", "minibatch_lib/fashion_mini.NOTICE.txt"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Education",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    python_requires=">=" + cfg["min_python"],
    packages=[cfg["lib_path"]],
    package_dir={"": "."},  # an editable install then adds this folder to the path, where nbdev looks for tools/procs.py
    package_data={cfg["lib_path"]: ["*.npz", "*.txt"]},
    install_requires=cfg["requirements"].split(),
    extras_require={"dev": cfg["dev_requirements"].split(), "bench": cfg["bench_requirements"].split()},
    entry_points={
        "console_scripts": cfg["console_scripts"].split(),
        "nbdev": [f'{cfg["lib_path"]}={cfg["lib_path"]}._modidx:d'],
    },
)
