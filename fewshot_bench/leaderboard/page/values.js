"use strict";
// The embedded documents, and how their values read. Text from files only ever becomes textContent.

const ROWS = JSON.parse(document.getElementById("data").textContent);
const byId = new Map(ROWS.map((row) => [row.id, row]));

const SIGNS = [
  ["T", "transductive: queries are classified together", (r) => r.setting === "transductive"],
  ["B", "batch statistics of the queries are used", (r) => r.setting === "transductive_bn"],
  ["?", "setting not known", (r) => r.setting === "unknown"],
  ["P", "pre-trained on other labels or images", (r) => r.pre_trained],
  ["X", "learned from external data, ranked apart", (r) => r.learned === "external"],
  ["C", "trained on another benchmark, ranked apart", (r) => r.learned === "cross-domain"],
  ["V", "trained on the validation classes too", (r) => r.train_val],
  ["E", "ensemble of models", (r) => r.ensemble],
  ["A", "our adaptation of what the paper describes", (r) => r.adaptation],
  ["1", "a single training seed", (r) => r.seeds === 1],
  ["S", "trained for a few hundred steps only", (r) => (r.flags ?? []).includes("short_training")],
  ["=", "predictions can’t be told from those of another row", (r) => r.like],
  ["R", "run again, and the predictions agree", (r) => r.rerun === "agrees"],
  ["!", "contradicted when it was run again", (r) => r.rerun === "contradicted"],
];
const NUMBERS = new Intl.NumberFormat("en"); // made once: it takes longer than a row does
const SETTINGS = { transductive_bn: "transductive (batch norm)", unknown: "setting unknown" };

// Numbers follow the rules of fewshot_bench/evaluation/numbers.py, with a real minus sign.
function points(fraction, sign = false) {
  const text = (100 * fraction).toFixed(2).replace(/^-0\.00$/, "0.00");
  const plus = sign && fraction > 0 && text !== "0.00" ? "+" : "";
  return plus + text.replace("-", "−");
}

function digits(value) {
  return String(Number(value.toPrecision(3)));
}

function seconds(s) {
  return s >= 3600 ? `${digits(s / 3600)} h` : s >= 1 ? `${digits(s)} s` : `${digits(1000 * s)} ms`;
}

function bytes(n) {
  return n >= 1e9 ? `${digits(n / 1e9)} GB` : `${digits(n / 1e6)} MB`;
}

function count(n) {
  return NUMBERS.format(n);
}

function ranks([best, worst]) {
  return best === worst ? `${best}` : `${best}–${worst}`;
}

function pValue(p) {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;
}

function task(row) {
  return row.task;
}

// Breaks neither at its hyphens nor at its spaces.
function unbroken(text) {
  return text.replaceAll("-", "\u2011").replaceAll(" ", "\u00a0");
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

// Text with links for arXiv ids and repositories; an address is never taken from a file as it is.
const PLACES = /arXiv[: ](\d{4}\.\d{4,5})|github(?:\.com\/| )([\w.-]+\/[\w.-]+)/g;

function withLinks(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(PLACES)) {
    const [words, arxiv, repository] = match;
    const link = element("a", repository ?? words);
    link.href = arxiv ? `https://arxiv.org/abs/${arxiv}` : `https://github.com/${repository}`;
    link.rel = "noopener noreferrer";
    nodes.push(text.slice(end, match.index), link);
    end = match.index + words.length;
  }
  return [...nodes, text.slice(end)];
}

// Numbers along the scale of a picture.
function ticks(numbers, sign = false) {
  const line = element("span", "", "ticks");
  line.ariaHidden = true;
  line.append(...numbers.map((number) => element("span", points(number, sign))));
  return line;
}

function setScale(node, low, high) {
  node.style.setProperty("--from", low);
  node.style.setProperty("--span", high - low);
}

function place(track, low, mid, high) {
  track.style.cssText = `--low: ${low ?? mid}; --mid: ${mid}; --high: ${high ?? mid}`;
}
