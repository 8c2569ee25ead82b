// Opens what a link leads to, and sorts, filters and searches the table of all curves; what is shown is kept in the address, so that it can be sent on. Without this script everything is there, folded and
// in order; nothing is fetched and nothing is stored.
"use strict";
(() => {
  const table = document.getElementById("all");
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  if (!table || !form) return;
  const body = table.tBodies[0];
  // What is folded where no script runs joins the one table, for the filter folds as well.
  for (const fold of document.querySelectorAll("details.fold")) {
    body.append(...fold.querySelectorAll("tbody tr"));
    fold.remove();
  }
  const rows = [...body.rows];
  // Id and name only: "rate" is not to find every moderate change.
  const words = new Map(rows.map((row) => [row, `${row.querySelector(".id").textContent} ${row.cells[1].textContent}`.toLowerCase()]));
  const heads = [...table.querySelectorAll("th[data-sort]")];
  const start = { q: "", outcome: "changed", kind: "", threads: "", sort: "", down: "" };
  const fields = ["q", "outcome", "kind", "threads", "sort"];
  const folded = new Set(["unchanged", "inconclusive"]);
  let state = { ...start };

  const key = (row, name) => {
    if (name === "id") return rows.indexOf(row);
    const cell = row.cells[heads.find((head) => head.dataset.sort === name).cellIndex];
    if (name === "name") return cell.textContent;
    return cell.dataset.v === "" ? NaN : Number(cell.dataset.v);
  };
  // What matters comes first: numbers start with the largest.
  const falls = (name) => ["change", "points", "sure"].includes(name) ? "1" : "";
  const compare = (a, b) => {
    if (typeof a === "string") return a < b ? -1 : a > b ? 1 : 0;
    // What is not known goes last, whichever way the rest is sorted.
    if (Number.isNaN(a) || Number.isNaN(b)) return (Number.isNaN(a) - Number.isNaN(b)) * (state.down ? -1 : 1);
    return a - b;
  };
  const wanted = (row) => {
    const outcome = row.dataset.o;
    // A search looks everywhere: finding nothing because the curve did not change would mislead.
    const fits = state.outcome === "all" || (state.outcome === "changed" ? !folded.has(outcome) || state.q : outcome === state.outcome);
    return fits && (!state.kind || row.dataset.k === state.kind) && (!state.threads || row.dataset.t === state.threads)
      && state.q.toLowerCase().split(/\s+/).every((word) => words.get(row).includes(word));
  };

  const show = () => {
    const order = state.sort ? rows.map((row) => [key(row, state.sort), row]) : rows.map((row) => [0, row]);
    if (state.sort) order.sort((a, b) => compare(a[0], b[0]) * (state.down ? -1 : 1));
    let count = 0;
    for (const [, row] of order) {
      row.hidden = !wanted(row);
      count += !row.hidden;
    }
    body.append(...order.map(([, row]) => row));
    for (const head of heads) {
      if (head.dataset.sort === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    for (const field of fields) if (form[field].value !== state[field]) form[field].value = state[field];
    const away = [...folded].map((outcome) => [rows.filter((row) => row.hidden && row.dataset.o === outcome).length, outcome]);
    const told = away.filter(([number]) => number).map(([number, outcome]) => `${number} ${outcome}`).join(", ");
    shown.textContent = `${count} of ${rows.length} curves shown${told && ` (not: ${told})`}`;
  };
  const keep = () => {
    const told = new URLSearchParams(Object.entries(state).filter(([name, value]) => value !== start[name]));
    history.replaceState(null, "", `#curves${String(told) && "?" + told}`);
  };
  const read = () => {
    const [place, query] = location.hash.slice(1).split("?");
    if (place !== "curves") {
      const target = document.getElementById(place);
      const within = target && (target.closest("details") || (target.matches(".card") && target.querySelector(":scope > details")));
      if (within && !within.open) {
        within.open = true;
        target.scrollIntoView();
      }
      if (target && rows.includes(target) && target.hidden) {
        state = { ...start, outcome: "all" };
        show();
        target.scrollIntoView();
      }
      return;
    }
    const asked = new URLSearchParams(query || "");
    state = { ...start };
    for (const name of Object.keys(start)) if (asked.has(name)) state[name] = asked.get(name);
    for (const name of fields.slice(1)) if (![...form[name].options].some((option) => option.value === state[name])) state[name] = start[name];
    show();
    if (query) document.getElementById("curves").scrollIntoView();
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      const name = head.dataset.sort;
      if (state.sort !== name) state = { ...state, sort: name, down: falls(name) };
      else state = { ...state, down: state.down ? "" : "1" };
      show();
      keep();
    });
    head.replaceChildren(button);
  }
  form.addEventListener("input", () => {
    if (form.sort.value !== state.sort) state.down = falls(form.sort.value);
    for (const field of fields) state[field] = form[field].value;
    show();
    keep();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", read);
  form.hidden = false;
  show();
  read();
})();
