"use strict";
// The embedded documents, and how their values read. Text from files only ever becomes textContent.

const ROWS = JSON.parse(document.getElementById("data").textContent);
const byId = new Map(ROWS.map((row) => [row.id, row]));

const SIGNS = [
  ["T", "transductive: queries are classified together", (r) => r.setting === "transductive"],
  ["B", "batch statistics of the queries are used", (r) => r.setting === "transductive_bn"],
  ["?", "setting not known", (r) => r.setting === "unknown"],
  ["P", "pre-trained on other labels or images", (r) => r.pre_trained],
  ["V", "trained on the validation classes too", (r) => r.train_val],
  ["E", "ensemble of models", (r) => r.ensemble],
  ["A", "our adaptation of what the paper describes", (r) => r.adaptation],
  ["1", "a single training seed", (r) => r.seeds === 1],
];
const SETTINGS = { transductive_bn: "transductive (batch norm)" };

function points(fraction, sign = false) {
  const text = (100 * fraction).toFixed(2).replace(/^-0\.00$/, "0.00");
  return (sign && fraction > 0 ? "+" : "") + text.replace("-", "−");
}

function seconds(s) {
  return s >= 1 ? `${s.toPrecision(3)} s` : `${(1000 * s).toPrecision(3)} ms`;
}

function bytes(n) {
  return n >= 1e9 ? `${(n / 1e9).toPrecision(3)} GB` : `${(n / 1e6).toPrecision(3)} MB`;
}

function pValue(p) {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
}

function task(row) {
  return `${row.way}-way ${row.shot}-shot`;
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

// A link only where a source is a plain arXiv id or an address of a known kind.
function sourceNode(source) {
  const arxiv = /^(?:arXiv[: ])?(\d{4}\.\d{4,5})$/i.exec(source);
  const address = arxiv ? `https://arxiv.org/abs/${arxiv[1]}`
    : /^https:\/\/[\w.-]+\/[\w./~%-]*$/.test(source) ? source
    : /^github\.com\/[\w.-]+\/[\w./-]+$/.test(source) ? `https://${source}` : "";
  if (!address) return document.createTextNode(source);
  const link = element("a", arxiv ? `arXiv\u00a0${arxiv[1]}` : source.replace("https://", ""));
  link.href = address;
  link.rel = "noopener noreferrer";
  return link;
}

// The two numbers under a picture, at its ends.
function ends(low, high, sign = false) {
  const pair = element("span", "", "ends");
  pair.ariaHidden = true;
  pair.append(element("span", points(low, sign)), element("span", points(high, sign)));
  return pair;
}

function setScale(node, low, high) {
  node.style.setProperty("--from", low);
  node.style.setProperty("--span", high - low);
}

function place(track, low, mid, high) {
  track.style.cssText = `--low: ${low ?? mid}; --mid: ${mid}; --high: ${high ?? mid}`;
}
