// What is shown stands in the address, so that a link leads to it: filters, order, chosen rows.

// "" where everything is as the page opens.
function addressOf() {
  const words = new URLSearchParams();
  for (const name of NAMES) {
    const value = filters[name].type === "checkbox" ? String(filters[name].checked)
      : filters[name].value;
    if (value !== usual[name]) words.set(name, value);
  }
  const sort = `${order.descending ? "-" : ""}${order.by}`;
  if (sort !== "-accuracy") words.set("sort", sort);
  if (chosen.length) words.set("rows", chosen.join("."));
  return words.toString();
}

function writeAddress() {
  const words = addressOf();
  if (words !== location.hash.slice(1)) history.replaceState(null, "", `#${words}`);
}

// What an address asks for; words that mean nothing here are passed over.
function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  for (const name of NAMES) {
    const value = words.get(name) ?? usual[name];
    if (filters[name].type === "checkbox") filters[name].checked = value === "true";
    else if (filters[name].options === undefined) filters[name].value = value;
    else if ([...filters[name].options].some((option) => option.value === value)) {
      filters[name].value = value;
    }
  }
  const sort = words.get("sort") ?? "-accuracy";
  const by = sort.replace(/^-/, "");
  const known = COLUMNS.some(([name]) => name === by);
  clearChoice();
  sortBy(known ? by : "accuracy", known ? sort.startsWith("-") : true);
  for (const id of (words.get("rows") ?? "").split(".").filter((one) => byId.has(one))) choose(id);
}
