// On phones a row of a table is shown as a card: each cell names its column, and long addresses break after a slash.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("article table.docutils")) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    for (const cell of table.querySelectorAll("tbody td")) {
      if (heads.length > 2 && cell.cellIndex > 0) cell.dataset.label = heads[cell.cellIndex];
      cell.classList.toggle("empty", !cell.textContent.trim());
      for (const text of cell.querySelectorAll("code .pre")) {
        text.replaceChildren(...text.textContent.split(/(?<=\/)/).flatMap((part) => [part, document.createElement("wbr")]));
      }
    }
  }
});
