import type { Bulkhead } from '../../bulkhead.ts';
import type {
  ErasureView,
  LedgerEntry,
  OrphansView,
  ReplayView,
  TracesView,
} from '../../client/schemas/leaving.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseSlug, parseTenantId, type TenantId } from '../../core/ids.ts';
import type { ErasureStatus, Hunt, Orphans, Replay, SignedReceipt } from '../../lifecycle/leaving.ts';
import { nameOf } from '../../lifecycle/leave/orphans.ts';
import type { Erasure } from '../../registry/registry.ts';
import { toIso, toTenantView } from '../views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';

type LeavingHandlers = Pick<
  OperatorHandlers,
  | 'offboardTenant'
  | 'cancelOffboarding'
  | 'eraseTenant'
  | 'getErasure'
  | 'huntTenant'
  | 'listErasures'
  | 'importErasures'
  | 'listOrphans'
  | 'removeOrphan'
>;

export function createLeavingHandlers({ registry, lifecycle }: Bulkhead): LeavingHandlers {
  const { erasures } = registry;
  const idOf = async (named: string): Promise<TenantId> => (await findTenant(registry.tenants, named)).id;
  return {
    async offboardTenant({ params, body }, actor) {
      const tenant = await idOf(params.tenant);
      return toTenantView(await lifecycle.offboard({ tenant, retentionDays: body.retentionDays }, actor));
    },

    async cancelOffboarding({ params }, actor) {
      return toTenantView(await lifecycle.reinstate(await idOf(params.tenant), actor));
    },

    async eraseTenant({ params, body }, actor) {
      const tenant = await idOf(params.tenant);
      const { ended } = await lifecycle.beginErase({ tenant, confirm: body.confirm }, actor);
      // The caller watches it by GET; how it ended is in the journal.
      ended.catch(() => undefined);
      return toErasureView(await lifecycle.erasureOf(tenant));
    },

    async getErasure({ params }) {
      return toErasureView(await lifecycle.erasureOf(await idOf(params.tenant)));
    },

    async huntTenant({ params }) {
      return toTracesView(await lifecycle.hunt(await idOf(params.tenant)));
    },

    async listErasures({ query }) {
      const { limit, cursor } = query;
      const last = parseTenantId(cursor);
      const after = last === undefined ? undefined : await erasures.read(last);
      if (cursor !== undefined && after === undefined)
        throw new BulkheadError('request_invalid', { field: 'cursor', reason: 'not of the page before' });
      const entries = await erasures.list({ after, limit: limit + 1 });
      const page = entries.slice(0, limit);
      return {
        items: page.map(toEntryView),
        nextCursor: entries.length > limit ? (page.at(-1)?.tenant ?? null) : null,
      };
    },

    async importErasures({ body }) {
      return toReplayView(await lifecycle.importErasures(body.entries.map(parseEntry)));
    },

    listOrphans: async () => toOrphansView(await lifecycle.orphans()),

    async removeOrphan({ body }, actor) {
      if (body.confirm !== body.name)
        throw new BulkheadError('value_invalid', {
          field: 'confirm',
          reason: 'it is not the name; nothing was removed',
        });
      return await lifecycle.removeOrphan(body.name, actor);
    },
  };
}

function toErasureView({ phase, erasesAt, operation, receipt }: ErasureStatus): ErasureView {
  return {
    phase,
    erasesAt: toIso(erasesAt),
    operation: operation?.id ?? null,
    failure: operation?.failure === undefined ? null : { ...operation.failure },
    receipt: receipt === undefined ? null : toReceiptView(receipt),
    proof:
      receipt === undefined
        ? null
        : {
            body: receipt.body,
            sha256: receipt.sha256,
            signature: receipt.signature,
            publicKey: receipt.publicKey,
          },
  };
}

function toReceiptView({ receipt }: SignedReceipt): NonNullable<ErasureView['receipt']> {
  return {
    ...receipt,
    credentials: { ...receipt.credentials },
    places: receipt.places.map((place) => ({ ...place })),
    hunt: toTracesView(receipt.hunt),
    kept: { ...receipt.kept },
    notCovered: [...receipt.notCovered],
  };
}

function toTracesView({ looked, found, notSeen }: Hunt): TracesView {
  return {
    looked: [...looked],
    found: found.map(({ place, records, holds }) => ({ place, records, holds: [...holds] })),
    notSeen: notSeen.map(({ place, reason }) => ({ place, reason })),
  };
}

function toEntryView({ tenant, slug, operation, actor, at, signature }: Erasure): LedgerEntry {
  return { tenant, slug, operation, actor: { ...actor }, at: at.toISOString(), signature };
}

/** @throws request_invalid where it is no entry that Bulkhead could have written */
function parseEntry({ tenant, slug, at, ...rest }: LedgerEntry): Erasure {
  const [id, name] = [parseTenantId(tenant), parseSlug(slug)];
  if (id === undefined || name === undefined)
    throw new BulkheadError('request_invalid', { field: 'entries', reason: 'not an entry of the ledger' });
  return { ...rest, tenant: id, slug: name, at: new Date(at) };
}

function toReplayView({ adopted, erasedAgain, stillThere }: Replay): ReplayView {
  return { adopted, erasedAgain: [...erasedAgain], stillThere: [...stillThere] };
}

function toOrphansView({ orphans, missing, notSeen }: Orphans): OrphansView {
  return {
    orphans: orphans.map(({ kind, placement, holds }) => ({
      name: nameOf(placement),
      kind,
      tenant: placement.tenant,
      compartment: placement.compartment,
      holds: [...holds],
    })),
    missing: missing.map(({ tenant, compartment, container }) => ({ tenant, compartment, container })),
    notSeen: notSeen.map(({ place, reason }) => ({ place, reason })),
  };
}
