import { createHash } from 'node:crypto';

/** A page that needs nothing but itself: no other file, no other host. */
export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param parts constant text of ours; nothing of a request is ever put into a page */
export function toPage(parts: {
  readonly title: string;
  readonly style: string;
  readonly body: string;
  readonly script?: string;
}): Page {
  const { title, style, body, script } = parts;
  const scriptSource = script === undefined ? "'none'" : `'sha256-${digest(script)}'`;
  return {
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${body}
${script === undefined ? '' : `<script>${script}</script>`}
</body>
</html>
`,
    headers: {
      'content-security-policy': `default-src 'none'; style-src 'sha256-${digest(style)}'; script-src ${scriptSource}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
