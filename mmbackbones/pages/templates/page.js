'use strict';
// Tables: a click on a heading sorts by its column, another one the other way round. What is not known stays last.
for (const table of document.querySelectorAll('table.sortable')) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => heading.querySelector('button').addEventListener('click', () => {
    const numeric = heading.classList.contains('number');
    const before = heading.getAttribute('aria-sort');
    const sign = before ? (before === 'ascending' ? -1 : 1) : (numeric ? -1 : 1);
    headings.forEach(other => other.removeAttribute('aria-sort'));
    heading.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
    const key = row => row.cells[column].dataset.key;
    const compare = (a, b) => numeric ? a - b : a.localeCompare(b, undefined, {numeric: true});
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      if (key(a) === '' || key(b) === '') return (key(a) === '') - (key(b) === '');
      return sign * compare(key(a), key(b));
    });
    table.tBodies[0].append(...rows);
  }));
}
// Pictures: a click enlarges one; the arrow keys go on to its neighbors.
const dialog = document.getElementById('enlarged');
const enlarge = document.querySelectorAll('button.enlarge');
let shown = 0;
function show(index) {
  if (!enlarge[index]) return;
  shown = index;
  const picture = enlarge[index].querySelector('img');
  dialog.querySelector('img').src = picture.src;
  dialog.querySelector('img').alt = picture.alt;
  dialog.querySelector('p').textContent = enlarge[index].closest('figure').querySelector('figcaption').innerText;
  if (!dialog.open) dialog.showModal();
}
enlarge.forEach((button, index) => button.addEventListener('click', () => show(index)));
dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener('keydown', event => {
  if (event.key === 'ArrowRight') show(shown + 1);
  if (event.key === 'ArrowLeft') show(shown - 1);
});
