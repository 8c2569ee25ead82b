// The values of the heat map under the pointer, and with the arrow keys: along its jobs, and up and down its rows.
(() => {
  const table = document.querySelector(".heat");
  if (!table) return;
  const jobs = [...table.querySelectorAll(".bars title")].map((title) => title.textContent);
  const rows = [...table.querySelectorAll("svg[data-v]")];
  const scroll = table.parentElement;
  const read = document.createElement("p");
  const cursor = document.createElement("span");
  const hint = "Point at a cell, or go along the rows with the arrow keys.";
  let row = -1;
  let at = -1;
  if (!rows.length) return;
  read.className = "readout";
  read.textContent = hint;
  read.setAttribute("aria-live", "polite");
  scroll.before(read);
  cursor.className = "column";
  cursor.hidden = true;
  scroll.append(cursor);
  const percent = (thousandths) => {
    const share = Math.abs(thousandths) / 10;
    const sign = thousandths > 0 ? "+" : thousandths < 0 ? "-" : "";
    return `${sign}${share >= 100 ? Math.round(share).toLocaleString("en") : Number(share.toFixed(1))} %`;
  };
  const point = (nextRow, nextAt) => {
    [row, at] = [nextRow, nextAt];
    cursor.hidden = at < 0;
    if (at < 0) {
      read.textContent = hint;
      return;
    }
    const [job, verdict] = jobs[at].split(/: (?=[^:]*$)/);
    const value = rows[row].dataset.v.split(",")[at];
    const name = rows[row].closest("tr").querySelector("th").textContent;
    read.textContent = `${name} in ${job}: ${value === "" ? "not measured" : percent(Number(value))}; the job: ${verdict}`;
    const box = rows[row].getBoundingClientRect();
    const frame = scroll.getBoundingClientRect();
    cursor.style.left = `${box.left - frame.left + scroll.scrollLeft - scroll.clientLeft + box.width * at / jobs.length}px`;
    cursor.style.width = `${Math.max(box.width / jobs.length, 2)}px`;
  };
  rows.forEach((svg, index) => {
    svg.tabIndex = index ? -1 : 0;
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      point(index, Math.min(Math.max(Math.floor((event.clientX - box.left) / box.width * jobs.length), 0), jobs.length - 1));
    });
    svg.addEventListener("pointerleave", () => point(-1, -1));
    svg.addEventListener("blur", () => point(-1, -1));
    svg.addEventListener("keydown", (event) => {
      const last = jobs.length - 1;
      const along = { ArrowRight: at + 1, ArrowLeft: at < 0 ? last : at - 1, Home: 0, End: last };
      const down = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in along) point(index, Math.min(Math.max(along[event.key], 0), last));
      else if (event.key in down && rows[index + down[event.key]]) {
        const place = at < 0 ? last : at;
        rows[index + down[event.key]].focus();
        point(index + down[event.key], place);
      } else return;
      event.preventDefault();
    });
  });
})();
