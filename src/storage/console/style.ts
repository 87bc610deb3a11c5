/** The console's style sheet: the looks of the key server's page, wide enough for tables. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f5; --card: #ffffff; --line: #d9ddd6; --text: #1c211d; --soft: #566057;
  --link: #17603a; --on-link: #ffffff; --ready: #17603a; --ready-ground: #dff1e5;
  --waiting: #7c3a00; --waiting-ground: #fdebd5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121512; --card: #1b1f1b; --line: #343b35; --text: #e6eae5; --soft: #a4afa5;
    --link: #7fd6a0; --on-link: #10281a; --ready: #8fe0ad; --ready-ground: #173624;
    --waiting: #ffc58a; --waiting-ground: #43280c;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.25rem 4rem;
  background: var(--ground); color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.5rem 2rem; margin-bottom: 1.5rem; }
h1 { margin: 0; font-size: 2.25rem; line-height: 1.2; letter-spacing: -0.02em; }
h2 { margin: 0 0 0.75rem; font-size: 1.125rem; }
p { margin: 0 0 1rem; }
.tagline { margin: 0.25rem 0 0; color: var(--soft); font-size: 1.125rem; }
.soft { color: var(--soft); font-size: 0.875rem; }
#account { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; color: var(--soft); }
#view:focus { outline: none; }
#view[aria-busy="true"] { opacity: 0.6; }
section, #log-in {
  margin-top: 1.25rem; padding: 1.25rem 1.5rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem;
}
section > :last-child, #log-in > :last-child { margin-bottom: 0; }
#log-in { max-width: 26rem; }
label { display: block; margin-bottom: 1rem; color: var(--soft); font-size: 0.875rem; }
input, button {
  font: inherit; color: var(--text); background: var(--ground);
  border: 1px solid var(--line); border-radius: 0.375rem; padding: 0.375rem 0.75rem;
}
input { display: block; width: 100%; margin-top: 0.25rem; font-size: 1rem; }
button { cursor: pointer; }
button[type="submit"] { color: var(--on-link); background: var(--link); border-color: var(--link); font-weight: 600; }
#log-in button { margin-bottom: 1rem; }
button:disabled { opacity: 0.6; cursor: default; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
a { color: var(--link); text-underline-offset: 0.15em; }
#notice, .plain {
  padding: 0.75rem 1rem; border-radius: 0.5rem; overflow-wrap: anywhere;
  color: var(--waiting); background: var(--waiting-ground);
}
code { font: 0.875rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
dl { margin: 0; display: flex; flex-wrap: wrap; gap: 0.75rem 2.5rem; }
dt { color: var(--soft); font-size: 0.8125rem; }
dd { margin: 0; }
dd > div + div { margin-top: 0.25rem; }
.mark { display: inline-block; padding: 0 0.625rem; border-radius: 1rem; font-size: 0.875rem; font-weight: 600; white-space: nowrap; }
.ready { color: var(--ready); background: var(--ready-ground); }
.waiting { color: var(--waiting); background: var(--waiting-ground); }
.none { color: var(--soft); background: var(--ground); box-shadow: inset 0 0 0 1px var(--line); font-weight: 400; }
nav { margin-bottom: 0.75rem; overflow-wrap: anywhere; }
nav .step { color: var(--soft); padding: 0 0.375rem; }
.filter { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-bottom: 1rem; }
.filter input { flex: 1 1 12rem; width: auto; margin: 0; }
table { width: 100%; border-collapse: collapse; }
th { color: var(--soft); font-size: 0.8125rem; font-weight: 400; text-align: left; }
th, td { padding: 0.5rem 1rem 0.5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
tr:last-child td { border-bottom: 0; }
td.name { overflow-wrap: anywhere; min-width: 12rem; }
td.key { min-width: 8rem; }
td.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.figure { text-align: right; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.text { unicode-bidi: isolate; white-space: pre-wrap; }
.sign {
  unicode-bidi: isolate; margin: 0 0.0625rem; padding: 0 0.25rem; border-radius: 0.25rem; font-size: 0.75em;
  color: var(--waiting); background: var(--waiting-ground); white-space: nowrap;
}
.more { padding: 0 0.5rem; font-size: 0.8125rem; }
.pages { display: flex; gap: 1.5rem; margin: 1rem 0 0; }
.empty { color: var(--soft); }
@media (max-width: 44rem) {
  body { padding-top: 1.5rem; }
  section, #log-in { padding: 1rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { padding: 0.625rem 0; border-bottom: 1px solid var(--line); }
  tr:first-child { padding-top: 0; }
  tr:last-child { border-bottom: 0; padding-bottom: 0; }
  td, td.figure { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0 0.75rem; align-items: start; padding: 0.125rem 0; border: 0; text-align: left; }
  td::before { content: attr(data-label); color: var(--soft); font-size: 0.8125rem; line-height: 1.97; }
  td:empty { display: none; }
  td.key { min-width: 0; }
  td.name { display: block; min-width: 0; font-weight: 600; }
  td.name::before { content: none; }
  td > * { justify-self: start; }
}
`;
