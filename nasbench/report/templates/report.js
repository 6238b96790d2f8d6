// The page: tabs, sorting, theme, copying. Without this script all of it is still there to be read.
"use strict";

(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Dark or light, whatever the system says, until the reader says otherwise.
  const root = document.documentElement, theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const showTheme = () => theme.setAttribute("aria-pressed", isDark());
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; showTheme(); });
  dark.addEventListener("change", showTheme);
  showTheme();

  // Tabs, one a results file.
  const tabs = all("[role=tab]");
  const open = (tab) => tabs.forEach((each) => {
    const chosen = each === tab;
    each.setAttribute("aria-selected", chosen);
    each.tabIndex = chosen ? 0 : -1;
    document.getElementById(each.getAttribute("aria-controls")).classList.toggle("away", !chosen);
  });
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const ends = { Home: 0, End: tabs.length - 1 }[event.key];
      if (step === undefined && ends === undefined) return;
      const next = tabs[ends ?? (place + step + tabs.length) % tabs.length];
      event.preventDefault();
      open(next);
      next.focus();
    });
  });
  const openTarget = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const panel = target && target.closest("[role=tabpanel]");
    if (!panel) return;
    open(tabs.find((tab) => tab.getAttribute("aria-controls") === panel.id));
    target.scrollIntoView();
  };
  if (tabs.length) open(tabs[0]);
  addEventListener("hashchange", openTarget);
  openTarget();

  // Sortable tables: the first click puts the best first; what is not known goes last either way.
  all("table.sortable").forEach((table) => {
    const heads = all("thead th", table), body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent.trim();
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort"), first = head.dataset.first;
        const order = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
        heads.forEach((each) => each.setAttribute("aria-sort", each === head ? order : "none"));
        const sign = order === "ascending" ? 1 : -1;
        const key = (row) => row.cells[column].dataset.order;
        const compare = (one, other) => {
          const [a, b] = [key(one), key(other)];
          if (a === "" || b === "") return (a === "") - (b === "");
          return sign * (column ? a - b : a.localeCompare(b));
        };
        body.append(...[...body.rows].sort(compare));
      });
    });
  });

  // The reproducibility block, to be pasted.
  const copied = document.getElementById("copied"), origin = document.getElementById("origin-text");
  document.getElementById("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(origin.textContent);
      copied.textContent = "Copied.";
    } catch {
      origin.closest("details").open = true;
      getSelection().selectAllChildren(origin);
      copied.textContent = "Selected: press Ctrl+C.";
    }
  });

  // Paper has no clicks: data cards are unfolded on it.
  const folded = all("#cards details");
  addEventListener("beforeprint", () => folded.forEach((each) => { each.dataset.was = each.open; each.open = true; }));
  addEventListener("afterprint", () => folded.forEach((each) => { each.open = each.dataset.was === "true"; }));
})();
