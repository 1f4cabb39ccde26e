import { toPage } from './page.ts';
import type { Page } from './page.ts';
import { style } from './style.ts';

/** What a browser gets at `/`: what runs here, and where to go. */
export function homePage(version: string): Page {
  return toPage({
    title: 'Bulkhead',
    style,
    body: `<main>
<h1>Bulkhead is running</h1>
<p class="lead">It keeps the tenants of an AI product apart, in every store the product uses. Version ${version}.</p>
<ul class="links">
<li><a href="/docs"><strong>API</strong><span>Browse the operations and try them from here.</span></a></li>
<li><a href="/openapi.json"><strong>openapi.json</strong><span>The same, for tools: OpenAPI 3.1.</span></a></li>
<li><a href="/health/ready"><strong>Health</strong><span>Whether this node can serve, and which part cannot.</span></a></li>
<li><a href="/metrics"><strong>Metrics</strong><span>For Prometheus.</span></a></li>
</ul>
<h2>First steps</h2>
<p>The operator token was printed at the first start, and is kept in <code>operator-token</code> in the data folder.</p>
<pre><code>URL=http://localhost:7070   # where this page is
TOKEN=$(cat .bulkhead/operator-token)

curl -sX POST $URL/v1/tenants -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' -d '{"slug":"acme","name":"Acme"}'

curl -sX POST $URL/v1/tenants/acme/keys -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' -d '{"name":"first key"}'

curl -sX POST $URL/v1/documents -H "Authorization: Bearer bh_…" \\
  -H 'Content-Type: application/json' -d '{"title":"Hello","content":"Only Acme can read this."}'</code></pre>
</main>`,
  });
}
