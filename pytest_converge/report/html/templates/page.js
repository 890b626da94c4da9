"use strict";
(() => {
  const root = document.documentElement;
  const rows = [...document.querySelectorAll("tr.row")];
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

  // Colours are custom properties, by their names.
  function themed(value, style) {
    if (typeof value === "string" && value.startsWith("--")) return style.getPropertyValue(value).trim();
    if (Array.isArray(value)) return value.map((each) => themed(each, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, themed(each, style)]));
  }

  function layout_of(chart, style, narrow) {
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = {
      gridcolor: color("--line"), linecolor: color("--line"), zeroline: false, ticks: "",
      automargin: true, exponentformat: "e", title: { standoff: 8, font: { size: 12 } },
    };
    const layout = themed(chart.layout, style);
    for (const name of ["xaxis", "yaxis", "yaxis2"]) {
      if (!layout[name]) continue;
      layout[name] = { ...axis, ...layout[name], title: { ...axis.title, ...layout[name].title } };
      if (layout[name].type === "log") layout[name].tickformat = "~g";
      // On a logarithmic axis the library takes all digits of a decade, whether or not they fit.
      if (name === "xaxis" && (narrow || chart.half)) layout[name].nticks = 5;
      if (chart.type && name === "yaxis") layout[name].type = chart.type;
    }
    layout.annotations = layout.annotations.map((note) => ({ ...note, font: { ...note.font, size: 11.5 } }));
    const listed = chart.traces.filter((trace) => trace.showlegend !== false).length;
    return {
      height: narrow ? 270 + 22 * (listed > 1 ? listed : 0) : chart.half ? 260 : 360,
      showlegend: listed > 1,
      ...layout,
      margin: { l: 8, r: narrow ? 8 : 16, b: 8, ...layout.margin },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("--quiet") },
      hoverlabel: {
        bgcolor: color("--card"), bordercolor: color("--line"), align: "left", namelength: -1,
        font: { color: color("--text"), size: 12.5 },
      },
      legend: { orientation: "h", x: 0, y: -0.22, yanchor: "top", font: { size: 12 } },
      dragmode: narrow ? false : "zoom",
    };
  }

  // What a trace does not say of itself.
  const plain = { type: "scatter", mode: "lines", hovertemplate: "%{y:.4~g}<extra>%{fullData.name}</extra>" };

  function draw(detail) {
    const plots = detail.charts.map(({ chart, plot }) => [chart, plot]);
    if (!plots.length) return;
    const Plotly = library();
    const style = getComputedStyle(root);
    const narrow = innerWidth <= 760;
    for (const [chart, plot] of plots) {
      const traces = chart.traces.map((trace) => {
        const made = { ...plain, ...themed(trace, style) };
        if (made.hoverinfo) delete made.hovertemplate;
        for (const name of ["x", "y", "text"]) {
          if (name in made) made[name] = detail.columns[made[name]];
        }
        return made;
      });
      Plotly.react(plot, traces, layout_of(chart, style, narrow), {
        responsive: true, displayModeBar: false,
      });
    }
  }

  function chart_element(chart, detail) {
    const box = document.createElement("div");
    box.className = chart.half ? "chart half" : "chart";
    const title = box.appendChild(document.createElement("h3"));
    title.textContent = chart.title;
    const plot = document.createElement("div");
    plot.className = "plot";
    if (chart.log) {
      const button = title.appendChild(document.createElement("button"));
      button.type = "button";
      const name = () => {
        button.textContent = (chart.type || chart.layout.yaxis.type) === "log" ? "linear axis" : "log axis";
      };
      button.addEventListener("click", () => {
        chart.type = (chart.type || chart.layout.yaxis.type) === "log" ? "linear" : "log";
        name();
        move_notes(chart);
        draw(detail);
      });
      name();
    }
    if (chart.note) box.appendChild(document.createElement("p")).textContent = chart.note;
    box.append(plot);
    return [box, plot];
  }

  // Texts beside a horizontal line are placed by the exponent on a logarithmic axis, by the value else.
  function move_notes(chart) {
    const log = chart.type === "log";
    for (const note of chart.layout.annotations) {
      if (note.yref !== "paper") note.y = log ? Math.log10(note.y) : 10 ** note.y;
    }
    delete chart.layout.yaxis.range;
  }

  // ---- sections ----

  function detail_of(row) {
    if (!details.has(row)) {
      const content = document.getElementById("s-" + row.id).content.cloneNode(true);
      const data = content.querySelector("script");
      const { columns, charts } = JSON.parse(data.textContent);
      data.remove();
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

  const texts = rows.map((row) => row.dataset.text);
  function filter() {
    const words = chosen.query.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, index) => {
      const { outcome, verdict } = row.dataset;
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
    const text = cell.dataset.value;
    if (text === "None") return NaN;
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
  addEventListener("beforeprint", () => apply_theme("light"));
  addEventListener("afterprint", () => apply_theme());
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
