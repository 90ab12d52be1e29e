# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Style sheet and script of the leaderboard's page, which needs no other."""

STYLE = """
:root { color-scheme: light dark; --text: #1d2129; --page: #fff;
  --soft: #f2f4f7; --edge: #d5dae1; --quiet: #5c6573; --link: #0b5cad;
  --warn: #a13d00; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ec;
  --page: #14171c; --soft: #1e232b; --edge: #39404b; --quiet: #9aa4b2;
  --link: #7db7f5; --warn: #ffa868; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1200px; padding: 1rem; color: var(--text);
  background: var(--page); font: 15px/1.45 system-ui, sans-serif; }
h1 { margin: 0 0 .3rem; font-size: 1.6rem; }
h2 { margin: 2.2rem 0 .3rem; font-size: 1.25rem; }
p { margin: .3rem 0; color: var(--quiet); max-width: 75ch; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .4rem 1rem; margin: .8rem 0; }
input { width: 100%; max-width: 28rem; padding: .45rem .6rem; font: inherit;
  color: inherit; background: var(--soft); border: 1px solid var(--edge);
  border-radius: 6px; }
details.board { margin: .7rem 0; border: 1px solid var(--edge);
  border-radius: 8px; }
details.board > summary { padding: .55rem .8rem; cursor: pointer;
  font-weight: 600; overflow-wrap: break-word; }
details.board > summary small { color: var(--quiet); font-weight: 400; }
.inside { padding: 0 .8rem .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; min-width: 100%; }
th, td { padding: .3rem .55rem; border-bottom: 1px solid var(--edge);
  text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left;
  white-space: normal; min-width: 9rem; max-width: 22rem;
  overflow-wrap: break-word; }
th { background: var(--soft); vertical-align: bottom; }
th:first-child, td:first-child { position: sticky; left: 0; }
td:first-child { background: var(--page); }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--link); }
th[aria-sort=ascending] button::after { content: ' \\25B2'; }
th[aria-sort=descending] button::after { content: ' \\25BC'; }
td details { white-space: normal; text-align: left; font-size: 12px;
  overflow-wrap: anywhere; }
td details[open] { min-width: 18rem; }
th:last-child { text-align: left; }
.stamp { color: var(--warn); font-weight: 600; }
.plots { display: grid; gap: 1rem; margin-top: .9rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }
figure { margin: 0; max-width: 560px; }
figcaption { font-weight: 600; font-size: 14px; }
svg { width: 100%; height: auto; display: block; font: 13px system-ui;
  fill: var(--text); }
.legend { list-style: none; margin: .3rem 0 0; padding: 0; font-size: 12.5px;
  display: flex; flex-wrap: wrap; gap: .15rem .8rem; }
.legend i { display: inline-block; width: .75em; height: .75em;
  margin-right: .35em; background: var(--c); border-radius: 2px; }
.grid { stroke: var(--edge); stroke-width: 1; }
.line { fill: none; stroke: var(--c); stroke-width: 2; }
.dot, .bar { fill: var(--c); }
.s0 { --c: #2f6fd0; } .s1 { --c: #d9702a; } .s2 { --c: #2b9a5f; }
.s3 { --c: #b83b6b; } .s4 { --c: #8a63d2; } .s5 { --c: #b08a1e; }
.s6 { --c: #1c9aa8; } .s7 { --c: #7d8794; } .s8 { --c: #9c5a3c; }
.s9 { --c: #d44a4a; }
@media (max-width: 600px) { body { padding: .6rem; } th:first-child,
  td:first-child { min-width: 7.5rem; max-width: 9.5rem; }
  th:nth-child(2), td:nth-child(2) { min-width: 7rem; max-width: 9rem; } }
"""

#: Numbers are sorted as numbers, best first at the first click (the column
#: says which direction that is); rows without a figure stay at the end.
SCRIPT = """
for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => {
    const head = button.closest('th');
    const table = head.closest('table');
    const column = [...head.parentNode.children].indexOf(head);
    const now = head.getAttribute('aria-sort');
    const other = {ascending: 'descending', descending: 'ascending'};
    const order = now ? other[now] : head.dataset.first;
    for (const one of table.querySelectorAll('th')) {
      one.removeAttribute('aria-sort');
    }
    head.setAttribute('aria-sort', order);
    const sign = order === 'ascending' ? 1 : -1;
    const key = (row) => row.children[column].dataset.value;
    const body = table.tBodies[0];
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === '' || y === '') { return (x === '') - (y === ''); }
      return sign * (head.dataset.kind === 'number'
        ? x - y : x.localeCompare(y));
    });
    body.append(...rows);
  });
}
const search = document.querySelector('input');
search.addEventListener('input', () => {
  const words = search.value.toLowerCase().split(/\\s+/);
  for (const board of document.querySelectorAll('details.board')) {
    const title = board.querySelector('summary').textContent.toLowerCase();
    let shown = 0;
    for (const row of board.querySelectorAll('tbody tr')) {
      const text = title + ' ' + row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    board.hidden = !shown;
    if (search.value) { board.open = shown > 0; }
  }
});
"""
