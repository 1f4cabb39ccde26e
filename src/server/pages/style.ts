/** Shared by our two pages. Follows the reader's light or dark preference; contrast is at least 4.5:1 in both. */
export const style = `
:root {
  --ink: #16202b; --soft: #4b5a6a; --line: #d8dfe6; --paper: #ffffff; --panel: #f4f7f9; --accent: #0b6e7f;
  --on-accent: #ffffff; --bad: #a3261c; --good: #1c6b3a; --code: #eef2f5;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --soft: #a3b1be; --line: #2d3843; --paper: #0f151b; --panel: #171f27; --accent: #4fc3d7;
    --on-accent: #06222a; --bad: #ff8f85; --good: #7ddba0; --code: #1d2731;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0 1rem; } .lead { color: var(--soft); font-size: 1.08rem; }
a { color: var(--accent); text-underline-offset: .15em; }
code, pre, textarea { font-family: var(--mono); font-size: .87rem; }
code { background: var(--code); padding: .1em .35em; border-radius: 4px; }
pre { background: var(--code); padding: .8rem 1rem; border-radius: 8px; overflow: auto; margin: .6rem 0; }
pre code { background: none; padding: 0; }
ul.links { list-style: none; padding: 0; display: grid; gap: .6rem; }
ul.links a { display: block; padding: .8rem 1rem; border: 1px solid var(--line); border-radius: 8px;
  text-decoration: none; background: var(--panel); }
ul.links a strong { display: block; } ul.links a span { color: var(--soft); }
ul.links a:hover { border-color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem; }
label { display: block; font-weight: 600; font-size: .9rem; margin: .8rem 0 .25rem; }
input, textarea, select { width: 100%; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--soft); border-radius: 6px; padding: .45rem .6rem; }
textarea { min-height: 9rem; font-family: var(--mono); font-size: .87rem; resize: vertical; }
button { font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 0;
  border-radius: 6px; padding: .5rem 1.1rem; margin-top: .9rem; cursor: pointer; }
button[disabled] { opacity: .6; cursor: wait; }
.note { color: var(--soft); font-size: .9rem; font-weight: 400; }
.bar { border-bottom: 1px solid var(--line); padding: .2rem 0 .8rem; }
.bar > div { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; }
@media (max-width: 40rem) { .bar > div { grid-template-columns: 1fr; } }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; background: var(--panel); }
summary { cursor: pointer; padding: .6rem .9rem; display: flex; gap: .7rem; align-items: baseline; flex-wrap: wrap; }
summary::before { content: '▸'; color: var(--soft); } details[open] > summary::before { content: '▾'; }
summary .path { font-family: var(--mono); font-size: .9rem; overflow-wrap: anywhere; }
summary .what { color: var(--soft); }
.method { font: 700 .75rem var(--mono); min-width: 4.2em; text-align: center; padding: .2em .5em; border-radius: 4px;
  border: 1px solid currentColor; color: var(--accent); }
.method.delete { color: var(--bad); } .method.post, .method.put, .method.patch { color: var(--good); }
.inside { padding: 0 .9rem .9rem; border-top: 1px solid var(--line); }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 0 1rem; }
.status { font-weight: 700; } .status.bad { color: var(--bad); } .status.good { color: var(--good); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } td, th { text-align: left; vertical-align: top;
  padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); }
`;
