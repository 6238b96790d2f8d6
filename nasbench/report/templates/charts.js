// The charts: drawn by Vega-Lite from aggregated curves; switches and legends of a part rule all of its charts.
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const { charts, parts } = JSON.parse(document.getElementById("charts").textContent);
  const views = {};
  const states = {};

  const short = (value) => String(Number(value.toPrecision(4)));
  const label = ",.4~r";

  // 1, 2 and 5 of each power of ten, as in the project's other figures.
  const ticks = (low, high) => {
    const found = [];
    const steps = high / low < 8 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : high / low < 1e4 ? [1, 2, 5] : [1];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
      for (const step of steps) found.push(Number((step * 10 ** power).toPrecision(3)));
    return found.filter((each) => each >= low * 0.999 && each <= high * 1.001);
  };

  const rowsOf = (packed, suffix, floor) => {
    const rows = [];
    const lift = (value) => (value === null ? null : Math.max(value, floor));
    for (const [strategy, centers] of Object.entries(packed.center))
      centers.forEach((center, place) => {
        if (center === null) return;
        const low = packed.low[strategy][place], high = packed.high[strategy][place];
        const runs = packed.runs[strategy];
        const known = low !== null && high !== null;
        rows.push({
          strategy, spent: packed.spent[place], center: lift(center),
          low: lift(known ? low : center), high: lift(known ? high : center),
          budget: Number(packed.spent[place].toPrecision(4)).toLocaleString("en"),
          value: short(center) + suffix, band: known ? `${short(low)} to ${short(high)}${suffix}` : "not known",
          runs: Array.isArray(runs) ? runs[place] : runs,
        });
      });
    return rows;
  };

  // All numbers that a packed set of curves draws, to choose scales by.
  const values = (packed, keys) => keys.flatMap((key) => Object.values(packed[key]).flat())
    .filter((each) => each !== null);

  const everyEncoding = (spec, change) => (spec.layer ?? [spec]).forEach((layer) => change(layer.encoding));

  // Put data, titles and scales for the present switches into a chart of curves; null if it has no such curves.
  const withCurves = (chart, state) => {
    const byReport = chart.packed[state.unit] ?? {};
    const report = state.report in byReport ? state.report : Object.keys(byReport)[0];
    const packed = byReport[report];
    if (!packed) return null;
    const spec = structuredClone(chart.spec), suffix = chart.suffixes[report] ?? "";
    const bands = state.band !== "off";
    if (!bands) spec.layer.shift();
    const drawn = values(packed, bands ? ["center", "low", "high"] : ["center"]), positive = drawn.filter((each) => each > 0);
    const log = chart.log && state.y === "log" && positive.length > 0;
    const least = Math.min(...positive), most = Math.max(...positive);
    const zeros = log && positive.length < drawn.length;
    const floor = log ? (zeros ? least / 2 : least) : -Infinity;
    const y = log
      ? { scale: { type: "log", nice: false, ...(zeros ? { domainMin: floor } : {}) },
          axis: { values: [...(zeros ? [floor] : []), ...ticks(least, most)],
                  labelExpr: `datum.value < ${zeros ? least * 0.75 : 0} ? '0' : format(datum.value, '${label}')` } }
      : { scale: { type: "linear", zero: chart.zero, reverse: chart.reverse, nice: !chart.reverse }, axis: { format: label } };
    const [start, end] = [packed.spent[0], packed.spent.at(-1)];
    const x = state.x === "log"
      ? { scale: { type: "log", domain: [start, end], nice: false }, axis: { values: ticks(start, end), format: label } }
      : { scale: { type: "linear", domain: [start, end], nice: false, zero: false }, axis: { format: label } };
    everyEncoding(spec, (encoding) => {
      Object.assign(encoding.x, x, { title: parts[chart.part].units[state.unit] });
      Object.assign(encoding.y, y, { title: chart.titles[report] });
    });
    spec.datasets = { curves: rowsOf(packed, suffix, floor) };
    return spec;
  };

  // All parts are as wide as one that is always shown, also those in closed tabs.
  const measure = document.getElementById("origin");
  const room = () => {
    const style = getComputedStyle(measure);
    return measure.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  };

  // What is told of the point of a curve that is pointed at; names are made safe as all of it is.
  const picked = (row, [value, band]) => ({
    strategy: row.strategy, spent: row.budget, [value]: row.value, [band]: row.band, runs: row.runs,
  });
  const told = (row, sanitize) => {
    const lines = Object.entries(row).map(([key, value]) =>
      `<tr><td class="key">${sanitize(key)}</td><td class="value">${sanitize(value)}</td></tr>`);
    return `<table><tbody>${lines.join("")}</tbody></table>`;
  };

  // A chart's specification for the present switches; null if it has nothing for them.
  const specOf = (id) => {
    const chart = charts[id], state = states[chart.part];
    const spec = chart.packed ? withCurves(chart, state) : structuredClone(chart.spec);
    const hidden = spec?.params.find((each) => each.name === "hidden");
    if (hidden && state) hidden.value = [...state.hidden];
    return spec;
  };

  const draw = async (id) => {
    const chart = charts[id], place = document.getElementById(id), spec = specOf(id);
    views[id]?.finalize();
    delete views[id];
    if (!spec) {
      place.replaceChildren("There are no curves for these switches.");
      return;
    }
    const width = room();
    spec.width = chart.square ? Math.min(width, 460) : width;
    spec.height = chart.square ? spec.width : Math.round(Math.min(Math.max(0.5 * width, 230), chart.height ?? 400));
    spec.autosize = { type: "fit", contains: "padding" };
    const tooltip = { formatTooltip: (row, sanitize) => told(chart.words ? picked(row, chart.words) : row, sanitize) };
    views[id] = (await vegaEmbed(place, spec, { renderer: "svg", actions: false, logLevel: 1, tooltip })).view;
  };

  const drawAll = async (ids) => { for (const id of ids) await draw(id); };
  const of = (part) => Object.keys(charts).filter((id) => charts[id].part === part);

  for (const id of Object.keys(parts)) {
    const section = document.getElementById(id);
    const state = (states[id] = { hidden: new Set(), unit: parts[id].unit, report: parts[id].report, x: "log", y: "log", band: "on" });
    const chosen = (input) => { state[input.closest("fieldset").dataset.switch] = input.value; };
    const switches = all("fieldset[data-switch] input", section);
    switches.filter((input) => input.checked).forEach(chosen);  // a reloaded page keeps what was chosen
    switches.forEach((input) => input.addEventListener("change", () => { chosen(input); drawAll(of(id)); }));

    const entries = all(".entry", section);
    const show = () => {
      entries.forEach((entry) => entry.setAttribute("aria-pressed", !state.hidden.has(entry.dataset.strategy)));
      of(id).forEach((chart) => views[chart]?.signal("hidden", [...state.hidden]).runAsync());
    };
    entries.forEach((entry) => entry.addEventListener("click", () => {
      const name = entry.dataset.strategy;
      if (!state.hidden.delete(name)) state.hidden.add(name);
      show();
    }));
    all("[data-legend]", section).forEach((button) => button.addEventListener("click", () => {
      state.hidden = new Set(button.dataset.legend === "none" ? entries.map((entry) => entry.dataset.strategy) : []);
      show();
    }));
  }

  // A saved chart stands alone, so it takes a legend and the colours of the light page along.
  const saved = async (id) => {
    const spec = specOf(id), chart = charts[id];
    const names = parts[chart.part]?.names.filter((name) => !states[chart.part].hidden.has(name));
    everyEncoding(spec, ({ color, strokeDash }) => [color, strokeDash].filter((each) => each?.scale).forEach((each) => {
      each.legend = { title: null, values: names, symbolType: "stroke", symbolSize: 500, symbolStrokeWidth: 2, symbolOpacity: 1,
        labelLimit: 0 };
    }));
    const { view } = await vegaEmbed(document.createElement("div"), spec, { renderer: "none", actions: false, logLevel: 1 });
    const drawn = await view.toSVG();
    view.finalize();
    const root = document.documentElement, theme = root.dataset.theme;
    root.dataset.theme = "light";
    const style = getComputedStyle(root);
    const svg = drawn.replace(/var\((--[a-z]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    return svg;
  };
  all("[data-save]").forEach((button) => button.addEventListener("click", async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([await saved(button.dataset.save)], { type: "image/svg+xml" }));
    link.download = `${button.dataset.save}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }));

  let width = 0, waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (room() !== width) { width = room(); drawAll(Object.keys(charts)); }
    }, 150);
  });

  // Tables come first: the page is painted once before any chart is drawn.
  requestAnimationFrame(() => setTimeout(async () => {
    width = room();
    await drawAll(Object.keys(charts));
    document.documentElement.dataset.charts = "drawn";
  }));
  globalThis.report = { views, states, saved };
})();
