// Equal against unequal numbers of queries: a line for each method, and the same as a table.

const SVG = "http://www.w3.org/2000/svg";
// Pixels of a picture: a phone gets a narrow one, lest its letters become small.
const SLOPE = { left: 60, top: 16, least: 18, letters: 8, names: 250,
  width: innerWidth > 760 ? 640 : 440 };

function drawing(name, attributes, text = "") {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

function slopeCharts() {
  const rows = passing("task").filter((row) => row.kind === "measured" && ofTask(row));
  const one = (row) => [row.benchmark, row.way, row.shot].join(" ");
  return [...groupsOf(rows, one).values()].flatMap(slopesOfTask);
}

// Whether a row has the way and shot of the task that is asked for, whatever its sampler.
function ofTask(row) {
  const wanted = ROWS.find((other) => task(other) === filters.task.value);
  return !wanted || (row.way === wanted.way && row.shot === wanted.shot);
}

function slopesOfTask(rows) {
  const same = (row) => JSON.stringify([row.method, row.backbone, row.training, row.learned,
    row.training ? "" : row.note]);
  const equal = new Map(rows.filter((row) => !row.sampler).map((row) => [same(row), row]));
  const unequal = rows.filter((row) => row.sampler && equal.has(same(row)));
  const names = slopeNames(unequal);
  return [...groupsOf(unequal, (row) => row.sampler)].map(([sampler, part]) => {
    const pairs = part.map((row) => [names(row), equal.get(same(row)), row]);
    pairs.sort(([, , a], [, , b]) => b.accuracy - a.accuracy);
    const [, first] = pairs[0];
    return figure(`${first.benchmark}, ${task(first)}: equal numbers of queries and ${sampler}`,
      slopePicture(pairs), element("p", "Solid: inductive. Dashed: transductive. Dotted: by the"
        + " statistics of a batch of queries.", "fine"), slopeTable(pairs, sampler));
  });
}

function slopeNames(rows) {
  const words = (name) => new Set(rows.map((row) => row[name]).filter(Boolean));
  const told = ["training", "backbone"].filter((name) => words(name).size > 1);
  return (row) => [row.method, ...told.map((name) => row[name]).filter(Boolean)].join(", ");
}

function slopeTable(pairs, sampler) {
  const lines = pairs.map(([name, a, b]) => [name, SETTINGS[a.setting] ?? a.setting,
    points(a.accuracy), points(b.accuracy), points(b.accuracy - a.accuracy, true)]);
  return tableOf(["method", "setting", "equal", sampler, "change"], lines, "numbers");
}

function slopePicture(pairs) {
  const { width, left, top, least, letters } = SLOPE;
  const right = width - SLOPE.names;
  const values = pairs.flatMap(([, a, b]) => [a.accuracy, b.accuracy]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const inner = Math.max(220, least * pairs.length);
  const y = (value) => top + inner * (1 - (value - low) / (high - low || 1));
  const places = spread(pairs.map(([, , b]) => y(b.accuracy)), least);
  const lowest = Math.max(top + inner, ...places);
  const svg = drawing("svg", { viewBox: `0 ${Math.min(0, places[0] - top)} ${width} ${lowest + 40}`,
    class: "slope", role: "img", "aria-label": "The same numbers are in the table below." });
  pairs.forEach(([name, a, b], i) => {
    const line = drawing("g", { class: a.setting });
    const [from, to, text] = [y(a.accuracy), y(b.accuracy), places[i]];
    line.append(drawing("path", { d: `M${left} ${from}L${right} ${to}` }),
      drawing("path", { class: "lead", d: `M${right} ${to}L${right + 24} ${text}` }),
      drawing("circle", { cx: left, cy: from, r: 4 }), drawing("circle", { cx: right, cy: to, r: 4 }),
      drawing("text", { x: left - letters, y: from, class: "start" }, points(a.accuracy)),
      drawing("text", { x: right + 30, y: text },
        `${name} ${points(b.accuracy - a.accuracy, true)}`));
    svg.append(line);
  });
  hideCovered([...svg.querySelectorAll(".start")]);
  svg.append(drawing("text", { x: left, y: lowest + 24, class: "axis" }, "equal"),
    drawing("text", { x: right, y: lowest + 24, class: "axis" }, "unequal"));
  return svg;
}

// Heights of labels, from above, each at least so far below the one before.
function spread(heights, least) {
  const blocks = [];
  for (const height of heights) {
    let block = { sum: height, n: 1 };
    while (blocks.length) {
      const last = blocks.at(-1);
      if (block.sum / block.n - last.sum / last.n >= (least * (block.n + last.n)) / 2) break;
      blocks.pop();
      block = { sum: block.sum + last.sum, n: block.n + last.n };
    }
    blocks.push(block);
  }
  return blocks.flatMap(({ sum, n }) =>
    Array.from({ length: n }, (_, i) => sum / n + least * (i - (n - 1) / 2)));
}

// Of numbers that would cover each other only the first from above stays; all are in the table.
function hideCovered(texts) {
  const at = (text) => Number(text.getAttribute("y"));
  let last = -Infinity;
  for (const text of texts.sort((a, b) => at(a) - at(b))) {
    if (at(text) - last < 13) text.remove();
    else last = at(text);
  }
}
