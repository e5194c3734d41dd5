// Broadcasting, drawn: two shapes that the reader types, stretched to the shape of the result.
(() => {
  "use strict";
  const root = document.getElementById("two-shapes");
  if (!root) return;
  const make = (tag, props = {}, ...children) => { const el = Object.assign(document.createElement(tag), props); el.append(...children); return el; };
  const attributes = (el, values) => { for (const name in values) el.setAttribute(name, values[name]); return el; };
  const NS = "http://www.w3.org/2000/svg";
  const svg = (tag, values, ...children) => { const el = attributes(document.createElementNS(NS, tag), values); el.append(...children); return el; };
  const MOST = 8;  // the longest axis that is drawn

  const shapeOf = (text) => {
    const inner = text.trim().replace(/^[([]|[)\]]$/g, "");
    const sizes = inner.split(/[\s,×]+|(?<=\d)x(?=\d)/).filter(Boolean);
    if (sizes.some((size) => !/^\d+$/.test(size))) throw new Error(`“${text}” is not a shape: write sizes with commas, as in 2, 3`);
    if (sizes.length > 3) throw new Error("only shapes of up to three axes are drawn");
    if (sizes.some((size) => Number(size) > MOST || Number(size) < 1)) throw new Error(`only sizes from 1 to ${MOST} are drawn`);
    return sizes.map(Number);
  };
  const said = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const broadcast = (a, b) => Array.from({ length: Math.max(a.length, b.length) }, (_, i, n = Math.max(a.length, b.length)) => {
    const [p, q] = [a, b].map((shape) => shape[shape.length - n + i] ?? 1);
    if (p !== q && p !== 1 && q !== 1) throw new Error(`${said(a)} and ${said(b)} don't fit: counted from the right, axis ${n - i} has the sizes ${p} and ${q}, and neither is 1`);
    return p === 1 ? q : p;
  });
  // The stride of each axis of the result within the shape's own numbers: 0 where one number is read again and again.
  const strides = (shape, out) => {
    let step = 1;
    const own = shape.map(() => 0);
    for (let i = shape.length - 1; i >= 0; i--) { own[i] = shape[i] === 1 ? 0 : step; step *= shape[i]; }
    return out.map((_, i) => own[shape.length - out.length + i] ?? 0);
  };

  // One grid of the result's shape: each cell shows which number of the source it reads; only the first copy is solid.
  const grid = (name, shape, out) => {
    const by = strides(shape, out), [depth, rows, cols] = [...[1, 1, 1], ...out].slice(-3);
    const [sd, sr, sc] = [...[0, 0, 0], ...by].slice(-3);
    const size = 30, gap = 12, height = depth * (rows * size + gap) - gap, cells = [];
    for (let d = 0; d < depth; d++) for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) {
      const copied = (d && !sd && depth > 1) || (r && !sr && rows > 1) || (c && !sc && cols > 1), index = d * sd + r * sr + c * sc;
      const x = c * size, y = d * (rows * size + gap) + r * size;
      const cell = svg("g", { class: copied ? "bc-copy" : "bc-cell", "data-at": `${d},${r},${c}` },
        svg("rect", { x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: 3 }),
        svg("text", { x: x + size / 2, y: y + size / 2 + 4, "text-anchor": "middle" }, String(index)));
      cells.push(cell);
    }
    const strideText = `strides ${said(by)}`;
    return make("figure", { className: "bc-grid" },
      make("figcaption", {}, make("code", { textContent: name }), ` ${said(shape)}`, make("span", { className: "bc-strides", textContent: strideText })),
      svg("svg", { viewBox: `0 0 ${cols * size} ${height}`, width: cols * size, height, role: "img",
        "aria-label": `${name}, of shape ${said(shape)}, stretched to ${said(out)} with ${strideText}` }, ...cells));
  };

  const field = (name, value) => attributes(make("input", { id: `bc-${name}`, className: "form-control form-control-sm", value, autocomplete: "off", spellcheck: false }), { size: 9, "aria-describedby": "bc-said" });
  const a = field("a", "3, 1"), b = field("b", "4"), said_ = attributes(make("p", { id: "bc-said", className: "bc-said" }), { role: "status" });
  const grids = make("div", { className: "bc-grids" });
  const light = (event) => {
    const at = event.target.closest ? event.target.closest("[data-at]") : null;
    grids.querySelectorAll("[data-at]").forEach((cell) => cell.classList.toggle("bc-lit", Boolean(at) && cell.dataset.at === at.dataset.at));
  };
  const run = () => {
    try {
      const [p, q] = [a, b].map((input) => shapeOf(input.value)), out = broadcast(p, q);
      said_.textContent = `${said(p)} and ${said(q)} give ${said(out)}.`;
      grids.replaceChildren(grid("a", p, out), grid("b", q, out));
      root.classList.remove("bc-wrong");
    } catch (error) {
      said_.textContent = error.message.charAt(0).toUpperCase() + error.message.slice(1) + ".";
      grids.replaceChildren();
      root.classList.add("bc-wrong");
    }
  };
  for (const input of [a, b]) input.addEventListener("input", run);
  grids.addEventListener("pointerover", light);
  grids.addEventListener("pointerleave", light);
  const tries = [["3, 1", "4"], ["2, 3", "3"], ["2, 3", "2, 1"], ["2, 1, 3", "4, 1"], ["2, 3", "2"]];
  const button = ([p, q]) => {
    const el = make("button", { type: "button", className: "pg-button", textContent: `${said(p.split(", "))} ${said(q.split(", "))}` });
    el.addEventListener("click", () => { a.value = p; b.value = q; run(); });
    return el;
  };
  const labelled = (input, text) => make("span", {}, attributes(make("label", { textContent: text }), { for: input.id }), input);
  root.replaceChildren(
    make("div", { className: "bc-shapes" }, labelled(a, "shape of a"), labelled(b, "shape of b")),
    make("div", { className: "bc-tries" }, "Try: ", ...tries.map(button)), said_, grids,
    make("p", { className: "pg-note", textContent: "Each grid has the shape of the result; a cell says which of the tensor's own numbers it reads, counted from 0. Pale cells are copies that exist only in the reading: their stride is 0. Point at a cell to see its partner." }));
  run();
})();
