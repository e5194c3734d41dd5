"""The site in a real browser: every page, wide and narrow, light and dark, and the figures that answer.

Needs Chromium, and for the accessibility rules axe-core (`.ci/run` gets both); what is missing is skipped, and said so.
"""
import base64
import contextlib
import functools
import http.server
import json
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import minibatch_lib.data
from minibatch_lib.minibatch import CrossEntropyLoss, get_model

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "_docs"
PAGES = sorted(re.sub(r"^\d+_", "", path.stem) + ".html" for path in (ROOT / "nbs").glob("*.ipynb"))
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "minibatch_lib").glob("[!_]*.py"))}
NAMES = [(module, name) for module, text in MODULES.items()
         for name in re.findall(r"'(\w+)'", re.search(r"^__all__ = \[(.*?)\]", text, re.M | re.S)[1])
         if f"_all_ = ['{name}']" not in text]  # what a module hands on has its entry where it is defined
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minibatch_lib"
AXE = CACHE / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
OF_COLOUR = ["color-contrast", "link-in-text-block"]  # those among them that look at colours
WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")


def is_stale():
    """Whether the site is older than something that it is made from."""
    made_from = [path for name in ("nbs", "minibatch_lib", "tools") for path in (ROOT / name).rglob("*") if path.is_file()]
    newest = max(path.stat().st_mtime for path in [*made_from, ROOT / "_quarto.yml"] if "__pycache__" not in path.parts
                 and path.name not in ("_modidx.py", "nbdev.yml"))  # which the build itself writes
    return not (DOCS / "index.html").exists() or (DOCS / "index.html").stat().st_mtime < newest


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static server that says nothing."""
    def log_message(self, *args): pass


@contextlib.contextmanager
def served(folder):
    """The address of a folder on a plain static server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def site():
    """The address of the site, built if need be."""
    if is_stale():
        subprocess.run([sys.executable, ROOT / "tools" / "docs.py", "build"], check=True)
    with served(DOCS) as address:
        yield address


class Tab:
    """A page of the browser, and what went wrong in it."""

    def __init__(self, browser, site, scheme="light", width=1280):
        self.context = browser.new_context(viewport=dict(width=width, height=900), color_scheme=scheme)
        self.page, self.site, self.troubles = self.context.new_page(), site, []
        self.page.on("console", lambda m: self.troubles.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("requestfailed", self.failed)
        self.page.on("response", lambda r: self.troubles.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        self.page.on("request", lambda request: self.asked(request.url))

    def failed(self, request):
        """Note a request that failed, but not one that was given up because the page was left."""
        if request.failure != "net::ERR_ABORTED":
            self.troubles.append(f"failed: {request.url}: {request.failure}")

    def asked(self, url):
        """Note a request to another host."""
        if not url.startswith((self.site, "data:", "blob:")):
            self.troubles.append(f"foreign: {url}")

    def open(self, name):
        """Go to a page of the site."""
        self.page.goto(f"{self.site}/{name}")
        return self.page

    def __enter__(self): return self
    def __exit__(self, *error): self.context.close()


def too_wide(page):
    """What reaches beyond the right edge of the window, if the window can be scrolled there."""
    return page.evaluate("""() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll("main *")].filter(el => el.getBoundingClientRect().right > innerWidth + 1)
            .map(el => el.outerHTML.slice(0, 120)).slice(0, 5)""")


def violations(page, rules=WCAG, parts="html"):
    """What axe, if it is installed, has against a page or those parts of it that a selector names, a line for each rule."""
    if not AXE.exists():
        return []
    if not page.evaluate("Boolean(window.axe)"):
        page.add_script_tag(path=AXE)
    return page.evaluate("""([rules, parts]) => axe.run(parts, {runOnly: rules, resultTypes: ["violations"]}).then(r => r.violations.map(
        v => `${v.id}: ${v.help}: ` + v.nodes.slice(0, 3).map(n => n.target.join(" ") + " " + n.html.slice(0, 120)).join(" | ")))""", [rules, parts])


def unreadable_figures(page):
    """Drawings whose ink is not the page's, and pictures of pixels that do not stand on white."""
    return page.evaluate("""() => [...document.querySelectorAll("main :is(.drawing, figure img, .cell-output-display img)")].filter(el => {
        const style = getComputedStyle(el);
        return el.matches("img") ? style.backgroundColor !== "rgb(255, 255, 255)" : style.color !== getComputedStyle(document.body).color;
    }).map(el => el.outerHTML.slice(0, 120))""")


IN_SHORT = {("light", "index.html"), ("dark", "matmul.html"), ("light", "playground.html")}  # what `make test` looks at
MATRIX = [pytest.param(scheme, name, marks=[] if (scheme, name) in IN_SHORT else pytest.mark.slow) for scheme in SCHEMES for name in PAGES]


@pytest.mark.parametrize("scheme, name", MATRIX)
def test_every_page_fits_asks_nobody_and_is_accessible(browser, site, name, scheme):
    rules = OF_COLOUR if scheme == "dark" else None  # the two schemes differ in nothing but colours
    with Tab(browser, site, scheme) as tab:
        page = tab.open(name)
        for width in WIDTHS:
            page.set_viewport_size(dict(width=width, height=900))
            page.wait_for_timeout(100)
            assert not too_wide(page), f"at {width} px"
            assert not violations(page, rules or WCAG), f"at {width} px"
        assert not unreadable_figures(page)
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 25, 29)"
        assert dark == (scheme == "dark")
        assert not tab.troubles


REFERENCE = {"tape", "images", "runs", "commands", "main"}  # pages to look things up on
OPENINGS = [name for name in PAGES if name.removesuffix(".html") in {"index", *MODULES} - REFERENCE]


@pytest.mark.parametrize("name", OPENINGS)
def test_the_first_screen_holds_a_question_and_a_picture(browser, site, name):
    with Tab(browser, site) as tab:
        page = tab.open(name)
        page.set_viewport_size(dict(width=1280, height=900))
        question, *_ = page.query_selector_all("main p:has-text('?')")
        picture, *_ = page.query_selector_all("main figure")
        top, bottom = question.bounding_box(), picture.bounding_box()
    assert top["y"] < bottom["y"] and bottom["y"] + bottom["height"] <= 900


@pytest.mark.skipif(not AXE.exists(), reason="accessibility is not checked without axe-core: npm install --prefix ~/.cache/minibatch_lib axe-core")
def test_axe_finds_what_is_wrong(browser, site):
    with Tab(browser, site) as tab:
        page = tab.open("index.html")
        page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"live/favicon.svg\"><p style=\"color:#ccc\">pale</p>')")
        assert {line.split(":")[0] for line in violations(page)} == {"image-alt", "color-contrast"}
        assert {line.split(":")[0] for line in violations(page, OF_COLOUR)} == {"color-contrast"}
        of_colour = set(page.evaluate("tags => axe.getRules(tags).filter(r => r.tags.includes('cat.color')).map(r => r.ruleId)", WCAG))
        assert of_colour == set(OF_COLOUR)


@pytest.mark.slow
def test_all_links_within_the_site_resolve(browser, site):
    assert {path.name for path in DOCS.glob("*.html")} == set(PAGES)
    with Tab(browser, site) as tab:
        links, anchors = {}, {}
        for name in PAGES:
            page = tab.open(name)
            links[name] = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
            anchors[name] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(el => el.id)"))
    for name in PAGES:
        for link in {link.removeprefix(f"{site}/") for link in links[name] if link.startswith(site)}:
            path, _, anchor = link.partition("#")
            assert (DOCS / (path or "index.html")).is_file(), f"{name}: {link}"
            assert not anchor or anchor in anchors[path], f"{name}: {link}"


@pytest.mark.parametrize("module, name", NAMES)
def test_every_exported_name_has_an_entry(site, module, name):
    text = (DOCS / f"{module}.html").read_text(encoding="utf-8")
    entry = re.search(rf'<h3[^>]* data-anchor-id="{name.lower()}".*?</h3>\s*<p class="call"><code>(.*?)</code>(.*?)</p>', text, re.S)
    assert entry and entry[1].startswith(name) and "*args, **kwargs" not in entry[1]
    line = int(re.search(rf'href="https://[^"]*/minibatch_lib/{module}\.py#L(\d+)"', entry[2])[1])
    assert re.match(rf"(def|class) {name}\b|{name} = |@", MODULES[module].splitlines()[line - 1])


@pytest.mark.slow
def test_search_finds_every_exported_name(browser, site):
    with Tab(browser, site) as tab:
        page = tab.open("index.html")
        for module, name in NAMES:
            page.fill("#quarto-search input", name)
            page.wait_for_selector(f'#quarto-search .search-result[href$="{module}.html#{name.lower()}"]', timeout=60_000)
        assert not tab.troubles


def test_the_theme_can_be_chosen_and_is_remembered(browser, site):
    with Tab(browser, site) as tab:
        page = tab.open("index.html")
        ground = "getComputedStyle(document.body).backgroundColor"
        page.click(".quarto-color-scheme-toggle")
        page.wait_for_function(f"{ground} === 'rgb(23, 25, 29)'")
        tab.open("matmul.html")
        assert page.evaluate(ground) == "rgb(23, 25, 29)"
        page.click(".quarto-color-scheme-toggle")
        page.wait_for_function(f"{ground} === 'rgb(255, 255, 255)'")


def test_escape_closes_the_list_of_pages(browser, site):
    with Tab(browser, site, width=390) as tab:
        page = tab.open("minibatch.html")
        page.click(".quarto-btn-toggle")
        page.get_by_role("link", name="02 Modules").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="02 Modules").wait_for(state="hidden")
        assert "quarto-btn-toggle" in page.evaluate("document.activeElement.className")


def test_on_paper_there_is_only_the_text_in_black(browser, site):
    with Tab(browser, site, "dark") as tab:
        page = tab.open("minibatch.html")
        page.emulate_media(media="print")
        colours = "[...document.querySelectorAll('main code span')].map(el => getComputedStyle(el).color)"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert set(page.evaluate(colours)) == {"rgb(0, 0, 0)"}
        assert not page.is_visible("#quarto-header") and not page.is_visible("#quarto-sidebar")
        assert page.evaluate("[...document.querySelectorAll('main pre')].every(el => el.scrollWidth <= el.clientWidth)")


def test_pages_are_small(browser, site):
    loaded = {}
    with Tab(browser, site) as tab:
        tab.page.on("response", lambda r: loaded.setdefault(r.url.removeprefix(site), len(r.body())) if r.url.startswith(site) else None)
        tab.open("index.html").wait_for_load_state("networkidle")
    html = (DOCS / "index.html").read_text(encoding="utf-8")
    figures = sum(map(len, re.findall(r"<figure.*?</figure>", html, re.S)))
    assert sum(loaded.values()) - figures < 300_000, loaded
    assert all((DOCS / name).stat().st_size + sum(loaded.values()) < 1_500_000 for name in PAGES)


# The playground

ONE_IMAGE = """([x, y]) => {  // outputs, loss and all gradients, as bytes: as text they would take a hundred times as long
    const net = playground.fresh(), state = playground.forward(net, x), grads = playground.backward(net, state, y);
    const all = [state.out, [playground.lossOf(state, y)], grads.x, ...Object.keys(net).map(name => grads.params[name])];
    const bytes = new Uint8Array(Float64Array.from(all.flatMap(each => [...each])).buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
}"""


def weights():
    """The playground's network as one of ours, in float64."""
    entries = json.loads((ROOT / "nbs/live/weights.js").read_text(encoding="utf-8").partition(" = ")[2].rstrip(";\n"))
    model = get_model(784, 50, 10).to(torch.float64)
    for name, p in model.named_parameters():
        steps = torch.frombuffer(bytearray(base64.b64decode(entries[name]["steps"])), dtype=torch.int8).double()
        p.data = (steps.view(len(entries[name]["scale"]), -1) * torch.tensor(entries[name]["scale"]).double()[:, None]).view(p.shape)
    return model


def digits():
    """Images (n, 784) and labels: a hundred seeded strokes, and test images of MNIST where they are at hand."""
    generator = torch.Generator().manual_seed(0)
    row, col = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    centres = torch.rand(100, 6, 2, 1, 1, generator=generator) * 20 + 4
    distance = ((row - centres[:, :, 0]) ** 2 + (col - centres[:, :, 1]) ** 2).sqrt()
    x = (2.5 - distance).clamp(0, 1).amax(1).view(100, 784).double()
    y = torch.randint(0, 10, (100,), generator=generator)
    try:
        x_test, y_test = minibatch_lib.data.get_test("mnist", download=False)
    except FileNotFoundError:
        return x, y
    return torch.cat([x, x_test[:100].double()]), torch.cat([y, y_test[:100]])


@pytest.mark.slow
def test_the_playground_computes_what_the_library_does(browser, site):
    model, loss_func = weights(), CrossEntropyLoss()
    x, y = digits()
    with Tab(browser, site) as tab:
        page = tab.open("playground.html")
        for xb, yb in zip(x[:, None], y[:, None]):
            found = torch.frombuffer(bytearray(base64.b64decode(page.evaluate(ONE_IMAGE, [xb[0].tolist(), yb.item()]))), dtype=torch.float64)
            model.zero_grad()
            out = model(xb.requires_grad_())
            loss = loss_func(out, yb)
            loss.backward()
            wanted = [out, loss, xb.g, *(p.grad for p in model.parameters())]
            assert (found - torch.cat([each.detach().flatten() for each in wanted])).abs().max() < 1e-4
        assert not tab.troubles


def stroke(page, points):
    """Draw through points, given in fractions of the drawing area's sides, with the mouse."""
    page.locator(".pg-pad").scroll_into_view_if_needed()
    box = page.locator(".pg-pad").bounding_box()
    places = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def losses(page):
    """The losses before and after the last step, as the page says them."""
    return [float(number) for number in re.findall(r"(\d+\.\d+) (?:before|after)", page.inner_text("#pg-loss"))]


ONE = [(0.5, 0.15), (0.5, 0.85)]
ZERO = [(0.5 + 0.22 * math.sin(t / 4), 0.5 - 0.33 * math.cos(t / 4)) for t in range(26)]
SEVEN = [(0.28, 0.2), (0.72, 0.2), (0.45, 0.85)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("digit, points", [(1, ONE), pytest.param(0, ZERO, marks=pytest.mark.slow), pytest.param(7, SEVEN, marks=pytest.mark.slow)])
def test_the_playground_reads_a_stroke_and_learns(browser, site, digit, points, width):
    with Tab(browser, site, width=width) as tab:
        page = tab.open("playground.html")
        assert page.inner_text(".pg-answer") == "Draw a digit."
        stroke(page, points)
        assert f"looks like {digit} " in page.inner_text(".pg-answer")
        page.select_option("#pg-label", str((digit + 3) % 10))
        page.click("#pg-learn")
        before, after = losses(page)
        assert after < before
        assert re.fullmatch("[+−][0-9.]+", page.locator(".pg-grad").first.inner_text())
        page.evaluate("for (let i = 0; i < 40; i++) document.getElementById('pg-learn').click()")
        assert f"looks like {(digit + 3) % 10} " in page.inner_text(".pg-answer")
        page.get_by_role("button", name="Forget what it learned").click()
        assert f"looks like {digit} " in page.inner_text(".pg-answer")
        page.get_by_role("button", name="Clear").click()
        assert page.inner_text(".pg-answer") == "Draw a digit."
        assert not tab.troubles


def test_the_front_page_reads_digits_its_steps_lead_on_and_its_commands_can_be_copied(browser, site):
    with Tab(browser, site) as tab:
        tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = tab.open("index.html")
        assert "looks like 7 " in page.inner_text(".pg-answer")
        boxes = [page.locator(name).first.bounding_box() for name in (".pg-answer", "main figure")]
        assert all(box["y"] + box["height"] <= 900 for box in boxes), "within one screen"
        page.get_by_role("button", name="Clear").click()
        stroke(page, ONE)
        assert "looks like 1 " in page.inner_text(".pg-answer")
        block = page.locator("main .code-copy-outer-scaffold", has_text="git clone")
        block.hover()
        block.locator(".code-copy-button").click()
        assert page.evaluate("navigator.clipboard.readText()").startswith("git clone https://")
        page.locator(".staircase li").nth(2).click()
        page.wait_for_url("**/modules.html")
        assert not tab.troubles


def test_the_playground_works_by_keyboard_alone(browser, site):
    with Tab(browser, site) as tab:
        page = tab.open("playground.html")
        focused = "document.activeElement.className + ' ' + document.activeElement.id"

        def tab_to(name):
            for _ in range(80):
                page.keyboard.press("Tab")
                if name in page.evaluate(focused):
                    return
            raise AssertionError(f"Tab never reaches {name}")

        tab_to("pg-pad")
        page.keyboard.press("Space")
        for _ in range(16):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        assert "looks like 1 " in page.inner_text(".pg-answer")
        tab_to("pg-unit")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        assert page.get_attribute(".pg-picture", "aria-label") == "The 784 weights of hidden unit 11"
        tab_to("pg-label")
        page.keyboard.press("4")
        tab_to("pg-learn")
        page.keyboard.press("Enter")
        before, after = losses(page)
        assert page.input_value("#pg-label") == "4" and after < before
        assert not tab.troubles


def test_a_finger_draws(browser, site):
    with Tab(browser, site, width=390) as tab:
        page = tab.open("playground.html")
        page.evaluate("""points => {
            const pad = document.querySelector(".pg-pad"), box = pad.getBoundingClientRect();
            pad.setPointerCapture = () => {};
            points.forEach(([u, v], i) => pad.dispatchEvent(new PointerEvent(i ? "pointermove" : "pointerdown",
                {pointerType: "touch", pointerId: 7, clientX: box.left + u * box.width, clientY: box.top + v * box.height})));
        }""", ONE)
        assert "looks like 1 " in page.inner_text(".pg-answer")
        assert page.evaluate("getComputedStyle(document.querySelector('.pg-pad')).touchAction") == "none"


def test_weights_of_a_unit_show_when_it_is_pointed_at(browser, site):
    with Tab(browser, site) as tab:
        page = tab.open("playground.html")
        drawn = "document.querySelector('.pg-picture').toDataURL()"
        before = page.evaluate(drawn)
        page.hover('.pg-unit[data-unit="7"]')
        assert page.evaluate(drawn) != before
        assert page.get_attribute(".pg-picture", "aria-label") == "The 784 weights of hidden unit 7"


# Broadcasting

PAIRS = [((3, 1), (4,)), ((2, 3), (3,)), ((2, 1, 3), (4, 1)), ((), (2, 2)), ((5,), (5,)), ((2, 3), (2,)), ((4, 1, 2), (3, 2, 2))]


def drawn(page, shapes):
    """Type two shapes; return what the figure says, and for each grid its numbers and its caption."""
    for name, shape in zip("ab", shapes):
        page.fill(f"#bc-{name}", shape)
    grids = page.locator(".bc-grid").all()
    return page.inner_text("#bc-said"), [(list(map(int, grid.locator("text").all_text_contents())), grid.inner_text()) for grid in grids]


def test_broadcasting_is_drawn_as_torch_does_it(browser, site):
    with Tab(browser, site) as tab:
        page = tab.open("matmul.html")
        for shapes in PAIRS:
            said, grids = drawn(page, [", ".join(map(str, shape)) for shape in shapes])
            try:
                out = torch.broadcast_shapes(*shapes)
            except RuntimeError:
                assert "don't fit" in said and not grids
                continue
            assert said.endswith(f"give {tuple(out)}.")
            for shape, (numbers, caption) in zip(shapes, grids, strict=True):
                source = torch.arange(math.prod(shape)).view(shape).expand(out)
                assert numbers == source.flatten().tolist()
                assert f"strides {tuple(0 if n == 1 else s for s, n in zip(source.stride(), out))}" in caption
        for text, complaint in [("2, x", "is not a shape"), ("9", "nly sizes from 1 to 8"), ("1,1,1,1", "up to three axes")]:
            said, grids = drawn(page, [text, "1"])
            assert complaint in said and not grids
        assert drawn(page, ["2x3", "(3,)"])[0] == "(2, 3) and (3,) give (2, 3)."
        assert not tab.troubles


def test_the_site_works_from_a_folder(browser, site):
    with Tab(browser, DOCS.as_uri()) as tab:
        page = tab.open("index.html")
        page.fill("#quarto-search input", "check_grads")
        page.click('#quarto-search .search-result[href$="testing.html#check_grads"]')
        page.wait_for_url("**/testing.html#check_grads")
        stroke(tab.open("playground.html"), ONE)
        assert "looks like 1 " in page.inner_text(".pg-answer")
        assert not tab.troubles
