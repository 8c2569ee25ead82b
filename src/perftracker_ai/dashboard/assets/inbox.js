
// Keys of the lists of issues: j and k go along, x checks, a acknowledges, / finds; Enter is the link's own.
(() => {
  const help = document.getElementById("keys");
  const rows = [...document.querySelectorAll(".group .rows > li")];
  if (!help) return;
  const boxes = [...document.querySelectorAll("input[name=issue][type=checkbox]")];
  const count = document.getElementById("checked");
  const state = document.getElementById("state");
  const linkOf = (row) => row.querySelector("a.endpoint");
  const here = () => rows.findIndex((row) => row.contains(document.activeElement));
  const tell = () => {
    if (count) count.textContent = `${boxes.filter((box) => box.checked).length} checked`;
    rows.forEach((row) => row.classList.toggle("checked", Boolean(row.querySelector("input:checked"))));
  };
  const go = (step) => {
    const shown = rows.filter((row) => row.offsetParent);
    const at = shown.indexOf(rows[here()]);
    const next = shown[at < 0 ? (step > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + step, 0), shown.length - 1)];
    if (next) linkOf(next).focus();
  };
  const check = (only) => {
    const box = rows[here()]?.querySelector("input[type=checkbox]");
    if (box) box.checked = only || !box.checked;
    tell();
  };
  const acknowledge = () => {
    if (!state) return;
    if (!boxes.some((box) => box.checked)) check(true);
    state.value = "acknowledged";
    document.getElementById("apply").focus();
  };
  const keys = {
    j: () => go(1),
    k: () => go(-1),
    x: () => check(false),
    a: acknowledge,
    "/": () => document.getElementById("find").focus(),
  };
  help.hidden = false;
  document.addEventListener("change", tell);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("select, textarea, input:not([type=checkbox])");
    if (event.key === "Escape" && typing) typing.blur();
    if (typing || event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(keys, event.key)) return;
    keys[event.key]();
    event.preventDefault();
  });
  tell();
})();
