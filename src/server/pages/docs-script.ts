/**
 * The script of `/docs`. It builds the page with `textContent` alone, so that nothing it shows can become markup.
 * Plain text here because it runs in browsers, and has no other file to come from.
 */
export const docsScript = String.raw`
'use strict';
const byId = (id) => document.getElementById(id);

function make(tag, options, ...children) {
  const { text, on, ...attributes } = options || {};
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  for (const [event, listener] of Object.entries(on || {})) element.addEventListener(event, listener);
  element.append(...children);
  return element;
}

function deref(api, schema) {
  if (!schema || !schema.$ref) return schema || {};
  return api.components.schemas[schema.$ref.split('/').pop()] || {};
}

function plain(schema) {
  return Array.isArray(schema.type) ? { ...schema, type: schema.type[0] } : schema;
}

/** A body to start from: what is required, with values of the right type. */
function example(api, schema) {
  const known = plain(deref(api, schema));
  if (known.default !== undefined) return known.default;
  if (known.enum) return known.enum[0];
  if (known.anyOf) return example(api, known.anyOf[0]);
  if (known.type === 'object') {
    const entries = Object.entries(known.properties || {}).filter(([name]) => (known.required || []).includes(name));
    return Object.fromEntries(entries.map(([name, member]) => [name, example(api, member)]));
  }
  if (known.type === 'array') return [];
  if (known.type === 'integer' || known.type === 'number') return 1;
  if (known.type === 'boolean') return false;
  return '';
}

function typeOf(api, schema) {
  const known = deref(api, schema);
  if (Array.isArray(known.type)) return known.type.join(' or ');
  if (known.enum) return known.enum.join(' | ');
  if (known.anyOf) return known.anyOf.map((member) => typeOf(api, member)).join(' or ');
  if (known.type === 'array') return 'list of ' + typeOf(api, known.items);
  return known.format ? known.type + ' (' + known.format + ')' : known.type || 'any';
}

function fieldTable(api, schema, caption) {
  const known = deref(api, schema);
  const rows = Object.entries(known.properties || {}).map(([name, member]) =>
    make('tr', {},
      make('td', {}, make('code', { text: name })),
      make('td', { text: typeOf(api, member) + ((known.required || []).includes(name) ? '' : ', optional') }),
      make('td', { text: deref(api, member).description || '' })));
  if (rows.length === 0) return [];
  return [make('table', {}, make('caption', { text: caption, class: 'note' }),
    make('thead', {}, make('tr', {}, ...['Field', 'Type', ''].map((text) => make('th', { scope: 'col', text })))),
    make('tbody', {}, ...rows))];
}

function parameterInputs(id, operation) {
  return (operation.parameters || []).map((parameter) => {
    const inputId = id + '-' + parameter.name;
    const note = parameter.in === 'path' ? 'in the path' : 'in the query';
    const label = make('label', { for: inputId, text: parameter.name + ' ' },
      make('span', { class: 'note', text: note + (parameter.description ? '. ' + parameter.description : '') }));
    const input = make('input', { id: inputId, name: parameter.name, spellcheck: 'false' });
    if (parameter.required) input.required = true;
    return { parameter, input, row: make('div', {}, label, input) };
  });
}

function credentialFor(operation) {
  const names = (operation.security || []).flatMap((entry) => Object.keys(entry));
  if (names.includes('operatorToken')) return byId('operator').value.trim();
  return names.includes('apiKey') ? byId('tenant-key').value.trim() : '';
}

async function send(call) {
  const { method, path, operation, inputs, body, output } = call;
  let url = path;
  const query = new URLSearchParams();
  for (const { parameter, input } of inputs) {
    if (parameter.in === 'path') url = url.replace('{' + parameter.name + '}', encodeURIComponent(input.value));
    else if (input.value !== '') query.set(parameter.name, input.value);
  }
  if ([...query].length > 0) url += '?' + query;
  const headers = {};
  const credential = credentialFor(operation);
  if (credential !== '') headers.Authorization = 'Bearer ' + credential;
  if (body) headers['Content-Type'] = 'application/json';
  const started = performance.now();
  try {
    const response = await fetch(url, { method, headers, body: body ? body.value : undefined, cache: 'no-store' });
    const text = await response.text();
    show(output, response, text, performance.now() - started);
  } catch (error) {
    output.replaceChildren(make('p', { class: 'status bad', text: 'No answer: ' + error.message }));
  }
}

function show(output, response, text, took) {
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it came */ }
  const overhead = response.headers.get('bulkhead-overhead-ms');
  output.replaceChildren(
    make('p', {},
      make('span', { class: 'status ' + (response.ok ? 'good' : 'bad'), text: response.status + ' ' + response.statusText }),
      make('span', { class: 'note', text: ' in ' + took.toFixed(1) + ' ms' + (overhead ? ', of which isolation ' + overhead + ' ms' : '') })),
    ...(shown === '' ? [] : [make('pre', { tabindex: '0' }, make('code', { text: shown }))]));
}

function operationView(api, path, method, operation) {
  const id = 'op-' + operation.operationId;
  const inputs = parameterInputs(id, operation);
  const content = operation.requestBody && operation.requestBody.content['application/json'];
  const body = content && make('textarea', { id: id + '-body', spellcheck: 'false' });
  if (body) body.value = JSON.stringify(example(api, content.schema), null, 2);
  const output = make('div', { role: 'status', 'aria-live': 'polite' });
  const button = make('button', { type: 'submit', text: 'Send' });
  const form = make('form', { on: { submit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    await send({ method: method.toUpperCase(), path, operation, inputs, body, output });
    button.disabled = false;
  } } },
    make('div', { class: 'grid' }, ...inputs.map(({ row }) => row)),
    ...(body ? [make('label', { for: id + '-body', text: 'Body' }), body, ...fieldTable(api, content.schema, 'Fields of the body')] : []),
    button);
  const answers = Object.entries(operation.responses).map(([status, { description }]) =>
    make('tr', {}, make('td', {}, make('code', { text: status })), make('td', { text: description.replaceAll(String.fromCharCode(96), '') })));
  return make('details', { id, 'data-find': [method, path, operation.summary, operation.operationId].join(' ').toLowerCase() },
    make('summary', {},
      make('span', { class: 'method ' + method, text: method.toUpperCase() }),
      make('span', { class: 'path', text: path }),
      make('span', { class: 'what', text: operation.summary })),
    make('div', { class: 'inside' }, form, output,
      make('details', {}, make('summary', { text: 'Answers' }),
        make('div', { class: 'inside' }, make('table', {}, make('tbody', {}, ...answers))))));
}

function render(api) {
  byId('about').textContent = api.info.description;
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const tag = path.startsWith('/api/tenants/') ? operation.tags[0] + ', tenant named in the path' : operation.tags[0];
      groups.set(tag, [...(groups.get(tag) || []), operationView(api, path, method, operation)]);
    }
  byId('operations').replaceChildren(...[...groups].map(([tag, views]) =>
    make('section', {}, make('h2', { text: tag }), ...views)));
}

function filter() {
  const words = byId('filter').value.toLowerCase().split(' ').filter((word) => word !== '');
  let found = 0;
  for (const section of byId('operations').children) {
    let inSection = 0;
    for (const view of section.querySelectorAll(':scope > details')) {
      view.hidden = !words.every((word) => view.dataset.find.includes(word));
      inSection += view.hidden ? 0 : 1;
    }
    section.hidden = inSection === 0;
    found += inSection;
  }
  byId('none').hidden = found > 0;
}

byId('credentials').addEventListener('submit', (event) => event.preventDefault());
byId('filter').addEventListener('input', filter);
fetch('/openapi.json').then((response) => response.json()).then(render).catch(() => {
  byId('about').textContent = 'The description could not be loaded. Is the server still running?';
});
`;
