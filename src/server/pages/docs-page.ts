import { docsScript } from './docs-script.ts';
import { toPage } from './page.ts';
import type { Page } from './page.ts';
import { style } from './style.ts';

/** `/docs`: every operation of `/openapi.json`, to read and to try. Works with the keyboard alone. */
export function docsPage(): Page {
  return toPage({
    title: 'Bulkhead API',
    style,
    body: `<a class="skip" href="#operations">Skip to the operations</a>
<main>
<h1>Bulkhead API</h1>
<p class="lead" id="about">Loading the description…</p>
<form class="bar" id="credentials" autocomplete="off">
<div>
<p><label for="operator">Operator token <span class="note">for the control plane</span></label>
<input id="operator" type="password" placeholder="bho_…" spellcheck="false"></p>
<p><label for="tenant-key">API key <span class="note">for a tenant’s own data</span></label>
<input id="tenant-key" type="password" placeholder="bh_…" spellcheck="false"></p>
</div>
<label for="filter">Find an operation</label>
<input id="filter" type="search" placeholder="documents, suspend, POST …">
<span class="note">Credentials stay in this page and are forgotten when it closes.</span>
</form>
<div id="operations" tabindex="-1"></div>
<p id="none" hidden>No operation matches.</p>
<noscript><p>This page needs JavaScript to list the operations; <a href="/openapi.json">openapi.json</a> does not.</p></noscript>
</main>`,
    script: docsScript,
  });
}
