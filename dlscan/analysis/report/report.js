"use strict";
(() => {
  const table = document.getElementById("models-table");
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const names = headings.map((cell) => cell.dataset.name);
  const titles = headings.map((cell) => cell.querySelector("button").textContent);
  const status = document.getElementById("table-status");
  const collator = new Intl.Collator("en", { numeric: true });
  const rows = [...body.rows].map((row, number) => ({ row, number, cells: row.cells }));
  const isNumber = (column) => headings[column].dataset.kind === "number";

  /* the entry of a row: a number, a text, or null where it is missing */
  function value(entry, column) {
    const cell = entry.cells[column];
    const text = column === 0 ? cell.firstChild.textContent : cell.textContent;
    if (!isNumber(column)) return text === "-" ? null : text;
    const written = cell.dataset.v ?? text;
    return written === "" || Number.isNaN(Number(written)) ? null : Number(written);
  }

  function sortBy(column) {
    const falling = headings[column].getAttribute("aria-sort") === "ascending";
    const sign = falling ? -1 : 1;
    const compare = isNumber(column) ? (a, b) => a - b : collator.compare;
    const keyed = rows.map((entry) => ({ entry, key: value(entry, column) }));
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.entry.number - b.entry.number;
      return sign * compare(a.key, b.key) || a.entry.number - b.entry.number;
    });
    body.append(...keyed.map((each) => each.entry.row));
    headings.forEach((cell) => cell.setAttribute("aria-sort", "none"));
    headings[column].setAttribute("aria-sort", falling ? "descending" : "ascending");
    say(`Sorted by ${titles[column]}, ${falling ? "descending" : "ascending"}.`);
  }

  const operators = {
    ">=": (a, b) => a >= b,
    "<=": (a, b) => a <= b,
    "!=": (a, b) => a !== b,
    ">": (a, b) => a > b,
    "<": (a, b) => a < b,
    "=": (a, b) => a === b,
  };

  const truths = { true: 1, false: 0 };

  /* one word as a test of a row: a condition on a column, or letters of its texts */
  function test(word) {
    const parts = word.match(/^(.+?)(>=|<=|!=|==|>|<|=)(.*)$/);
    const column = parts ? names.findIndex((name) => name.toLowerCase() === parts[1]) : -1;
    if (column < 0) return (entry) => entry.text.includes(word);
    if (parts[3] === "") return () => true;
    const operator = operators[parts[2].replace("==", "=")];
    const wanted = isNumber(column) ? truths[parts[3]] ?? Number(parts[3]) : parts[3];
    return (entry) => {
      const own = value(entry, column);
      return own !== null && operator(isNumber(column) ? own : own.toLowerCase(), wanted);
    };
  }

  function filter(typed) {
    rows.forEach((entry) => {
      entry.text ??= headings
        .map((_, column) => (isNumber(column) ? "" : value(entry, column) ?? ""))
        .join(" ")
        .toLowerCase();
    });
    const tests = typed.toLowerCase().split(/\s+/).filter(Boolean).map(test);
    let shown = 0;
    rows.forEach((entry) => {
      entry.row.hidden = !tests.every((holds) => holds(entry));
      shown += !entry.row.hidden;
    });
    say(tests.length ? `${shown} of ${rows.length} models.` : "");
  }

  function say(text) {
    status.textContent = text;
  }

  const style = document.getElementById("hidden-columns").sheet;
  function hideColumns() {
    while (style.cssRules.length) style.deleteRule(0);
    document.querySelectorAll("#table-controls [data-column]:not(:checked)").forEach((box) => {
      style.insertRule(`#models-table tr > :nth-child(${box.dataset.column}) { display: none; }`);
    });
  }

  headings.forEach((cell, column) => cell.querySelector("button").addEventListener("click", () => sortBy(column)));
  document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  document.getElementById("table-controls").addEventListener("change", (event) => {
    if (event.target.dataset.column) hideColumns();
  });
  document.getElementById("table-controls").hidden = false;
  hideColumns();

  /* say so where a table goes on beyond the edge of the page */
  const regions = [...document.querySelectorAll(".scroll")].filter((region) => region.querySelector("table"));
  function showMore(region) {
    const hidden = region.scrollWidth - region.clientWidth - region.scrollLeft > 2;
    region.classList.toggle("more", hidden);
  }
  const watch = new ResizeObserver((entries) => entries.forEach((entry) => showMore(entry.target.closest(".scroll"))));
  regions.forEach((region) => {
    const hint = document.createElement("p");
    hint.className = "scroll-hint";
    hint.textContent = "More columns to the right: scroll sideways \u2192";
    region.before(hint);
    region.addEventListener("scroll", () => showMore(region));
    watch.observe(region);
    watch.observe(region.querySelector("table"));
  });
})();
