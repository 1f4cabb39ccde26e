import { join } from 'node:path';
import type { Bulkhead } from '../../bulkhead.ts';
import { tokenFile } from '../connection/token.ts';
import type { Page } from '../output.ts';
import type { Cell } from '../text/table.ts';

export interface Started {
  readonly url: string;
  readonly version: string;
  /** `embedded`, or where the server is, without its password. */
  readonly database: string;
  readonly dataDir: string;
  readonly recovered: number;
  /** Present on the first start only. */
  readonly operatorToken?: string;
}

export function toStarted(node: Bulkhead, start: Pick<Started, 'url' | 'version' | 'recovered'>): Started {
  const { databaseUrl, poolerUrl, dataDir } = node.config;
  const database =
    databaseUrl === undefined ? `embedded, in ${join(dataDir, 'databases')}` : toPublicUrl(databaseUrl);
  const pooler = poolerUrl === undefined ? '' : `, tenants through ${toPublicUrl(poolerUrl)}`;
  const token = node.newOperatorToken === undefined ? {} : { operatorToken: node.newOperatorToken };
  return { ...start, database: database + pooler, dataDir, ...token };
}

/** Host, port and database: what tells one from another, and no credential. */
export function toPublicUrl(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

export function drawStarted(page: Page, started: Started): string {
  const { url, operatorToken, dataDir } = started;
  const fields: (readonly [string, Cell | string])[] = [
    ['address', { text: url, style: 'strong' }],
    ['database', started.database],
    ['data', dataDir],
  ];
  if (started.recovered > 0)
    fields.push(['recovered', `${started.recovered} operations of a process that died`]);
  if (operatorToken !== undefined) fields.push(['operator token', { text: operatorToken, style: 'strong' }]);
  return [
    `Bulkhead ${started.version} is running. Stop it with Ctrl-C.`,
    page.fields(fields),
    ...(operatorToken === undefined
      ? []
      : [
          page.paint(
            'warn',
            `The token is shown this once; it is kept in ${join(dataDir, tokenFile)} (mode 0600).`,
          ),
        ]),
  ].join('\n');
}
