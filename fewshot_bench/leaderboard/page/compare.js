// Two chosen rows and their difference on the same episodes.

const panel = document.getElementById("comparison");
let chosen = []; // ids, the older first
let pools = null; // parsed when first needed: there is one number per pair

function choose(id) {
  chosen = chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id].slice(-2);
  for (const [row, tr] of nodes) {
    const on = chosen.includes(row.id);
    if (on === tr.classList.contains("chosen")) continue;
    tr.classList.toggle("chosen", on);
    tr.querySelector(".choose").ariaPressed = on;
  }
  panel.hidden = chosen.length === 0;
  if (chosen.length) showPanel(chosen.map((one) => byId.get(one)));
  writeAddress();
}

function clearChoice() {
  while (chosen.length) choose(chosen[0]);
}

function showPanel(rows) {
  const close = element("button", "Close", "close plain");
  close.type = "button";
  close.addEventListener("click", clearChoice);
  panel.replaceChildren(close, ...(rows.length === 1 ? details(rows[0]) : comparison(...rows)));
}

function details(row) {
  const list = element("dl");
  for (const [title, value] of facts(row)) {
    const entry = element("div");
    const told = element("dd");
    told.append(...withLinks(value));
    entry.append(element("dt", title), told);
    list.append(entry);
  }
  return [element("h2", label(row)), list,
    element("p", "Choose a second row to compare it with.", "fine")];
}

// What is known of a row, as [title, text].
function facts(row) {
  const known = (value, format = String) => (value == null ? "" : format(value));
  const signs = SIGNS.filter(([, , holds]) => holds(row)).map(([, meaning]) => meaning);
  const all = [
    ["Task", `${row.benchmark}, ${task(row)}, ${row.kind}`],
    ["Accuracy", `${points(row.accuracy)} %` + (row.low == null ? ""
      : `, ${points(row.low)} to ${points(row.high)} (${row.interval || "interval not explained"})`)],
    ["Rank", known(row.rank, ranks)],
    ["Detects", known(row.mde80, (value) => `${points(value)} points to the leader`)],
    ["Seeds", known(row.seeds)],
    ["Episodes", known(row.episodes, count)],
    ["Per episode", known(row.time_s, seconds)],
    ["Training", known(row.train_s, seconds)],
    ["Memory", known(row.memory, bytes)],
    ["Parameters", known(row.n_params, count)],
    ["Signs", signs.join("; ")],
    ["Flags", (row.flags ?? []).join(", ").replaceAll("_", " ")],
    ["Data", known(row.pool, (id) => poolOf(id)?.about ?? "")],
    ["Note", known(row.note)],
    ["Source", known(row.source)],
  ];
  return all.filter(([, value]) => value);
}

function label(row) {
  return `${row.method} ${row.backbone}`;
}

// Better mean first, so that differences read as gains.
function comparison(a, b) {
  if (a.accuracy < b.accuracy) [a, b] = [b, a];
  const means = `${points(a.accuracy)} % and ${points(b.accuracy)} %`;
  const title = element("h2", `${label(a)} − ${label(b)}`);
  const pair = pairOf(a, b);
  if (!pair) {
    return [title, element("p", reason(a, b), "result"), element("p", means, "fine")];
  }
  const found = pair.p <= 0.05;
  const verdict = found ? "They differ" : "They can't be told apart";
  const about = pair.closed ? "these trained models" : "the methods, trained again with other seeds";
  return [
    title,
    element("p", `${points(pair.mean, true)} points`, found ? "result found" : "result"),
    ...differenceTrack(pair),
    element("p", `${points(pair.low, true)} to ${points(pair.high, true)} (95 %), `
      + `${pValue(pair.p)} after Holm. ${verdict}.`),
    element("p", `${means} on ${count(pair.episodes)} common episodes; about ${about}.`,
      "fine"),
  ];
}

function poolOf(id) {
  pools ??= JSON.parse(document.getElementById("pools").textContent);
  return pools[id];
}

function pairOf(a, b) {
  if (!a.pool || a.pool !== b.pool) return null;
  const pool = poolOf(a.pool);
  const [i, j] = [pool.rows.indexOf(a.id), pool.rows.indexOf(b.id)];
  const [low, high] = [Math.min(i, j), Math.max(i, j)];
  const k = low * pool.rows.length - (low * (low + 1)) / 2 + high - low - 1;
  const mean = (i < j ? 1e-5 : -1e-5) * pool.difference[k];
  const half = 1e-5 * pool.half_width[k];
  return { mean, low: mean - half, high: mean + half, p: 1e-6 * pool.p_holm[k],
    closed: pool.closed[k] === "1", episodes: pool.episodes };
}

function reason(a, b) {
  const why = [a, b].some((row) => row.kind === "published")
    ? "of a published row no predictions are stored" : "they were measured on different episodes";
  return `No paired comparison: ${why}.`;
}

function differenceTrack(pair) {
  const track = element("div", "", "track");
  const reach = 1.1 * Math.max(Math.abs(pair.low), Math.abs(pair.high), 0.001);
  track.ariaHidden = true;
  place(track, pair.low, pair.mean, pair.high);
  setScale(track, -reach, reach);
  track.append(element("span", "", "bar"), element("span", "", "dot"));
  return [track, ticks([-reach, 0, reach], true)];
}

function listen() {
  body.addEventListener("click", (event) => {
    const { id } = event.target.closest("tr").dataset;
    if (id && !event.target.closest("a")) choose(id);
  });
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    let other = step && event.target.closest("tr")[step];
    if (other?.classList.contains("group")) other = other[step];
    if (!other) return;
    event.preventDefault();
    other.querySelector(".choose").focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") clearChoice();
  });
}
