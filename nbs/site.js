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
    window.fetch = () => new Promise((resolve, reject) => {
      const loaded = () => resolve({ json: () => window.searchIndex });
      document.head.append(Object.assign(document.createElement("script"), { src: "search.js", onload: loaded, onerror: reject }));
    });
  }
})();
