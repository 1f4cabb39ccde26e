import type { AdminDatabase } from '../drivers/sql.ts';
import type { RegistryLog } from './log.ts';
import type { ContainerVersion, ContainerVersions } from './registry.ts';

const recordText = `insert into bulkhead.container_version (container, version)
  select * from unnest($1::text[], $2::text[])
  on conflict (container) do update set version = excluded.version, at = statement_timestamp()
    where container_version.version <> excluded.version`;

/**
 * All versions, in memory: the path of every statement asks for one. What other nodes change arrives with the change
 * feed; a node that has missed something finds out from the container itself, which refuses what it does not have.
 */
export class CachedContainerVersions implements ContainerVersions {
  readonly #admin: AdminDatabase;
  readonly #log: RegistryLog;
  #known = new Map<string, string>();

  constructor(admin: AdminDatabase, log: RegistryLog) {
    this.#admin = admin;
    this.#log = log;
  }

  peek(container: string): string | undefined {
    return this.#known.get(container);
  }

  async record(versions: readonly ContainerVersion[]): Promise<void> {
    if (versions.length === 0) return;
    await this.#admin.query(recordText, [
      versions.map(({ container }) => container),
      versions.map(({ version }) => version),
    ]);
    for (const { container, version } of versions) this.#known.set(container, version);
  }

  async forget(container: string): Promise<void> {
    this.#known.delete(container);
    await this.#admin.query('delete from bulkhead.container_version where container = $1', [container]);
  }

  async list(): Promise<readonly ContainerVersion[]> {
    const { rows } = await this.#admin.query<{ container: string; version: string }>(
      'select container, version from bulkhead.container_version order by container',
    );
    return rows;
  }

  async load(): Promise<void> {
    const versions = await this.list();
    this.#known = new Map(versions.map(({ container, version }) => [container, version]));
  }

  /** @param subject `container version`, or the container alone where it is gone */
  changed(subject: string): void {
    const space = subject.indexOf(' ');
    if (space === -1) this.#known.delete(subject);
    else this.#known.set(subject.slice(0, space), subject.slice(space + 1));
  }

  /** Too much was missed: all of it is read again, and what is known serves until then. */
  reload(): void {
    this.load().catch((cause: unknown) => this.#log({ event: 'registry.versions_failed', cause }));
  }
}
