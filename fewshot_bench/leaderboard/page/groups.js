// Rows that answer one question stand together: measured ones first, setting by setting.

const SETTING_ORDER = ["inductive", "transductive_bn", "transductive", "unknown"];
const LEARNED_ORDER = ["", "cross-domain", "external"];
const LEARNED_WORDS = { "cross-domain": "trained on another benchmark", external: "external data" };

// A number whose order is that of the groups.
function groupOf(row) {
  const digits = [row.kind === "published", row.short ?? false,
    LEARNED_ORDER.indexOf(row.learned ?? ""), SETTING_ORDER.indexOf(row.setting)];
  return digits.reduce((number, digit) => 10 * number + Number(digit), 0);
}

function groupTitle(row) {
  return [row.kind, SETTINGS[row.setting] ?? row.setting, LEARNED_WORDS[row.learned],
    row.short && "short training (under 1,000 steps)"].filter(Boolean).join(", ");
}

const headings = new Map(); // title -> its <tr>

function headingOf(row) {
  const title = groupTitle(row);
  if (!headings.has(title)) {
    const tr = element("tr", "", "group");
    const cell = element("td", title);
    tr.role = "row";
    cell.role = "cell";
    tr.append(cell);
    headings.set(title, tr);
  }
  return headings.get(title);
}

// The nodes of rows in their order, with the title of a group where it begins.
function grouped(rows) {
  const parts = new Map();
  for (const row of rows) {
    const key = groupOf(row);
    if (!parts.has(key)) parts.set(key, []);
    parts.get(key).push(row);
  }
  return [...parts].sort(([a], [b]) => a - b)
    .flatMap(([, part]) => [headingOf(part[0]), ...part.map(nodeOf)]);
}
