"use strict";
(() => {
  const root = document.documentElement;
  const rows = [...document.querySelectorAll("tr.row")];
  // Rows are grids, which takes their roles away.
  for (const row of rows) {
    row.setAttribute("role", "row");
    for (const cell of row.cells) cell.setAttribute("role", "cell");
  }
  const body = document.querySelector("#overview > tbody");
  const details = new Map();
  const chosen = { query: "", outcome: "", verdict: "" };

  // ---- theme ----

  const prefers = matchMedia("(prefers-color-scheme: dark)");
  let picked = "";
  function apply_theme(theme) {
    root.dataset.theme = theme || picked || (prefers.matches ? "dark" : "light");
    for (const detail of details.values()) draw(detail);
  }

  // ---- charts ----

  // The library is text until it is needed: reading it takes longer than all the rest.
  function library() {
    if (!window.Plotly) {
      const script = document.createElement("script");
      script.textContent = document.getElementById("library").textContent;
      document.head.append(script);
    }
    return window.Plotly;
  }

  // A chart says what is on it; how that looks, and what is usual, stands here.

  const LINE = 14, EDGE = 14; // a line of text, and the edge above a chart
  const AROUND_ROWS = 130, BELOW_ROWS = 60, ROW = 22; // around the rows of a chart of names, and one of them
  const ENTRY = 22; // of a legend
  const FEW_DECADES = 3; // with the digits 1, 2 and 5; of more, 1 alone
  // Titles, notes and names that many charts have are there once.
  const TEXTS = JSON.parse(document.getElementById("texts").textContent);
  const NAME = "<extra>%{fullData.name}</extra>";
  let drawn = 0; // times
  const USUAL = { x: "steps (optimizer updates)", y: "loss", width: 1.5 };

  function axis_of(given, title, color) {
    const axis = {
      gridcolor: color("--line"), linecolor: color("--line"), zeroline: false, ticks: "",
      automargin: true, exponentformat: "e", type: given.log ? "log" : "linear",
      title: { text: given.title === undefined ? title : TEXTS[given.title], standoff: 8, font: { size: 12 } },
    };
    if (given.log) axis.tickformat = "~g";
    if (given.range) axis.range = given.range;
    // Of all digits of a decade, which the library would take, two or three lie on each other.
    if (given.log && given.range && given.range[1] - given.range[0] < FEW_DECADES) axis.dtick = "D2";
    return axis;
  }

  // The digits 1, 2 and 5 of each decade between two exponents; decades alone where there are many.
  function ticks_of([low, high]) {
    const digits = high - low < FEW_DECADES ? [1, 2, 5] : [1];
    const made = [];
    for (let decade = Math.floor(low); decade <= high; decade++) {
      made.push(...digits.map((digit) => digit * 10 ** decade));
    }
    return made.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  }

  function field_of(field, columns, color) {
    const [x, y, losses] = [columns[field.x], columns[field.y], columns[field.losses]];
    const rows = y.map((_, row) => losses.slice(row * x.length, (row + 1) * x.length));
    const scaled = (loss) => (loss === null ? null : field.log ? (loss > 0 ? Math.log10(loss) : field.range[0]) : loss);
    const bar = { thickness: 12, outlinewidth: 0, title: { text: "loss", side: "right" } };
    if (field.log) {
      const ticks = ticks_of(field.range);
      Object.assign(bar, { tickvals: ticks.map(Math.log10), ticktext: ticks.map((tick) => String(Number(tick.toPrecision(1)))) });
    }
    return {
      type: "heatmap", x, y, z: rows.map((row) => row.map(scaled)),
      customdata: rows, zsmooth: "best", colorscale: "Viridis", zmin: field.range[0], zmax: field.range[1],
      colorbar: bar, hovertemplate: "%{customdata:.3~g}<extra>loss</extra>", showlegend: false,
    };
  }

  // Lines that look alike are one entry: names, and numbers of lists of x, y and texts.
  function lines_of(line, columns, color) {
    return line.of.map(([name, x, y, texts]) => line_of({ ...line, name: TEXTS[name], x, y, texts }, columns, color));
  }

  function line_of(line, columns, color) {
    const { width = USUAL.width } = line;
    const made = {
      type: "scatter", name: line.name, x: columns[line.x], y: columns[line.y],
      mode: !line.symbol ? "lines" : width ? "lines+markers" : "markers",
      line: { color: color(line.color), width, dash: line.dash || "solid" },
      hovertemplate: "%{y:.4~g}" + NAME, showlegend: !line.unlisted, yaxis: line.unit ? "y2" : "y",
    };
    if (line.symbol) made.marker = { color: color(line.color), symbol: line.symbol, size: width ? 5 : 9 };
    if (typeof made.y[0] === "string") made.hovertemplate = "%{y}: %{x:.4~g}" + NAME;
    if (line.texts !== undefined) {
      made.text = columns[line.texts];
      made.hovertemplate = "%{y:.4~g} %{text}" + NAME;
    }
    return made;
  }

  // Two curves that are not drawn, with the colour between.
  function band_of(band, columns, color) {
    const edge = { type: "scatter", mode: "lines", hoverinfo: "skip", line: { width: 0, color: color(band.color) }, x: columns[band.x] };
    return [
      { ...edge, y: columns[band.low], showlegend: false },
      { ...edge, y: columns[band.high], fill: "tonexty", fillcolor: color(band.color), name: band.name },
    ];
  }

  // A point that is nowhere: what a legend shows of a part of an axis.
  function stretch_of(stretch, color) {
    const symbol = stretch.outlined ? "square-open" : "square";
    return {
      type: "scatter", mode: "markers", hoverinfo: "skip", name: stretch.name, x: [null], y: [null],
      marker: { color: color(stretch.color), symbol, size: 12 },
    };
  }

  function traces_of(chart, columns, color) {
    return [
      ...(chart.field ? [field_of(chart.field, columns, color)] : []),
      ...(chart.stretches || []).map((stretch) => stretch_of(stretch, color)),
      ...(chart.bands || []).flatMap((band) => band_of(band, columns, color)),
      ...chart.lines.flatMap((line) => lines_of(line, columns, color)),
    ];
  }

  function shapes_of(chart, color) {
    const stretches = (chart.stretches || []).map(({ low, high, color: name, outlined }) => ({
      type: "rect", x0: low, x1: high, yref: "paper", y0: 0, y1: 1, layer: "below",
      fillcolor: outlined ? "rgba(0,0,0,0)" : color(name),
      line: { color: color(name), width: outlined ? 1.5 : 0, dash: "dash" },
    }));
    const marks = (chart.marks || []).map((mark) => {
      const ends = mark.axis === "x"
        ? { x0: mark.at, x1: mark.at, yref: "paper", y0: 0, y1: 1 }
        : { y0: mark.at, y1: mark.at, xref: "paper", x0: 0, x1: 1 };
      return { type: "line", ...ends, line: { color: color(mark.color), width: 1.2, dash: mark.dash || "dash" } };
    });
    return [...stretches, ...marks];
  }

  // Unlike lines, texts are placed by the exponent; those at one edge a line further each, so that
  // none hides its neighbour.
  function notes_of(chart, color) {
    const at = (value, axis) => (axis && axis.log ? Math.log10(value) : value);
    const note = (text, name, place) => ({
      text, showarrow: false, font: { color: color(name), size: 11.5 }, bgcolor: color("--veil"), borderpad: 0, ...place,
    });
    const marks = chart.marks || [];
    const beside = marks.filter((mark) => mark.axis === "y").map((mark) =>
      note(mark.text, mark.color, { xref: "paper", x: 1, xanchor: "right", y: at(mark.at, chart.y), yanchor: mark.below ? "top" : "bottom" }));
    const above = marks.filter((mark) => mark.axis === "x").map((mark, index) =>
      note(mark.text, mark.color, { yref: "paper", y: 1, yanchor: "bottom", x: at(mark.at, chart.x), xanchor: "center", yshift: LINE * index }));
    const edge = (below) => (chart.signs || []).filter((sign) => !!sign.below === below).map((sign, index) =>
      note(sign.text, sign.color, {
        x: at(sign.x, chart.x), yref: "paper", y: below ? 0 : 1, yanchor: below ? "bottom" : "top",
        yshift: below ? LINE * index : -LINE * index,
      }));
    return [...beside, ...above, ...edge(false), ...edge(true)];
  }

  function layout_of(chart, color, narrow) {
    const { x = {}, y = {} } = chart;
    const above = LINE * (chart.marks || []).filter((mark) => mark.axis === "x").length;
    const layout = {
      xaxis: axis_of(x, USUAL.x, color), yaxis: axis_of(y, USUAL.y, color),
      hovermode: chart.nearest ? "closest" : "x",
      shapes: shapes_of(chart, color), annotations: notes_of(chart, color),
    };
    // On a logarithmic axis the library takes all digits of a decade, whether or not they fit.
    if (narrow || chart.half) Object.assign(layout.xaxis, x.log ? { dtick: 1 } : { nticks: 5 });
    if (y.names) Object.assign(layout.yaxis, { type: "category", autorange: "reversed", title: { text: "" } });
    if (chart.unit) {
      const right = { overlaying: "y", side: "right", showgrid: false };
      layout.yaxis2 = { ...axis_of({}, chart.unit, color), ...right };
    }
    const listed = chart.lines.reduce((count, line) => count + (line.unlisted ? 0 : line.of.length), 0)
      + (chart.stretches || []).length + (chart.bands || []).length;
    const entries = narrow && listed > 1 ? ENTRY * listed : 0; // below each other where it is narrow
    const height = narrow ? 290 + entries : chart.half ? 260 : 360;
    return {
      ...layout,
      height: y.names ? AROUND_ROWS + ROW * y.names + above + entries : height,
      showlegend: listed > 1,
      margin: { l: 8, r: narrow ? 8 : 16, b: 8, t: EDGE + above },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("--quiet") },
      hoverlabel: {
        bgcolor: color("--card"), bordercolor: color("--line"), align: "left", namelength: -1,
        font: { color: color("--text"), size: 12.5 },
      },
      legend: { orientation: "h", x: 0, y: y.names ? -BELOW_ROWS / (ROW * y.names) : narrow ? -0.4 : -0.22, yanchor: "top", font: { size: 12 } },
      dragmode: narrow ? false : "zoom",
    };
  }

  function draw(detail) {
    if (!detail.charts.length) return;
    const Plotly = library();
    const style = getComputedStyle(root);
    const color = (name) => style.getPropertyValue(name).trim(); // by the name of a custom property
    const narrow = innerWidth <= 760 && root.dataset.print === undefined;
    drawn += 1;
    for (const { chart, plot } of detail.charts) {
      // Without another revision the library keeps what it knows of the data, but for their ends.
      const layout = { ...layout_of(chart, color, narrow), datarevision: drawn };
      if (root.dataset.print !== undefined) layout.width = plot.clientWidth; // no resize follows
      Plotly.react(plot, traces_of(chart, detail.columns, color), layout, {
        responsive: true, displayModeBar: false,
      });
    }
  }

  function chart_element(chart, detail) {
    const box = document.createElement("div");
    box.className = chart.half ? "chart half" : "chart";
    const title = box.appendChild(document.createElement("h3"));
    title.textContent = TEXTS[chart.title];
    const plot = document.createElement("div");
    plot.className = "plot";
    if (chart.toggle) {
      const button = title.appendChild(document.createElement("button"));
      button.type = "button";
      const name = () => {
        button.textContent = chart.y && chart.y.log ? "linear axis" : "log axis";
      };
      button.addEventListener("click", () => {
        const { log, title } = chart.y || {};
        chart.y = { title, log: !log }; // to all of the losses, also those off the scale
        name();
        draw(detail);
      });
      name();
    }
    if (chart.note !== undefined) box.appendChild(document.createElement("p")).textContent = TEXTS[chart.note];
    box.append(plot);
    return [box, plot];
  }

  // ---- sections ----

  function detail_of(row) {
    if (!details.has(row)) {
      const content = document.getElementById("s-" + row.id).content.cloneNode(true);
      const data = content.querySelector("script");
      const { columns: lists, charts } = JSON.parse(data.textContent);
      const columns = lists.map((list) => (typeof list === "string" ? JSON.parse(`[${list}]`) : list));
      data.remove();
      for (const code of content.querySelectorAll(".code > pre")) code.after(copy_button());
      const shared = content.querySelector("[data-environment]");
      if (shared) shared.append(document.getElementById(shared.dataset.environment).content.cloneNode(true));
      const element = document.createElement("tr");
      element.className = "detail";
      element.setAttribute("role", "row");
      const cell = element.appendChild(document.createElement("td"));
      cell.setAttribute("role", "cell");
      cell.append(content);
      const detail = { element, columns, charts: [] };
      const place = cell.querySelector(".charts");
      for (const chart of charts) {
        const [box, plot] = chart_element(chart, detail);
        place.append(box);
        detail.charts.push({ chart, plot });
      }
      details.set(row, detail);
    }
    return details.get(row);
  }

  function open(row, wanted) {
    const button = row.querySelector(".open");
    if (is_open(row) === wanted) return;
    button.setAttribute("aria-expanded", String(wanted));
    const detail = wanted || details.has(row) ? detail_of(row) : null;
    if (!wanted) {
      detail.element.remove();
      return;
    }
    row.after(detail.element);
    draw(detail);
    history.replaceState(null, "", "#" + row.id);
  }

  function is_open(row) {
    return row.querySelector(".open").getAttribute("aria-expanded") === "true";
  }

  // ---- filter and sort ----

  const outcomes = Object.fromEntries([...document.querySelectorAll("[data-outcome][data-name]")]
    .map((chip) => [chip.dataset.outcome, chip.dataset.name]));
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent)
    .concat(outcomes[row.dataset.outcome]).join(" ").toLowerCase());
  function filter() {
    const words = chosen.query.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, index) => {
      const { outcome } = row.dataset;
      const verdict = row.querySelector(".verdict").textContent;
      const fits = (!chosen.outcome || outcome === chosen.outcome)
        && (!chosen.verdict || verdict === chosen.verdict)
        && words.every((word) => texts[index].includes(word));
      count += fits;
      if (row.hidden === fits) {
        row.hidden = !fits;
        if (is_open(row)) details.get(row).element.hidden = !fits;
      }
    });
    document.getElementById("shown").textContent = count + " shown";
    const none = document.getElementById("none");
    if (none) none.hidden = count > 0;
  }

  function value_of(row, column, sort) {
    const cell = row.cells[column];
    if (sort === "text") return cell.textContent.toLowerCase();
    const text = cell.dataset.value || cell.textContent;
    if (text === "") return NaN;
    return text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
  }

  function compare(a, b) {
    if (typeof a === "string") return a < b ? -1 : a > b ? 1 : 0;
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return a - b;
  }

  function sort_by(button) {
    const header = button.closest("th");
    const down = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentNode.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const { column, sort } = button.dataset;
    const keys = new Map(rows.map((row) => [row, value_of(row, column, sort)]));
    const ordered = [...rows].sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      // What has no number stands at the end either way.
      const missing = typeof x === "number" && (Number.isNaN(x) || Number.isNaN(y));
      return compare(x, y) * (down && !missing ? -1 : 1);
    });
    body.append(...ordered.flatMap((row) => (is_open(row) ? [row, details.get(row).element] : [row])));
  }

  // ---- events ----

  document.getElementById("query").addEventListener("input", (event) => {
    chosen.query = event.target.value;
    filter();
  });
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("filters").addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    if (!chip) return;
    const name = "outcome" in chip.dataset ? "outcome" : "verdict";
    const again = name === "verdict" && chosen.verdict === chip.dataset.verdict;
    chosen[name] = again ? "" : chip.dataset[name];
    for (const each of chip.parentNode.children) {
      each.setAttribute("aria-pressed", String(each === chip && !again));
    }
    filter();
  });
  document.getElementById("theme").addEventListener("click", () => {
    picked = root.dataset.theme === "dark" ? "light" : "dark";
    apply_theme();
  });
  prefers.addEventListener("change", () => apply_theme());
  addEventListener("beforeprint", () => {
    root.dataset.print = "";
    apply_theme("light");
  });
  addEventListener("afterprint", () => {
    delete root.dataset.print;
    apply_theme();
    dispatchEvent(new Event("resize")); // charts are as wide as their places again
  });
  document.addEventListener("click", (event) => {
    const sorter = event.target.closest("th button");
    if (sorter) return sort_by(sorter);
    const copy = event.target.closest(".copy");
    if (copy) return copy_text(copy);
    const row = event.target.closest("tr.row");
    if (row && !String(getSelection())) open(row, !is_open(row));
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      return document.getElementById("query").focus();
    }
    const row = event.target.closest && event.target.closest("tr.row");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && (row || typing)) {
      const shown = [...body.querySelectorAll("tr.row")].filter((each) => !each.hidden);
      const next = shown[row ? shown.indexOf(row) + step : 0];
      event.preventDefault();
      if (next) next.querySelector(".open").focus();
      else if (step < 0) document.getElementById("query").focus();
    }
    const inside = event.target.closest && event.target.closest("tr.detail");
    if (event.key === "Escape" && (inside || row)) {
      const owner = row || inside.previousElementSibling;
      open(owner, false);
      owner.querySelector(".open").focus();
    }
  });

  function copy_button() {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "copy", textContent: "Copy" });
    return button;
  }

  function copy_text(button) {
    const text = button.parentNode.querySelector("pre").textContent;
    const said = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    };
    const select = () => {
      getSelection().selectAllChildren(button.parentNode.querySelector("pre"));
      said("Selected");
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => said("Copied"), select);
    else select();
  }

  apply_theme();
  const asked = location.hash && document.getElementById(location.hash.slice(1));
  if (asked && asked.matches("tr.row")) {
    open(asked, true);
    asked.scrollIntoView();
  } else if (rows.length === 1) {
    open(rows[0], true);
  }
})();
