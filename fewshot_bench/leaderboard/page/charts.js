// Pictures of the rows that pass the filters: training x adaptation, two samplers, cross-domain.

const charts = document.getElementById("charts");
const VIEWS = { heat: heatMaps, slope: slopeCharts, transfer: transferMaps };
const NOTHING = {
  heat: "No embedding that classifiers were put on passes these filters.",
  slope: "Nothing that passes these filters was measured on unequal numbers of queries too.",
  transfer: "Nothing that passes these filters was trained on another benchmark.",
};
// Ten shades of cividis: lightness grows with the value, for the colour-blind too.
const SHADES = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74",
  "#c3b369", "#e1cc55", "#fee838"];

function showCharts(view) {
  board.hidden = Boolean(view);
  charts.hidden = !view;
  if (!view) return charts.replaceChildren();
  const drawn = VIEWS[view]();
  return charts.replaceChildren(...(drawn.length ? drawn
    : [element("p", NOTHING[view], "empty")]));
}

function figure(title, ...parts) {
  const made = element("figure");
  made.append(element("figcaption", title), ...parts);
  return made;
}

// Map of lists, in the order of their first members.
function groupsOf(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  return groups;
}

const meanOf = (rows) => rows.reduce((sum, row) => sum + row.accuracy, 0) / rows.length;

// Names of rows or columns, the best mean first.
function bestFirst(rows, key) {
  return [...groupsOf(rows, key)].sort((a, b) => meanOf(b[1]) - meanOf(a[1])).map(([name]) => name);
}

// What tells embeddings apart, with the backbone where there are several.
function trainingNames(rows) {
  const several = new Set(rows.map((row) => row.backbone)).size > 1;
  return (row) => (several ? `${row.training}, ${row.backbone}` : row.training);
}

function heatMaps() {
  const rows = passing().filter((row) => row.kind === "measured" && row.training);
  const training = trainingNames(rows);
  return [...groupsOf(rows, (row) => `${row.benchmark}, ${task(row)}`)].map(([title, part]) => {
    const [down, across] = innerWidth > 760 ? [training, methodOf] : [methodOf, training];
    return figure(`${title}: training × adaptation, accuracy in %`, matrix(part, down, across));
  });
}

const methodOf = (row) => row.method;

// A table with a shaded cell for each row; of several in one place the best, which is said.
function matrix(rows, down, across) {
  const columns = bestFirst(rows, across);
  const places = groupsOf(rows, (row) => JSON.stringify([down(row), across(row)]));
  const values = rows.map((row) => row.accuracy);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const lines = bestFirst(rows, down).map((name) => [name, ...columns.map((column) => {
    const here = places.get(JSON.stringify([name, column])) ?? [];
    return here.length ? shaded(here, low, high) : element("td");
  })]);
  return tableOf(["", ...columns], lines, "heat");
}

function shaded(here, low, high) {
  const row = here.reduce((best, one) => (one.accuracy > best.accuracy ? one : best));
  const cell = element("td");
  const share = (row.accuracy - low) / (high - low || 1);
  const button = element("button", points(row.accuracy), share < 0.45 ? "dark" : "");
  button.type = "button";
  if (row.low != null) button.append(element("small", `±${points((row.high - row.low) / 2)}`));
  button.title = here.length > 1 ? `the best of ${here.length} rows` : "";
  button.style.background = SHADES[Math.round(share * (SHADES.length - 1))];
  button.addEventListener("click", () => choose(row.id));
  cell.append(button);
  return cell;
}

function tableOf(heads, lines, className) {
  const table = element("table", "", className);
  const body = element("tbody");
  const top = element("tr");
  for (const head of heads) {
    const th = element(head ? "th" : "td");
    if (head) th.scope = "col";
    th.append(element("span", head));
    top.append(th);
  }
  for (const [name, ...cells] of lines) {
    const tr = element("tr");
    const th = element("th", name);
    th.scope = "row";
    tr.append(th, ...cells.map((cell) => (cell instanceof Node ? cell : element("td", cell))));
    body.append(tr);
  }
  const head = element("thead");
  head.append(top);
  table.append(head, body);
  return table;
}

// Where a model was trained: its own benchmark or another one; null for other data.
function home(row) {
  if (row.learned === "external") return null;
  return row.learned ? row.trained_on.replace(/^trained on /, "") : row.benchmark;
}

function transferMaps() {
  const rows = passing("benchmark").filter((row) => row.kind === "measured" && home(row));
  const groups = groupsOf(rows, (row) => `${row.method}, ${row.backbone}, ${task(row)}`);
  return [...groups].filter(([, part]) => part.some((row) => row.learned))
    .map(([title, part]) => figure(`${title}: rows are what it was trained on, columns what it was`
      + " tested on", matrix(part, home, (row) => row.benchmark)));
}
