import { randomBytes } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import { newTenantId, parseTenantId, type TenantId } from '../../core/ids.ts';
import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import { backfillTable, type OnRows, type Pace } from './backfill.ts';
import { inspectSchema, type SchemaFacts } from './facts.ts';
import {
  beginJournal,
  dropJournal,
  endJournal,
  inShortTransaction,
  readJournal,
  recordStep,
} from './journal.ts';
import { phases, toAdoptPlan, type AdoptPlan, type AdoptRoles, type AdoptStep, type Phase } from './plan.ts';
import { rehearse } from './rehearse.ts';
import { quote } from './sql-text.ts';

/** What a proof came to. */
export interface AdoptProof {
  readonly verdict: 'held' | 'broken' | 'inconclusive';
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export interface AdoptDeps {
  /** The database, as its owner, who may make roles. */
  readonly admin: AdminDatabase;
  /** Puts the wall's function and tables there. What PUBLIC has stays as it is. */
  readonly installWall: (roles: AdoptRoles) => Promise<void>;
  readonly prove: (plan: AdoptPlan) => Promise<AdoptProof>;
}

export interface AdoptOptions {
  /** Default `public`. */
  readonly schema?: string | undefined;
  /** Tables that hold the same rows for all tenants. */
  readonly shared?: readonly string[] | undefined;
  /** Who the rows belong to; default a new id. */
  readonly tenant?: TenantId | undefined;
  /** The login that will serve tenants. */
  readonly role?: string | undefined;
}

export interface AdoptRun extends Pace {
  /** The last phase to do; default `wall`, which is the last with a way back. */
  readonly until?: Phase | undefined;
  readonly onStep?: ((done: number, total: number, step: AdoptStep) => void) | undefined;
  readonly onRows?: OnRows | undefined;
}

export interface AdoptStatus {
  readonly plan: AdoptPlan;
  readonly done: number;
  readonly total: number;
  /** The phase that the next step belongs to; undefined at the end. */
  readonly phase: Phase | undefined;
  readonly reversible: boolean;
  readonly proof: AdoptProof | undefined;
}

/** One database on its way from one tenant to many. */
export interface Adoption {
  /** What is to be done; of an adoption under way, what it was begun with. Changes nothing. */
  plan(options: AdoptOptions): Promise<AdoptPlan>;
  /** Goes on from wherever the journal says it is. @throws request_invalid where something stands in the way */
  run(options: AdoptOptions, run: AdoptRun): Promise<AdoptStatus>;
  /** Takes everything back, the last step first. @throws transition_refused after the cut-over has begun */
  undo(onStep?: AdoptRun['onStep']): Promise<number>;
  status(): Promise<AdoptStatus | undefined>;
}

export function createAdoption(deps: AdoptDeps): Adoption {
  const { admin } = deps;

  const plan = async (options: AdoptOptions): Promise<AdoptPlan> => {
    const journal = await readJournal(admin);
    if (journal !== undefined) return journal.plan;
    const schema = options.schema ?? 'public';
    const prefix = `bh_${randomBytes(4).toString('hex')}`;
    const app = options.role ?? `${prefix}_app`;
    const roles = { app, wall: `${prefix}_wall`, group: `${app}_group` };
    const facts = await inspectSchema(admin, schema);
    if (facts.tables.length === 0)
      throw new BulkheadError('request_invalid', {
        field: 'schema',
        reason: `there are no tables in ${schema}`,
      });
    const named = await readNamedTenant(admin, schema, facts);
    const tenant = options.tenant ?? named ?? newTenantId();
    if (named !== undefined && named !== tenant) throw manyTenants();
    return toAdoptPlan({ facts, schema, tenant, roles, shared: options.shared ?? [] });
  };

  const status = async (proof?: AdoptProof): Promise<AdoptStatus | undefined> => {
    const journal = await readJournal(admin);
    if (journal === undefined) return undefined;
    const { steps } = journal.plan;
    const next = steps.find((_, position) => !journal.done.has(position));
    const reversible = !steps.some(
      (step, position) => step.phase === 'cut-over' && journal.done.has(position),
    );
    const total = steps.length;
    return { plan: journal.plan, done: journal.done.size, total, phase: next?.phase, reversible, proof };
  };

  return {
    plan,
    status: () => status(),

    async run(options, run) {
      const planned = await plan(options);
      assertUnhindered(planned);
      await beginJournal(admin, planned);
      const journal = await readJournal(admin);
      if (journal === undefined) throw new BulkheadError('internal', { reason: 'the journal is gone' });
      const { plan: kept, done } = journal;
      const last = run.until ?? 'wall';
      let proof: AdoptProof | undefined;
      for (const [position, step] of kept.steps.entries()) {
        if (done.has(position)) continue;
        if (isBehind(step.phase, last)) break;
        proof = (await runStep(deps, { plan: kept, step, position, run })) ?? proof;
        run.onStep?.(position + 1, kept.steps.length, step);
      }
      const now = await status(proof);
      if (now === undefined) throw new BulkheadError('internal', { reason: 'the journal is gone' });
      if (now.phase === undefined) await endJournal(admin);
      return now;
    },

    async undo(onStep) {
      const journal = await readJournal(admin);
      if (journal === undefined) return 0;
      const { steps } = journal.plan;
      const done = [...steps.entries()].filter(([position]) => journal.done.has(position));
      if (done.some(([, { phase }]) => phase === 'cut-over'))
        throw new BulkheadError('transition_refused', {
          reason: 'the cut-over has begun: rows of other tenants may be there already',
          hint: 'run it to its end',
        });
      for (const [position, step] of done.toReversed()) {
        await inShortTransaction(admin, async (tx) => {
          for (const sql of step.undo) await tx.script(sql);
          await tx.query('delete from bulkhead_adopt.step where position = $1', [position]);
        });
        onStep?.(position, steps.length, step);
      }
      await undoInterrupted(admin, journal.plan);
      await dropJournal(admin);
      return done.length;
    },
  };
}

/** Rows may say already whose they are, from an earlier attempt or by hand; then it must be one and the same everywhere. */
async function readNamedTenant(
  admin: AdminDatabase,
  schema: string,
  facts: SchemaFacts,
): Promise<TenantId | undefined> {
  const begun = facts.tables.filter(({ tenant }) => tenant?.type === 'uuid');
  const named = new Set<string>();
  for (const { name } of begun) {
    const { rows } = await admin.query<{ tenant: string }>(
      `select distinct tenant_id::text as tenant from ${quote(schema)}.${quote(name)} where tenant_id is not null limit 2`,
    );
    for (const { tenant } of rows) named.add(tenant);
  }
  if (named.size > 1) throw manyTenants();
  const [only] = named;
  return only === undefined ? undefined : parseTenantId(only);
}

function manyTenants(): BulkheadError {
  return new BulkheadError('request_invalid', {
    field: 'tenant',
    reason: 'rows name several tenants already: this database is no longer one customer’s',
    hint: 'prove it as it is with: bulkhead prove --url',
  });
}

function isBehind(phase: Phase, last: Phase): boolean {
  return phases.indexOf(phase) > phases.indexOf(last);
}

/** @throws request_invalid naming everything that stands in the way */
function assertUnhindered({ obstacles }: AdoptPlan): void {
  const refused = obstacles.filter(({ severity }) => severity === 'refused');
  if (refused.length === 0) return;
  throw new BulkheadError('request_invalid', {
    reason: refused.map(({ object, reason, hint }) => `${object}: ${reason} (${hint})`).join('; '),
    count: refused.length,
    hint: 'nothing was changed; the plan lists everything that stands in the way',
  });
}

/** An index that a killed process left half built belongs to no step that is done. */
async function undoInterrupted(admin: AdminDatabase, plan: AdoptPlan): Promise<void> {
  for (const step of plan.steps)
    if (step.kind === 'index') await admin.script(`drop index if exists ${step.index}`);
}

interface StepInput {
  readonly plan: AdoptPlan;
  readonly step: AdoptStep;
  readonly position: number;
  readonly run: AdoptRun;
}

/** @returns the proof, of the step that proves */
async function runStep(deps: AdoptDeps, input: StepInput): Promise<AdoptProof | undefined> {
  try {
    return await attempt(deps, input);
  } catch (cause) {
    if (!(cause instanceof SqlError)) throw cause;
    throw new BulkheadError(
      'request_invalid',
      {
        step: input.step.name,
        reason: `step “${input.step.name}”: ${cause.message}`,
        hint: 'mend it and run the same again, or take everything back with --undo',
      },
      { cause },
    );
  }
}

async function attempt(
  deps: AdoptDeps,
  { plan, step, position, run }: StepInput,
): Promise<AdoptProof | undefined> {
  const { admin } = deps;
  switch (step.kind) {
    case 'transaction':
      await inShortTransaction(admin, async (tx) => {
        for (const sql of step.sql) await tx.script(sql);
        await recordStep(tx, position, step);
      });
      return undefined;
    case 'wall':
      await deps.installWall(plan.roles);
      await inShortTransaction(admin, async (tx) => {
        for (const sql of step.sql) await tx.script(sql);
        await recordStep(tx, position, step);
      });
      return undefined;
    case 'index':
      await admin.script(`drop index if exists ${step.index}`);
      await admin.query(step.sql);
      await recordStep(admin, position, step);
      return undefined;
    case 'backfill':
      await backfillTable(
        admin,
        { plan, table: step.table, key: step.key },
        { pace: run, onRows: run.onRows ?? (() => {}) },
      );
      await recordStep(admin, position, step);
      return undefined;
    case 'rehearsal':
      await rehearse(admin, plan, step.tables);
      await recordStep(admin, position, step);
      return undefined;
    case 'proof': {
      const proof = await deps.prove(plan);
      if (proof.verdict === 'held') await recordStep(admin, position, step);
      return proof;
    }
  }
}
