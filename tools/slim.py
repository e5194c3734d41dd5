"""Leave out of a finished site what none of its pages uses: style rules and icons."""
import logging
import re

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont

WORD = re.compile(r"[A-Za-z_][\w-]*")


def kept(rules, used):
    """The rules that some page may need, as CSS: all classes and ids of a selector, outside of `:not()` and its like, are used."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = re.split(r",(?![^(]*\))", tinycss2.serialize(rule.prelude))
            wanted = [each for each in selectors if used.issuperset(re.findall(rf"[.#]({WORD.pattern})", re.sub(r"\(.*?\)", "", each)))]
            if wanted:
                yield f"{','.join(wanted)}{{{tinycss2.serialize(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports") and rule.content:
            if inner := "".join(kept(tinycss2.parse_rule_list(rule.content, True, True), used)):
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}"
        elif rule.type == "at-rule":
            yield rule.serialize()


def words(folder):
    """The classes and ids of a site: those in its pages, any word in a script, and of Bootstrap's what a list does that opens."""
    marked = [each for path in folder.rglob("*.html") for each in re.findall(r'(?:class|id)="([^"]*)"', path.read_text(encoding="utf-8"))]
    scripts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.js") if path.name not in ("search.js", "bootstrap.bundle.min.js")]
    return {word for text in [*marked, *scripts, "collapsing show"] for word in WORD.findall(text)}


def slim(folder):
    """Cut the style sheets and the icon font of a site down to what it uses."""
    icons, used = folder / "site_libs/bootstrap-icons", words(folder)
    for path in folder.rglob("*.css"):
        text = re.sub(r'url\("[^"]*\.woff2[^"]*"\) format\("woff2"\),', "", path.read_text(encoding="utf-8"))
        notices = "".join(re.findall(r"/\*!.*?\*/", text, re.S))
        path.write_text(notices + "".join(kept(tinycss2.parse_stylesheet(text, True, True), used)), encoding="utf-8")
    (icons / "fonts/bootstrap-icons.woff2").unlink()
    sheets = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.css"))
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it speaks of two bytes too many in the font as it comes
    with TTFont(icons / "fonts/bootstrap-icons.woff") as font:
        cut = subset.Subsetter()
        cut.populate(unicodes=[int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3})", sheets)], text="".join(re.findall("[\uf000-\uf8ff]", sheets)))
        cut.subset(font)
        font.save(icons / "fonts/bootstrap-icons.woff")
