// Drag over a chart: the page is asked for that part of the time. Without this, its links narrow it.
(() => {
  "use strict";
  const LEFT = 64, RIGHT = 474, TOP = 10, HEIGHT = 144, LEAST = 6;
  let drag = null;

  const placeOf = (chart, event) => {
    const box = chart.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
    return Math.min(RIGHT, Math.max(LEFT, x));
  };

  const draw = (to) => {
    drag.to = to;
    drag.picked.setAttribute("x", Math.min(drag.from, to));
    drag.picked.setAttribute("width", Math.abs(to - drag.from));
  };

  const end = () => {
    if (!drag) return null;
    const done = drag;
    drag = null;
    done.picked.remove();
    return done;
  };

  document.addEventListener("pointerdown", (event) => {
    const chart = event.target.closest?.(".charts .chart");
    if (!chart || event.button !== 0 || event.pointerType === "touch") return;
    const picked = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const from = placeOf(chart, event);
    picked.setAttribute("class", "picked");
    picked.setAttribute("data-js", "");
    picked.setAttribute("y", TOP);
    picked.setAttribute("height", HEIGHT);
    chart.append(picked);
    drag = { chart, picked, from, to: from };
    event.preventDefault();
  });

  document.addEventListener("pointermove", (event) => { if (drag) draw(placeOf(drag.chart, event)); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
  document.addEventListener("pointercancel", end);
  document.addEventListener("pointerup", () => {
    const done = end();
    if (!done || Math.abs(done.to - done.from) < LEAST) return;
    const place = done.chart.closest(".charts").dataset;
    const since = Number(place.since), width = Number(place.until) - since;
    const at = (x) => new Date((since + (x - LEFT) / (RIGHT - LEFT) * width) * 1000).toISOString();
    const [first, last] = [done.from, done.to].sort((one, other) => one - other);
    const target = new URL(location.href);
    target.search = new URLSearchParams({ from: at(first), to: at(last) });
    target.hash = "charts";
    location.assign(target);
  });
})();
