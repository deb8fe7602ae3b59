// The table: a row is built when first shown and kept; sorting and filtering only move rows.

// Class of the column, its header, what it is sorted by, and whether the largest comes first.
const COLUMNS = [
  ["method", "Method", (r) => r.method.toLowerCase(), false],
  ["backbone", "Backbone", (r) => r.backbone.toLowerCase(), false],
  ["benchmark", "Benchmark", (r) => r.benchmark.toLowerCase(), false],
  ["task", "Task", (r) => 1000 * (r.way ?? 0) + (r.shot ?? 0), false],
  ["accuracy", "Accuracy %", (r) => r.accuracy, true],
  ["rank", "Rank", (r) => r.rank && 10000 * r.rank[0] + r.rank[1], false],
  ["mde80", "Detects", (r) => r.mde80, false],
  ["seeds", "Seeds", (r) => r.seeds, true],
  ["episodes", "Episodes", (r) => r.episodes, true],
  ["time_s", "Time", (r) => r.time_s, false],
  ["memory", "Memory", (r) => r.memory, false],
  ["source", "Source", (r) => r.source || null, false],
];
const FILTERS = {
  benchmark: (r) => r.benchmark,
  task,
  setting: (r) => SETTINGS[r.setting] ?? r.setting,
  backbone: (r) => r.backbone,
  kind: (r) => r.kind,
};

const board = document.getElementById("board");
const body = document.getElementById("rows");
const filters = document.getElementById("filters");
const headers = document.getElementById("headers");
const template = document.getElementById("row").content.firstElementChild;
const inWords = new Intl.Collator("en", { numeric: true });
const nodes = new Map(); // row -> its <tr>
const NAMES = [...Object.keys(FILTERS), "method", "view", "groups"]; // of all fields above the table
const usual = Object.fromEntries(NAMES.map((name) => [name, name === "groups" ? "true" : ""]));
let order = { by: "accuracy", descending: true };

function buildRow(row) {
  const tr = template.cloneNode(true);
  const cell = (name) => tr.querySelector(`.${name}`);
  tr.dataset.id = row.id;
  tr.classList.add(row.kind);
  tr.classList.toggle("leads", row.rank?.[0] === 1);
  const button = cell("choose");
  button.ariaLabel = `Compare ${row.method}, ${row.backbone}, ${row.benchmark}, ${task(row)}`;
  cell("name").textContent = row.method;
  fillSigns(cell("signs"), row);
  if (row.kind === "measured") {
    cell("note").textContent = [row.data, row.note].filter(Boolean).join("; ");
  }
  cell("where").textContent = [row.backbone, row.benchmark, task(row)].map(unbroken).join(" · ");
  for (const name of ["backbone", "benchmark"]) cell(name).textContent = row[name];
  cell("task").textContent = task(row);
  fillAccuracy(tr, row);
  fillNumbers(cell, row);
  fillSource(cell("source"), row.source ?? "");
  return tr;
}

function fillSigns(place, row) {
  for (const [letter, meaning, holds] of SIGNS) {
    if (!holds(row)) continue;
    const sign = element("abbr", letter, "sign");
    sign.title = meaning;
    place.append(sign, " ");
  }
}

function fillAccuracy(tr, row) {
  const known = row.low != null && row.high != null;
  const number = tr.querySelector(".number");
  number.textContent = `${points(row.accuracy)} `;
  if (known) number.append(element("small", `± ${points((row.high - row.low) / 2)}`));
  number.title = [known && `${points(row.low)} to ${points(row.high)}`, row.interval]
    .filter(Boolean).join(", ");
  place(tr.querySelector(".track"), row.low, row.accuracy, row.high);
}

function fillNumbers(cell, row) {
  const put = (name, format) => {
    if (row[name] != null) cell(name).textContent = format(row[name]);
  };
  put("rank", ranks);
  put("mde80", (value) => points(value));
  put("seeds", String);
  put("episodes", count);
  put("time_s", seconds);
  put("memory", bytes);
}

// Only the first link: all the words stand among the details.
function fillSource(place, source) {
  const parts = withLinks(source);
  place.append(parts.find((part) => part instanceof Element) ?? source);
  place.title = source;
}

function nodeOf(row) {
  if (!nodes.has(row)) nodes.set(row, buildRow(row));
  return nodes.get(row);
}

// Rows that pass the filters; one of these may be left out of account.
function passing(unless = "") {
  const part = filters.method.value.trim().toLowerCase();
  const wanted = Object.entries(FILTERS)
    .filter(([name]) => name !== unless && filters[name].value);
  return ROWS.filter((row) => row.method.toLowerCase().includes(part)
    && wanted.every(([name, value]) => value(row) === filters[name].value));
}

// Show the rows that pass the filters, in the order asked for.
function show() {
  const rows = passing();
  const inOrder = sorted(rows);
  body.replaceChildren(...(filters.groups.checked ? grouped(inOrder) : inOrder.map(nodeOf)));
  showCharts(filters.view.value);
  document.getElementById("count").textContent = `${rows.length} of ${ROWS.length} rows`;
  document.getElementById("none").hidden = rows.length > 0;
  board.classList.toggle("one-task", Boolean(filters.benchmark.value && filters.task.value));
  scaleTo(rows);
  showSigns(rows);
  writeAddress();
}

// Unknown values come last whichever way the rest is sorted; ties keep the better mean first.
function sorted(rows) {
  const [, , key] = COLUMNS.find(([name]) => name === order.by);
  const sign = order.descending ? -1 : 1;
  const keyed = rows.map((row) => [key(row), row]);
  keyed.sort(([a, r], [b, s]) =>
    (a == null) - (b == null) || sign * (a < b ? -1 : a > b ? 1 : 0) || s.accuracy - r.accuracy);
  return keyed.map(([, row]) => row);
}

function sortBy(by, descending) {
  order = { by, descending };
  for (const th of headers.querySelectorAll("th")) {
    if (!th.classList.contains(by)) th.removeAttribute("aria-sort");
    else th.ariaSort = descending ? "descending" : "ascending";
  }
  show();
}

function scaleTo(rows) {
  if (!rows.length) return;
  const low = Math.min(...rows.map((row) => row.low ?? row.accuracy));
  const high = Math.max(...rows.map((row) => row.high ?? row.accuracy));
  const margin = Math.max(0.04 * (high - low), 0.002);
  setScale(body, low - margin, high + margin);
  headers.querySelector(".scale").replaceChildren(ticks([low - margin, high + margin]));
}

function buildHeaders() {
  const corner = element("td", "", "pick");
  corner.role = "cell";
  headers.append(corner);
  for (const [name, title, , largestFirst] of COLUMNS) {
    const th = element("th", "", name);
    const button = element("button", title);
    th.scope = "col";
    th.role = "columnheader";
    button.type = "button";
    button.addEventListener("click", () => {
      sortBy(name, order.by === name ? !order.descending : largestFirst);
    });
    th.append(button);
    if (name === "accuracy") th.append(element("span", "", "scale"));
    headers.append(th);
  }
}

function buildFilters() {
  for (const [name, value] of Object.entries(FILTERS)) {
    const values = [...new Set(ROWS.map(value))].sort(inWords.compare);
    filters[name].append(new Option("all", ""), ...values.map((text) => new Option(text, text)));
  }
  filters.addEventListener("input", show);
  filters.addEventListener("submit", (event) => event.preventDefault());
}

// The first view is the task with most measured rows: means of different tasks mean little together.
function firstView() {
  const counts = new Map();
  for (const row of ROWS) {
    const view = JSON.stringify([row.benchmark, task(row)]);
    counts.set(view, (counts.get(view) ?? 0) + (row.kind === "measured"));
  }
  const [view] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? ['["",""]'];
  [usual.benchmark, usual.task] = JSON.parse(view);
}

function buildTable() {
  buildHeaders();
  buildFilters();
  firstView();
  readAddress();
  addEventListener("hashchange", readAddress);
}
