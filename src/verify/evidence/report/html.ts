/** Text for an HTML document: nothing in it is markup, whoever it came from. */
export interface Markup {
  readonly html: string;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

type Part = string | number | Markup | readonly Markup[];

/** A template whose values are escaped, but for what is markup already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const text = strings.reduce((sum, piece, index) => {
    const part = parts[index - 1];
    return sum + (part === undefined ? '' : toText(part)) + piece;
  });
  return { html: text };
}

function toText(part: Part): string {
  if (typeof part === 'string') return escape(part);
  if (typeof part === 'number') return part.toLocaleString('en');
  return 'html' in part ? part.html : part.map((each) => each.html).join('');
}

export interface Column {
  readonly title: string;
  readonly numeric?: true;
}

export function table(columns: readonly Column[], rows: readonly (readonly Part[])[]): Markup {
  const cell = (tag: 'th' | 'td', part: Part, column: Column | undefined): Markup => ({
    html: `<${tag}${column?.numeric === true ? ' class="n"' : ''}>${toText(part)}</${tag}>`,
  });
  return html`<table>
    <thead>
      <tr>
        ${columns.map((column) => cell('th', column.title, column))}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((part, index) => cell('td', part, columns[index]))}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** Good, bad or neither, told by a word and not by colour alone. */
export function badge(word: string, tone: 'good' | 'bad' | 'plain'): Markup {
  return html`<span class="badge ${tone}">${word}</span>`;
}
