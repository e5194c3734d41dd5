// What every page does: wide things can be scrolled with the keyboard, and search works without a server.
(() => {
  "use strict";
  const wide = () => document.querySelectorAll("pre, .sd-table, .math.display, figure.figure").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; else box.removeAttribute("tabindex");
  });
  wide();
  addEventListener("load", wide);
  addEventListener("resize", wide);

  if (location.protocol === "file:") {  // where a browser lets no page fetch a file, but lets it load a script
    const index = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      Object.assign(script, { src: "search.js", onload: () => resolve(window.searchIndex), onerror: reject });
      document.head.append(script);
    });
    window.fetch = async () => ({ json: () => index });
  }
})();
