import type { Isolation } from '../../core/placement.ts';

/** What a security team asks beside the proof itself. Ids and counts only. */
export interface EvidenceFacts {
  /** Active tenants by isolation. */
  readonly tenants: Readonly<Record<Isolation, number>>;
  readonly databases: readonly DatabaseFact[];
  readonly access: AccessFact;
  readonly engineers: EngineerFact;
}

/** How many would be in reach of whoever holds a whole database. */
export interface DatabaseFact {
  readonly database: string;
  readonly tenants: number;
  /** Roles that may log in and pass row-level security: superusers and BYPASSRLS. */
  readonly privileged: readonly string[];
}

export interface AccessFact {
  readonly since: string;
  /** Tenants whose trail was read. */
  readonly tenants: number;
  readonly actions: readonly { readonly actor: string; readonly action: string; readonly count: number }[];
  readonly crossTenantAttempts: number;
}

export interface EngineerFact {
  /** Routes of the control plane that copy or hand out what a tenant stores, such as exports. */
  readonly operatorRoutesWithData: readonly string[];
}
