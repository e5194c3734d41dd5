// What every page does: tables stand in boxes that can be scrolled, whatever is wide can be scrolled with the keyboard, Escape
// closes the list of pages, and search works without a server.
(() => {
  "use strict";
  document.querySelectorAll("main table:not(.sd-table *)").forEach((table) => {
    const box = Object.assign(document.createElement("div"), { className: "sd-table" });
    table.replaceWith(box);
    box.append(table);
  });
  const wide = () => document.querySelectorAll("pre, .sd-table, .math.display, figure.figure").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; else box.removeAttribute("tabindex");
  });
  wide();
  addEventListener("load", wide);
  addEventListener("resize", wide);

  addEventListener("keydown", (event) => {
    const glass = document.querySelector("#quarto-sidebar-glass.show");
    if (glass && event.key === "Escape") { glass.click(); document.querySelector(".quarto-btn-toggle").focus(); }
  });

  if (location.protocol === "file:") {  // where a browser lets no page fetch a file, but lets it load a script
    window.fetch = () => new Promise((resolve, reject) => {
      const loaded = () => resolve({ json: () => window.searchIndex });
      document.head.append(Object.assign(document.createElement("script"), { src: "search.js", onload: loaded, onerror: reject }));
    });
  }
})();
