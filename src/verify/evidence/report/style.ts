/** For a screen, and for A4: the report is printed and filed. Nothing is fetched from anywhere. */
export const style = `
:root { color-scheme: light; --ink: #1b1f24; --dim: #57606a; --line: #d0d7de; --good: #116329; --bad: #a40e26; --soft: #f6f8fa; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 2rem 4rem; color: var(--ink); background: #fff; font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .5rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0 .8rem; max-width: 46rem; }
.lead { color: var(--dim); }
.answer { font-size: 1.05rem; max-width: 46rem; }
.verdict { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1.4rem; align-items: baseline; margin: 1.4rem 0; padding: 1rem 1.2rem; background: var(--soft); border: 1px solid var(--line); border-radius: 6px; }
.verdict dt { color: var(--dim); } .verdict dd { margin: 0; overflow-wrap: anywhere; }
.badge { font-weight: 600; white-space: nowrap; } .badge.good { color: var(--good); } .badge.bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .87rem; }
th, td { text-align: left; vertical-align: top; padding: .34rem .7rem .34rem 0; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th { color: var(--dim); font-weight: 600; border-bottom-color: var(--ink); }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
ul { margin: .4rem 0 1rem; padding-left: 1.2rem; max-width: 52rem; } li { margin: .15rem 0; overflow-wrap: anywhere; }
code { font: .86em ui-monospace, SFMono-Regular, Menlo, "Liberation Mono", monospace; }
footer { margin-top: 3rem; color: var(--dim); font-size: .85rem; border-top: 1px solid var(--line); padding-top: .8rem; }
@page { size: A4; margin: 16mm 15mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { break-after: avoid; } tr, .verdict { break-inside: avoid; } thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
}
@media (max-width: 40rem) { body { padding: 1.2rem 1rem 3rem; } .verdict { grid-template-columns: 1fr; } table { display: block; overflow-x: auto; } }
`;
