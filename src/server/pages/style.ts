/** The style sheet of the page at `/`; its hash is in the page's content security policy. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f5; --card: #ffffff; --line: #d9ddd6; --text: #1c211d; --soft: #566057;
  --link: #17603a; --ready: #17603a; --ready-ground: #dff1e5; --waiting: #7c3a00; --waiting-ground: #fdebd5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #121512; --card: #1b1f1b; --line: #343b35; --text: #e6eae5; --soft: #a4afa5;
    --link: #7fd6a0; --ready: #8fe0ad; --ready-ground: #173624; --waiting: #ffc58a; --waiting-ground: #43280c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 46rem; padding: 3rem 1.25rem 4rem;
  background: var(--ground); color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
h1 { margin: 0; font-size: 2.25rem; line-height: 1.2; letter-spacing: -0.02em; }
h2 { margin: 0 0 0.75rem; font-size: 1.125rem; }
p { margin: 0 0 1rem; }
.tagline { margin: 0.25rem 0 1.5rem; color: var(--soft); font-size: 1.125rem; }
dl { margin: 0; }
dd { margin: 0; }
dt { color: var(--soft); }
header dl { display: flex; flex-wrap: wrap; gap: 0.75rem 2.5rem; margin-bottom: 2rem; }
header dt { font-size: 0.8125rem; }
header dd { font-weight: 600; }
.ready, .waiting { padding: 0 0.625rem; border-radius: 1rem; }
.ready { color: var(--ready); background: var(--ready-ground); }
.waiting { color: var(--waiting); background: var(--waiting-ground); }
section {
  margin-top: 1.25rem; padding: 1.25rem 1.5rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem;
}
section > :last-child, li > :last-child { margin-bottom: 0; }
ol { margin: 0; padding-left: 1.25rem; }
li + li { margin-top: 1rem; }
li p { margin-bottom: 0.5rem; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: 0.875rem; }
pre {
  margin: 0; padding: 0.75rem 1rem; line-height: 1.5;
  white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--ground); border: 1px solid var(--line); border-radius: 0.375rem;
}
a { color: var(--link); text-underline-offset: 0.15em; }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.documents div { display: grid; grid-template-columns: 12rem 1fr; gap: 0 1rem; }
.documents div + div { margin-top: 0.5rem; }
.documents dt { color: var(--text); }
.documents dd { color: var(--soft); }
@media (max-width: 34rem) {
  body { padding-top: 2rem; }
  header dl { gap: 0.75rem 1.25rem; }
  section { padding: 1rem; }
  .documents div { grid-template-columns: 1fr; }
}
`;
