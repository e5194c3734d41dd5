"""Put beside the finished pages what readers download: the notebooks, and those with blanks; and the README that is ours.

_quarto.yml names it before and after the pages are made, in whatever folder nbdev has staged them; it needs Python alone.
"""
import os
import shutil
from pathlib import Path

out = Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"])
for folder, source in ("notebooks", Path("../nbs")), ("exercises", Path("_exercises")):
    for path in sorted(source.glob("*.ipynb")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, out / folder)
if (out / "README.md").exists():  # nbdev_readme lets Quarto write another one
    shutil.copy("_README.md", out / "README.md")
