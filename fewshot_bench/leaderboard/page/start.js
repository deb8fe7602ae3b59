// Light and dark, the legend, and the start of everything.

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
}

function startTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  let kept = null;
  try {
    kept = localStorage.getItem("theme");
  } catch { /* no storage from this place: the system's theme will do */ }
  setTheme(kept ?? (dark ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    setTheme(theme);
    try {
      localStorage.setItem("theme", theme);
    } catch { /* not kept then */ }
  });
}

startTheme();
buildTable();
listen();
