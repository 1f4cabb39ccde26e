import { isBulkheadError } from '../../core/errors.ts';
import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import { parseBaseline, type Baseline } from './baseline.ts';
import { diff } from './diff.ts';
import type { AllowedFunction, ProofOptions } from './options.ts';
import { bulkheadProof, wallContext } from './preset.ts';
import { prove } from './prove.ts';
import { parseProofResult, toJson } from './render/json.ts';
import { toSarif } from './render/sarif.ts';
import { toDiffText, toText } from './render/text.ts';
import type { ProofResult } from './result.ts';

/** What `bulkhead prove` was asked. */
export interface ProveArguments {
  readonly url: string;
  readonly role: string;
  readonly tenantColumn: string;
  /** Left out: Bulkhead's own where it is installed, else taken from the policies. */
  readonly context?: string | undefined;
  readonly globalTables?: readonly string[];
  readonly schemas?: readonly string[] | undefined;
  readonly definers?: readonly AllowedFunction[];
  readonly extensions?: readonly string[];
  readonly publications?: readonly string[];
  /** Findings that are accepted. */
  readonly baselineFile?: string | undefined;
  /** Where to write SARIF. */
  readonly sarifFile?: string | undefined;
  /** An earlier result, as `--json` prints it, to compare with. */
  readonly diffFile?: string | undefined;
  readonly output: 'text' | 'json';
}

/** What the command needs of the world. */
export interface ProveWorld {
  readonly connect: (url: string) => AdminDatabase;
  readonly readFile: (path: string) => Promise<string>;
  readonly writeFile: (path: string, text: string) => Promise<void>;
  readonly print: (text: string) => void;
}

const exitCodes = { held: 0, broken: 1, inconclusive: 2 } as const;

/**
 * Proves one database and prints the result; with an earlier result, what changed since.
 * @returns the exit code: 0 held, 1 broken, 2 nothing can be said, as when the database does not answer
 * @throws value_invalid for a context, baseline or earlier result that cannot be used
 */
export async function runProve(args: ProveArguments, world: ProveWorld): Promise<0 | 1 | 2> {
  const baseline =
    args.baselineFile === undefined ? undefined : parseBaseline(await world.readFile(args.baselineFile));
  const earlier =
    args.diffFile === undefined ? undefined : parseProofResult(await world.readFile(args.diffFile));
  const result = await proveUrl(args, world.connect, baseline);
  if (typeof result === 'string') {
    world.print(
      args.output === 'json'
        ? `${JSON.stringify({ verdict: 'inconclusive', doubts: [result] })}\n`
        : `INCONCLUSIVE: ${result}\n`,
    );
    return exitCodes.inconclusive;
  }
  if (args.sarifFile !== undefined) await world.writeFile(args.sarifFile, toSarif(result));
  const changed = earlier === undefined ? undefined : diff(earlier, result);
  if (args.output === 'json') world.print(toJson(result, changed));
  else world.print(changed === undefined ? toText(result) : `${toText(result)}\n${toDiffText(changed)}`);
  return exitCodes[result.verdict];
}

/** The result, or why there is none. */
async function proveUrl(
  args: ProveArguments,
  connect: ProveWorld['connect'],
  baseline: Baseline | undefined,
): Promise<ProofResult | string> {
  const db = connect(args.url);
  try {
    return await prove(db, await toOptions(db, args, baseline));
  } catch (cause) {
    // A database that cannot be read is no usage error and no leak.
    if (cause instanceof SqlError) return `the database refused to be read: ${cause.message}`;
    if (isBulkheadError(cause) && cause.code !== 'value_invalid') return cause.message;
    throw cause;
  } finally {
    await db.close();
  }
}

async function toOptions(
  db: AdminDatabase,
  args: ProveArguments,
  baseline: Baseline | undefined,
): Promise<ProofOptions> {
  const { role, tenantColumn, context, globalTables, schemas, definers, extensions, publications } = args;
  const given = {
    ...(globalTables === undefined ? {} : { globalTables }),
    ...(definers === undefined ? {} : { definers }),
    ...(extensions === undefined ? {} : { extensions }),
    ...(publications === undefined ? {} : { publications }),
    ...(schemas === undefined ? {} : { schemas }),
    baseline,
  };
  const isOurs = tenantColumn === 'tenant_id' && (context === undefined || context === wallContext);
  const wallRole = isOurs ? await readWallOwner(db) : undefined;
  if (wallRole !== undefined) return bulkheadProof({ ...given, appRole: role, wallRole });
  return { ...given, role, tenantColumn, context, walls: { kind: 'handwritten' } };
}

/** The owner of the wall's function; undefined where Bulkhead is not installed. */
async function readWallOwner(db: AdminDatabase): Promise<string | undefined> {
  const { rows } = await db.query<{ owner: string }>(
    'select pg_catalog.pg_get_userbyid(p.proowner)::text as owner from pg_catalog.pg_proc p where p.oid = pg_catalog.to_regprocedure($1)',
    [wallContext],
  );
  return rows[0]?.owner;
}
