"""Stored pictures as HTML: drawings become part of the page and follow its theme, photographs stay as they are."""
import base64
import html
import re
from xml.etree import ElementTree

SVG, LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
COLOUR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})")
PALE, GREY = 150, 12  # what counts as a pale colour (its darkest channel), and as a grey (its channels' range)
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", LINK[1:-5])


def on_theme(colour, text=False):
    """The CSS for a colour that was chosen for a white page: greys run from the page's ink to its ground, pale colours
    become thin layers of strong ones, the rest stays; text stays white where it is white, and takes some ink where it is coloured."""
    red, green, blue = channels = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
    low, high = min(channels), max(channels)
    if high - low <= GREY:
        return colour if text and low > PALE else f"color-mix(in srgb, currentColor {100 - low / 2.55:.0f}%, var(--bs-body-bg))"
    if text:
        return f"color-mix(in srgb, {colour} 75%, currentColor)"
    if low <= PALE:
        return colour
    opacity = 1 - low / 255
    return "rgb({:.0f} {:.0f} {:.0f} / {:.2f})".format(*(255 - (255 - c) / opacity for c in channels), opacity)


def stands_on(text, pictures):
    """Whether a text stands on one of the pictures of pixels in its drawing; those keep their colours in any theme."""
    x, y = (float(text.get(side, "nan")) for side in "xy")
    return any(left < x < left + width and 0 < y + bottom < height for left, bottom, width, height in pictures)


def inline(svg, alt, prefix):
    """An SVG picture for a page's HTML: themed, in the page's font, no wider than the page, its ids its own."""
    root = ElementTree.fromstring(svg)
    pictures = [[float(image.get(key)) for key in ("x", "y", "width", "height")] for image in root.iter(f"{{{SVG}}}image")]
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))
    for parent in root.iter():
        for child in list(parent):
            if child.tag.endswith("}metadata") or child.tag.endswith("}style"):
                parent.remove(child)
        if (name := parent.attrib.pop("id", None)) in used:
            parent.set("id", f"{prefix}-{name}")
        is_text, style = parent.tag.endswith("}text"), re.sub(r"font-family: [^;]*;? ?", "", parent.get("style", ""))
        if is_text and stands_on(parent, pictures):
            style = f"fill: #000000; {style}"  # a fill of its own comes later and wins
        else:
            style = COLOUR.sub(lambda m: f"{m[1]}: {on_theme(m[2], is_text)}", style)
        if style:
            parent.set("style", style)
        for key, value in parent.attrib.items():
            parent.set(key, re.sub(r"url\(#", f"url(#{prefix}-", value) if "url(#" in value else value)
        if parent.get(LINK, "").startswith("#"):
            parent.set(LINK, f"#{prefix}-{parent.get(LINK)[1:]}")
    width = float(root.attrib.pop("width").removesuffix("pt")) / 0.75
    del root.attrib["height"]
    root.attrib |= {"class": "drawing", "role": "img", "aria-label": alt, "style": f"width: {width:.0f}px; min-width: {0.6 * width:.0f}px"}
    return ElementTree.tostring(root, encoding="unicode")


def raster(data, kind, alt, drawn):
    """A picture of pixels, as wide as it was meant to be."""
    size = "".join(f' {side}="{drawn[side]}"' for side in ("width", "height") if side in drawn)
    return f'<img alt="{html.escape(alt)}" src="data:{kind};base64,{data}" class="img-fluid figure-img"{size}>'


def picture(output, kind, alt, prefix):
    """The HTML of one stored picture."""
    data = "".join(output["data"][kind]).strip()
    if kind == "image/svg+xml":
        img = inline(data, alt, prefix)
    else:
        img = raster(data, kind, alt, output.get("metadata", {}).get(kind, {}))
    return f'<figure class="figure">{img}</figure>'
