import { readdir, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { BulkheadError } from '../../core/errors.ts';
import type { SqlServer } from '../server.ts';
import type { AdminDatabase } from '../sql.ts';
import { openPglite, type PgliteDatabase } from './database.ts';
import { FleetTenants } from './fleet-tenants.ts';
import { OpenSet } from './open-set.ts';
import { exists } from './template.ts';

/** Embedded servers: each a folder of databases, each of those an instance that is open only while it is used. */
export interface EmbeddedFleet {
  /** Its pool database is made where it is missing. @throws data_dir_in_use, compartment_unreachable */
  server(name: string): Promise<SqlServer>;
  /** A server that nobody needs the pool database of, as that of one tenant: it is made when it is asked, if ever. */
  cell(name: string): SqlServer;
  close(): Promise<void>;
}

/** Opens nothing yet. An instance takes some 200 MB, so that at most `maxOpen` are open at a time. */
export function openEmbeddedFleet(options: {
  readonly folder: string;
  readonly maxOpen: number;
}): EmbeddedFleet {
  const templateFolder = join(options.folder, '.template');
  const instances = new OpenSet<PgliteDatabase>(options.maxOpen, async (path) => {
    const dataDir = join(options.folder, path);
    return openPglite({ store: { dataDir }, database: databaseOf(path), templateFolder });
  });
  return {
    async server(name) {
      const server = new EmbeddedServer(instances, options.folder, name);
      await instances.use(server.poolPath, () => Promise.resolve());
      return server.asServer();
    },
    cell: (name) => new EmbeddedServer(instances, options.folder, name).asServer(),
    close: () => instances.close(),
  };
}

const poolDatabase = 'postgres';
const safeName = /^[a-z0-9_][a-z0-9_-]{0,62}$/i;

class EmbeddedServer {
  readonly #instances: OpenSet<PgliteDatabase>;
  readonly #folder: string;
  readonly #name: string;

  constructor(instances: OpenSet<PgliteDatabase>, folder: string, name: string) {
    this.#instances = instances;
    this.#folder = folder;
    this.#name = assertSafe(name);
  }

  get poolPath(): string {
    return join(this.#name, 'pool');
  }

  asServer(): SqlServer {
    return {
      name: this.#name,
      dialect: 'pglite',
      pool: this.#admin(this.poolPath),
      withAdmin: async (database, body) => {
        const path = await this.#existing(database);
        return this.#instances.use(path, (instance) => body(instance.admin));
      },
      openTenants: ({ database, role }) => new FleetTenants(role, (body) => this.#useTenants(database, body)),
      databases: () => readFolder(join(this.#folder, this.#name, 'databases')),
      databaseExists: (database) => exists(join(this.#folder, this.#path(database))),
      createDatabase: (database) => this.#instances.use(this.#path(database), () => Promise.resolve()),
      dropDatabase: (database) => this.#drop(database),
      close: () => this.#instances.closeWhere((path) => path.startsWith(join(this.#name, sep))),
    };
  }

  /** Each call may open the instance again, so none of them keeps it open. */
  #admin(path: string): AdminDatabase {
    return {
      dialect: 'pglite',
      query: (text, values) => this.#instances.use(path, ({ admin }) => admin.query(text, values)),
      script: (text, settings) => this.#instances.use(path, ({ admin }) => admin.script(text, settings)),
      transaction: (body) => this.#instances.use(path, ({ admin }) => admin.transaction(body)),
      close: () => Promise.resolve(),
    };
  }

  async #useTenants<T>(
    database: string | undefined,
    body: (instance: PgliteDatabase) => Promise<T>,
  ): Promise<T> {
    const path = database === undefined ? this.poolPath : await this.#existing(database);
    return this.#instances.use(path, body);
  }

  async #drop(database: string): Promise<void> {
    const path = this.#path(database);
    await this.#instances.remove(path, async () => {
      await rm(join(this.#folder, path), { recursive: true, force: true });
    });
  }

  /** @throws compartment_unreachable, rather than making an empty database where one was expected. */
  async #existing(database: string): Promise<string> {
    const path = this.#path(database);
    if (this.#instances.isOpen(path) || (await exists(join(this.#folder, path)))) return path;
    throw new BulkheadError('compartment_unreachable', { reason: 'the database does not exist' });
  }

  #path(database: string): string {
    return join(this.#name, 'databases', assertSafe(database));
  }
}

/** Nothing is there before the first database. */
async function readFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw cause;
  }
}

/** Names become folders. */
function assertSafe(name: string): string {
  if (!safeName.test(name))
    throw new BulkheadError('value_invalid', { reason: 'a name that cannot be a folder' });
  return name;
}

/** `server/pool` or `server/databases/name`. */
function databaseOf(path: string): string {
  return path.split(sep)[2] ?? poolDatabase;
}
