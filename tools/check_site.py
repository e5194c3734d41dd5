"""What is wrong with a finished site: broken links, requests to other hosts, bare maths or links, pictures without alt text."""
import posixpath
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

OTHER_HOST = re.compile(r"(?:^|[\s,])(?:https?:)?//")
REQUEST = re.compile(r"""(?:url\(\s*["']?|@import\s+["']"""
                     r"""|\b(?:import|from|fetch|open|src|href|Worker|importScripts|sendBeacon)\b[\s(=+:]*["'`])"""
                     r"""((?:https?:)?//[^"'`)\s]+)""")
LARGEST = 1_500_000  # bytes of a page
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Finished(HTMLParser):
    """A finished page: its anchors, its links, and what is wrong with it by itself."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.problems, self.open = set(), set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = {key: value or "" for key, value in attrs}
        if tag not in VOID:
            self.open.append(tag)
        self.anchors |= {attrs[key] for key in ("id", "name") if key in attrs}
        urls = {attrs[key] for key in ("href", "src", "poster", "data") if key in attrs}
        self.links |= urls
        if tag != "a" and attrs.get("rel") not in ("canonical", "alternate"):
            asked = {url for url in urls | {attrs.get("srcset", "")} if OTHER_HOST.search(url)}
            self.problems |= {f"<{tag}> asks another host: {url}" for url in asked if not url.startswith("data:")}
        self.problems |= requests(attrs.get("style", ""))
        if tag == "img" and "alt" not in attrs:
            self.problems.add(f"a picture has no alt text: {attrs.get('src', '')[:60]}")

    def handle_endtag(self, tag):
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if {"script", "style"} & set(self.open):
            self.problems |= requests(data)
        elif "main" in self.open and not {"code", "pre", "math"} & set(self.open):
            stray = re.findall(r"\S*\$\S*|\\[a-zA-Z]\S*", data)
            self.problems |= {f"maths without delimiters, or a bare dollar: {text}" for text in stray}
            self.problems |= {f"Markdown that is no link: {text}" for text in re.findall(r"\S*\]\(\S*", data)}


def requests(text):
    """What a script or a style sheet asks other hosts for."""
    return {f"asks another host: {url}" for url in REQUEST.findall(text)}


def destination(link, page, files):
    """The file of the site and the anchor that a link on a page leads to; None when it leaves the site."""
    url = urlsplit(link)
    if url.scheme or url.netloc:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(url.path))) if url.path else page
    return path if path in files else posixpath.normpath(f"{path}/index.html"), unquote(url.fragment)


def problems_of(name, pages, files):
    """What is wrong with one page, its links included."""
    found = set(pages[name].problems)
    for link in pages[name].links:
        path, anchor = destination(link, name, files) or (name, "")
        if path not in files or anchor and path in pages and anchor not in pages[path].anchors:
            found.add(f"broken link {link}")
    linked = (destination(link, other, files) for other, page in pages.items() if other != name for link in page.links)
    if name != "index.html" and name not in {place[0] for place in linked if place}:
        found.add("no other page links to this one (name it in _quarto.yml)")
    return found


def check(folder):
    """Complaints about the site in a folder, one line each, with the files they are met in."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    read = sorted(name for name in files if name.endswith((".html", ".css", ".js")))
    texts = {name: files[name].read_text(encoding="utf-8") for name in read}
    pages = {name: Finished(text) for name, text in texts.items() if name.endswith(".html")}
    met = {}
    for name, text in texts.items():
        problems = problems_of(name, pages, files) if name in pages else requests(text)
        if name in pages and len(text) > LARGEST:
            problems.add(f"a page of more than {LARGEST:,} bytes")
        for problem in sorted(problems):
            met.setdefault(problem, []).append(name)
    named = {problem: ", ".join(names) if len(names) < 4 else f"{len(names)} files" for problem, names in met.items()}
    return [f"{names}: {problem}" for problem, names in named.items()]
