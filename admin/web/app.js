// The chart, and what keeps the page honest: it stops asking while nobody looks
// at it, and says so when the server does not answer.
"use strict";

(() => {
  const every = 2000;
  const stale = document.getElementById("stale");
  const chart = document.getElementById("chart");
  const legend = document.getElementById("legend");
  const words = document.getElementById("chart-text");
  let plot = null;
  let lines = "";

  const answered = (ok) => { stale.hidden = ok; };
  document.addEventListener("htmx:beforeRequest", (e) => { if (document.hidden) e.preventDefault(); });
  document.addEventListener("htmx:afterRequest", (e) => answered(e.detail.successful));
  document.addEventListener("htmx:sendError", () => answered(false));

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const palette = () => [colour("--accent"), ...[1, 2, 3, 4, 5, 6].map((n) => colour("--line-" + n))];
  const number = (v) => v == null ? "–" : v >= 100 || v === 0 ? Math.round(v).toLocaleString("en") : v.toFixed(1);
  const clock = (t) => new Date(t * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: t % 60 ? "2-digit" : undefined });
  // the sum comes first; further lines use the colours again
  const shade = (i) => i === 0 ? 0 : 1 + (i - 1) % 6;

  function options(names) {
    const colours = palette();
    const axis = { stroke: colour("--soft"), font: "12px system-ui, sans-serif", grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    return {
      width: chart.clientWidth, height: chart.clientHeight, legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      scales: {
        // at least two minutes, so that the first points do not fill the width
        x: { range: (u, first, last) => [Math.min(first, last - 120), last] },
        y: { range: (u, least, most) => [0, Math.max(1, (most || 0) * 1.15)] },
      },
      axes: [
        { ...axis, size: 30, space: 80, grid: { show: false }, values: (u, ticks) => ticks.map(clock) },
        { ...axis, size: 52, space: 44, values: (u, ticks) => ticks.map((v) => v.toLocaleString("en")) },
      ],
      series: [{}, ...names.map((name, i) => ({
        label: name, stroke: colours[shade(i)], width: i === 0 ? 2 : 1.25, points: { show: false },
        fill: i === 0 ? colours[0] + "1f" : undefined,
      }))],
      hooks: { setCursor: [(u) => describe(u, u.cursor.idx)] },
    };
  }

  // describe writes the values of a point beside the names of the lines.
  function describe(u, at) {
    const items = legend.querySelectorAll("b");
    u.series.slice(1).forEach((s, i) => {
      const row = u.data[i + 1];
      if (items[i]) items[i].textContent = number(at == null ? row[row.length - 1] : row[at]);
    });
  }

  function makeLegend(names) {
    legend.replaceChildren(...names.map((name, i) => {
      const item = document.createElement("li");
      const space = "http://www.w3.org/2000/svg";
      const key = document.createElementNS(space, "svg");
      const stroke = document.createElementNS(space, "path");
      key.setAttribute("viewBox", "0 0 14 4");
      key.setAttribute("aria-hidden", "true");
      stroke.setAttribute("d", "M0 2h14");
      stroke.setAttribute("stroke-width", "3");
      stroke.setAttribute("class", "s" + shade(i));
      key.append(stroke);
      const label = document.createElement("span");
      label.textContent = name;
      item.append(key, label, document.createElement("b"));
      return item;
    }));
  }

  function draw(data) {
    const names = ["all", ...data.names];
    const series = [data.times, data.sum, ...data.rates];
    if (plot && lines !== names.join("\n")) {
      plot.destroy();
      plot = null;
    }
    if (!plot) {
      chart.hidden = false;
      lines = names.join("\n");
      makeLegend(names);
      plot = new uPlot(options(names), series, chart);
    } else {
      plot.setData(series);
    }
    const now = data.sum[data.sum.length - 1];
    words.className = "unseen";
    words.textContent = "Now " + number(now) + " per second.";
    const tile = document.getElementById("rate");
    if (tile && now != null) tile.textContent = number(now);
    if (plot.cursor.idx == null) describe(plot, null);
  }

  async function load() {
    if (document.hidden) return;
    try {
      const answer = await fetch(chart.dataset.src, { headers: { Accept: "application/json" } });
      if (answer.status === 401) return location.assign("/login");
      if (!answer.ok) return answered(false);
      const data = await answer.json();
      if (data.names.length > 0) draw(data);
      else if (!plot) words.textContent = "No frontend has acknowledged a lease while you look.";
    } catch {
      answered(false);
    }
  }

  const again = () => {
    if (!plot) return;
    plot.destroy();
    plot = null;
    load();
  };
  new ResizeObserver(() => { if (plot) plot.setSize({ width: chart.clientWidth, height: chart.clientHeight }); }).observe(chart);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.addEventListener("visibilitychange", load);
  load();
  setInterval(load, every);
})();
