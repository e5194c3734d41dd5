// The playground: a network of 784-50-10 that runs forward, and learns, in the page.
(() => {
  "use strict";
  const N_IN = 784, SIDE = 28, NH = 50, N_OUT = 10, LR = 0.005;

  // ---- the network

  const bytes = (text) => Int8Array.from(atob(text), (c) => c.charCodeAt(0) << 24 >> 24);
  const load = (entry) => {  // a parameter from its steps, each row with a scale of its own
    const steps = bytes(entry.steps), row = steps.length / entry.scale.length;
    return Float64Array.from(steps, (step, i) => step * entry.scale[Math.floor(i / row)]);
  };
  const fresh = () => Object.fromEntries(Object.entries(window.playgroundWeights).map(([name, entry]) => [name, load(entry)]));

  const linear = (x, w, b) => b.map((bias, i) => {
    let sum = bias;
    for (let j = 0; j < x.length; j++) sum += x[j] * w[i * x.length + j];
    return sum;
  });
  const softmax = (out) => {
    const most = Math.max(...out), powers = out.map((o) => Math.exp(o - most)), sum = powers.reduce((s, p) => s + p);
    return powers.map((p) => p / sum);
  };

  // x: the 784 pixels, 0 to 1
  const forward = (net, x) => {
    const pre = linear(x, net["0.weight"], net["0.bias"]), hidden = pre.map((p) => Math.max(p, 0));
    const out = linear(hidden, net["2.weight"], net["2.bias"]);
    return { x, pre, hidden, out, probs: softmax(out) };
  };
  const lossOf = (state, label) => -Math.log(Math.max(state.probs[label], 1e-300));

  // The chain rule, from the loss to the input: cross-entropy, linear, relu, linear.
  const outer = (g, inp) => { const grad = new Float64Array(g.length * inp.length); g.forEach((gi, i) => inp.forEach((v, j) => { grad[i * inp.length + j] = gi * v; })); return grad; };
  const back = (g, w, n) => Float64Array.from({ length: n }, (_, j) => g.reduce((sum, gi, i) => sum + gi * w[i * n + j], 0));
  const backward = (net, state, label) => {
    const out = state.probs.map((p, i) => p - (i === label ? 1 : 0));
    const hidden = back(out, net["2.weight"], NH), pre = hidden.map((g, i) => (state.pre[i] > 0 ? g : 0));
    return {
      out, hidden, x: back(pre, net["0.weight"], N_IN),
      params: { "0.weight": outer(pre, state.x), "0.bias": pre, "2.weight": outer(out, state.hidden), "2.bias": out },
    };
  };
  const step = (net, grads) => { for (const name in net) net[name].forEach((_, i) => { net[name][i] -= LR * grads.params[name][i]; }); };
  window.playground = { fresh, forward, backward, step, lossOf };

  // ---- the page

  const root = document.getElementById("playground");
  if (!root) return;
  const make = (tag, props = {}, ...children) => { const el = Object.assign(document.createElement(tag), props); el.append(...children); return el; };
  const attributes = (el, values) => { for (const name in values) el.setAttribute(name, values[name]); return el; };
  const digits = [...Array(N_OUT).keys()];
  const dark = () => document.documentElement.dataset.scheme === "alternate" || document.body.classList.contains("quarto-dark");

  // Signed numbers as colours: blue above zero, red below, the page's ground at zero.
  const colour = (value, most) => {
    const amount = most ? Math.min(Math.abs(value) / most, 1) : 0, ground = dark() ? [31, 35, 41] : [255, 255, 255];
    const ink = value >= 0 ? (dark() ? [110, 170, 255] : [20, 80, 170]) : (dark() ? [255, 130, 110] : [190, 50, 30]);
    return ground.map((g, i) => Math.round(g + (ink[i] - g) * amount));
  };
  const most = (values) => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const paint = (canvas, values) => {
    const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE), peak = most(values);
    values.forEach((value, i) => image.data.set([...colour(value, peak), 255], 4 * i));
    context.putImageData(image, 0, 0);
  };
  const picture = (label) => attributes(make("canvas", { width: SIDE, height: SIDE, className: "pg-picture" }), { role: "img", "aria-label": label });

  let net = fresh(), state = null, grads = null;
  const pixels = new Float64Array(N_IN);

  // Drawing: a soft round pen, moved by mouse or finger, or by the arrow keys with the space bar as its switch.
  const pad = attributes(make("canvas", { width: SIDE, height: SIDE, className: "pg-pad", tabIndex: 0 }),
    { role: "application", "aria-label": "Drawing area, 28 by 28 pixels", "aria-describedby": "pg-keys" });
  const cursor = { x: 14, y: 6, down: false };
  const dab = (x, y) => {
    for (let row = Math.max(0, Math.floor(y - 2)); row <= Math.min(SIDE - 1, y + 2); row++)
      for (let col = Math.max(0, Math.floor(x - 2)); col <= Math.min(SIDE - 1, x + 2); col++) {
        const ink = Math.min(1, Math.max(0, 1.75 - Math.hypot(col + 0.5 - x, row + 0.5 - y)));
        pixels[row * SIDE + col] = Math.max(pixels[row * SIDE + col], ink);
      }
  };
  const stroke = (from, to) => {
    const n = Math.max(1, Math.ceil(4 * Math.hypot(to.x - from.x, to.y - from.y)));
    for (let i = 0; i <= n; i++) dab(from.x + (to.x - from.x) * i / n, from.y + (to.y - from.y) * i / n);
  };
  let last = null;
  const place = (event) => {
    const box = pad.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width * SIDE, y: (event.clientY - box.top) / box.height * SIDE };
  };
  pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); last = place(event); stroke(last, last); run(); });
  pad.addEventListener("pointermove", (event) => { if (!last) return; const to = place(event); stroke(last, to); last = to; run(); });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { last = null; });
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  pad.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = { ...cursor };
    if (event.key === " ") cursor.down = !cursor.down;
    else if (event.key in ways) {
      cursor.x = Math.min(SIDE - 0.5, Math.max(0.5, cursor.x + ways[event.key][0]));
      cursor.y = Math.min(SIDE - 0.5, Math.max(0.5, cursor.y + ways[event.key][1]));
    } else if (event.key === "Delete" || event.key === "Backspace") clear();
    else return;
    event.preventDefault();
    if (cursor.down) stroke(from, cursor);
    run();
  });
  pad.addEventListener("focus", () => draw());
  pad.addEventListener("blur", () => { cursor.down = false; draw(); });

  // Hidden units: each a button whose weights show when it is pointed at or has the focus; arrow keys walk among them.
  const units = [...Array(NH).keys()].map((i) => attributes(make("button", { type: "button", className: "pg-unit", tabIndex: i ? -1 : 0 }), { "data-unit": i }));
  const weights = picture("Weights of a hidden unit"), unitText = make("p", { className: "pg-note" });
  let shown = 0;
  const showUnit = (i) => {
    shown = i;
    const w = net["0.weight"].slice(i * N_IN, (i + 1) * N_IN), to = digits.map((d) => net["2.weight"][d * NH + i]);
    paint(weights, w);
    weights.setAttribute("aria-label", `The 784 weights of hidden unit ${i}`);
    unitText.textContent = `Unit ${i}: ${state.hidden[i].toFixed(2)}. It speaks most for ${to.indexOf(Math.max(...to))}, and most against ${to.indexOf(Math.min(...to))}.`;
  };
  const jumps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10 };
  units.forEach((unit, i) => {
    unit.addEventListener("pointerenter", () => showUnit(i));
    unit.addEventListener("focus", () => showUnit(i));
    unit.addEventListener("click", () => showUnit(i));
    unit.addEventListener("keydown", (event) => {
      const next = units[i + jumps[event.key]];
      if (!next) return;
      event.preventDefault();
      unit.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });

  // Outputs, and learning.
  const bars = digits.map((d) => ({ fill: make("span", { className: "pg-fill" }), text: make("span", { className: "pg-percent" }), grad: make("span", { className: "pg-grad" }) }));
  const rows = digits.map((d) => make("li", { className: "pg-row" }, make("span", { className: "pg-digit", textContent: d }), make("span", { className: "pg-bar" }, bars[d].fill), bars[d].text, bars[d].grad));
  const answer = attributes(make("p", { className: "pg-answer" }), { role: "status" });
  const label = make("select", { id: "pg-label", className: "form-select form-select-sm" }, ...digits.map((d) => make("option", { value: d, textContent: d })));
  const learn = make("button", { type: "button", id: "pg-learn", className: "pg-button", textContent: "Learn: one step" });
  const lossText = attributes(make("p", { className: "pg-note", id: "pg-loss" }), { role: "status" });
  const inputGrad = picture("Gradient of the loss for each input pixel, not yet computed");
  const clear = () => { pixels.fill(0); grads = null; lossText.textContent = ""; run(); };

  const draw = () => {
    paint(pad, pixels);
    if (document.activeElement === pad && pad.matches(":focus-visible")) {
      const context = pad.getContext("2d");
      context.fillStyle = cursor.down ? "#d9480f" : "#868e96";
      context.fillRect(Math.floor(cursor.x), Math.floor(cursor.y), 1, 1);
    }
    const strongest = most(state.hidden), steepest = grads ? most(grads.hidden) : 0;
    units.forEach((unit, i) => {
      unit.style.setProperty("--value", `rgb(${colour(state.hidden[i], strongest)})`);
      unit.style.setProperty("--slope", grads ? `rgb(${colour(grads.hidden[i], steepest)})` : "transparent");
      unit.setAttribute("aria-label", `Hidden unit ${i}: ${state.hidden[i].toFixed(2)}${grads ? `, gradient ${grads.hidden[i].toFixed(3)}` : ""}`);
    });
    digits.forEach((d) => {
      bars[d].fill.style.width = `${100 * state.probs[d]}%`;
      bars[d].text.textContent = `${(100 * state.probs[d]).toFixed(0)} %`;
      bars[d].grad.textContent = grads ? `${grads.out[d] < 0 ? "−" : "+"}${Math.abs(grads.out[d]).toFixed(2)}` : "";
    });
    paint(inputGrad, grads ? grads.x : new Float64Array(N_IN));
    inputGrad.setAttribute("aria-label", `Gradient of the loss for each input pixel${grads ? "" : ", not yet computed"}`);
    root.classList.toggle("pg-learned", Boolean(grads));
    showUnit(shown);
  };
  const run = () => {
    state = forward(net, pixels);
    if (grads && most(state.x.map((v, i) => v - grads.seen[i])) > 0) { grads = null; lossText.textContent = ""; }
    const best = digits.reduce((a, b) => (state.probs[b] > state.probs[a] ? b : a));
    answer.textContent = most(pixels) ? `It looks like ${best} to the network (${(100 * state.probs[best]).toFixed(0)} %).` : "Draw a digit.";
    draw();
  };
  learn.addEventListener("click", () => {
    const right = Number(label.value), before = lossOf(state, right);
    grads = { ...backward(net, state, right), seen: pixels.slice() };
    step(net, grads);
    state = forward(net, pixels);
    lossText.textContent = `Loss for ${right}: ${before.toFixed(3)} before the step, ${lossOf(state, right).toFixed(3)} after it.`;
    run();
    root.classList.remove("pg-flow");
    void root.offsetWidth;  // so that the animation starts anew
    root.classList.add("pg-flow");
  });
  const button = (text, action) => { const b = make("button", { type: "button", className: "pg-button", textContent: text }); b.addEventListener("click", action); return b; };

  const part = (title, ...children) => make("section", { className: "pg-part" }, make("h3", { className: "no-anchor", textContent: title }), ...children);
  if (root.dataset.drawn) {  // on the front page: the input and the outputs alone, with a digit that is drawn already
    const points = root.dataset.drawn.split(" ").map((pair) => pair.split(",").map(Number));
    points.slice(1).forEach(([x, y], i) => stroke({ x: points[i][0], y: points[i][1] }, { x, y }));
    root.replaceChildren(
      make("div", { className: "pg-beside" },
        make("div", {}, pad, button("Clear, and draw another", clear)),
        make("ul", { className: "pg-rows" }, ...rows)),
      answer,
      make("p", { id: "pg-keys", className: "pg-keys", textContent: "Draw with mouse or finger, or with the arrow keys and the space bar." }));
  } else root.replaceChildren(
    part("Input", pad,
      make("p", { id: "pg-keys", className: "pg-note", textContent: "Draw with mouse or finger. With the keyboard: arrow keys move the pen, the space bar puts it down or lifts it, Delete clears." }),
      button("Clear", clear)),
    part("50 hidden units", attributes(make("div", { className: "pg-units" }, ...units), { role: "group", "aria-label": "Hidden units; arrow keys go from one to the next" }),
      make("div", { className: "pg-beside" }, weights, unitText)),
    part("10 outputs", make("ul", { className: "pg-rows" }, ...rows), answer),
    part("One step back",
      make("div", { className: "pg-teach" }, attributes(make("label", { textContent: "It is a" }), { for: "pg-label" }), label, learn, button("Forget what it learned", () => { net = fresh(); grads = null; lossText.textContent = ""; run(); })),
      lossText,
      make("div", { className: "pg-beside pg-after" }, inputGrad, make("p", { className: "pg-note", textContent: "The gradient for every input pixel: where more ink would raise the loss (blue) or lower it (red). The numbers beside the outputs, and the lower half of each hidden unit, are their gradients." }))),
  );
  run();
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-scheme"] });
})();
