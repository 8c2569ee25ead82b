// The values of a chart under the pointer, and with the arrow keys: they are read from the table behind it, or from a
// column of one that several charts share. The report's page and the dashboard have this script in common.
"use strict";
(() => {
  const tell = (cells, units) => units.length > 2
    ? `${cells[0]}: ${cells[1]} → ${cells[2]} ${units[2]} (${cells[3]})`
    : `${cells[0]}: ${cells[1]} ${units[1]}`;
  for (const figure of document.querySelectorAll(".panel")) {
    const svg = figure.querySelector("svg");
    const shared = document.getElementById(figure.dataset.values);
    const table = shared || figure;
    const chosen = (cells) => shared ? [cells[0], cells[Number(figure.dataset.column)]] : [...cells];
    const rows = table.querySelectorAll("tbody tr");
    const places = (svg.dataset.x || "").split(" ").map(Number);
    if (!rows.length || rows.length !== places.length) continue;
    const units = chosen(table.querySelectorAll("thead th")).map((head) => head.dataset.unit || head.textContent.split(", ")[1] || "");
    const read = figure.appendChild(document.createElement("p"));
    const cursor = document.createElementNS(svg.namespaceURI, "path");
    let at = -1;
    read.className = "read";
    read.setAttribute("aria-live", "polite");
    cursor.setAttribute("class", "cursor");
    svg.tabIndex = 0;
    const point = (place) => {
      at = place;
      if (at < 0) {
        cursor.remove();
        read.textContent = "";
        return;
      }
      const cells = chosen(rows[at].cells).map((cell) => cell.textContent);
      cursor.setAttribute("d", `M${places[at]} 14V250`);
      svg.append(cursor);
      read.textContent = tell(cells, units);
    };
    svg.addEventListener("pointermove", (event) => {
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = 0;
      places.forEach((x, index) => { if (Math.abs(x - place.x) < Math.abs(places[best] - place.x)) best = index; });
      if (best !== at) point(best);
    });
    svg.addEventListener("pointerleave", () => point(-1));
    svg.addEventListener("blur", () => point(-1));
    svg.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: at + 1, ArrowLeft: at < 0 ? places.length - 1 : at - 1, Home: 0, End: places.length - 1 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      point(Math.min(Math.max(steps[event.key], 0), places.length - 1));
    });
  }
  addEventListener("keydown", (event) => {
    const close = event.key === "Escape" && document.querySelector(".panel:target .close");
    if (close) close.click();
  });
})();
