"""Leave out of a finished site what none of its pages uses: style rules and icons."""
import logging
import re

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont

WORD = re.compile(r"[A-Za-z_][\w-]*")


def words(folder):
    """Every word in the pages and scripts of a site: any of them may be a class or an id."""
    paths = [path for path in folder.rglob("*") if path.suffix in (".html", ".js")]
    return {word for path in paths for word in WORD.findall(path.read_text(encoding="utf-8"))}


def selectors(prelude):
    """The selectors of a rule, as lists of tokens."""
    found = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            found.append([])
        else:
            found[-1].append(token)
    return found


def names(tokens):
    """The classes and ids that a selector asks for, outside of `:not()` and its like."""
    for before, token in zip([None, *tokens], tokens):
        if token.type == "hash":
            yield token.value
        elif token.type == "ident" and before is not None and before.type == "literal" and before.value == ".":
            yield token.value


def kept(rules, used):
    """The rules that some page may need, as CSS."""
    for rule in rules:
        if rule.type == "qualified-rule":
            wanted = [tinycss2.serialize(each).strip() for each in selectors(rule.prelude) if set(names(each)) <= used]
            if wanted:
                yield f"{','.join(wanted)}{{{tinycss2.serialize(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports") and rule.content:
            inner = "".join(kept(tinycss2.parse_rule_list(rule.content, True, True), used))
            if inner:
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}"
        elif rule.type == "at-rule":
            yield rule.serialize()


def slim(folder):
    """Cut the style sheets and the icon font of a site down to what it uses."""
    libs, used = folder / "site_libs", words(folder)
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it speaks of two bytes too many in the font as it comes
    for path in (*libs.glob("themes/*.css"), *libs.glob("bootstrap-icons/*.css")):
        text = path.read_text(encoding="utf-8")
        notices = "".join(re.findall(r"/\*!.*?\*/", text, re.S))
        path.write_text(notices + "".join(kept(tinycss2.parse_stylesheet(text, True, True), used)), encoding="utf-8")
    sheets = "".join(path.read_text(encoding="utf-8") for path in libs.rglob("*.css"))
    icons = [int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3})", sheets)] + [ord(char) for char in re.findall("[\uf000-\uf8ff]", sheets)]
    (libs / "bootstrap-icons/fonts/bootstrap-icons.woff2").unlink()
    path = libs / "bootstrap-icons/fonts/bootstrap-icons.woff"
    with TTFont(path) as font:
        cut = subset.Subsetter()
        cut.populate(unicodes=icons)
        cut.subset(font)
        font.save(path)
    sheet = libs / "bootstrap-icons/bootstrap-icons.min.css"
    sheet.write_text(re.sub(r'url\("[^"]*\.woff2[^"]*"\) format\("woff2"\),', "", sheet.read_text(encoding="utf-8")), encoding="utf-8")
