// The signs that some row in view has, explained beside the table.

document.getElementById("legend").open = innerWidth > 760; // a phone has no room beside the table
const explained = new Map(SIGNS.map(([letter, meaning]) => {
  const entry = element("div");
  const term = element("dt");
  term.append(element("span", letter, "sign"));
  entry.append(term, element("dd", meaning));
  return [letter, entry];
}));
document.getElementById("signs").append(...explained.values());

function showSigns(rows) {
  for (const [letter, , holds] of SIGNS) explained.get(letter).hidden = !rows.some(holds);
}
