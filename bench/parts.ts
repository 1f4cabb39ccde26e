import type { BenchPart } from './row.ts';

/** Everything `npm run bench` measures, in order. Loaded one by one, so that a part that cannot even load is a row that says so. */
export const parts: readonly BenchPart[] = [
  {
    area: 'wall',
    name: 'driver',
    run: async () => await (await import('./wall/driver.ts')).benchDriver(),
  },
  {
    area: 'wall',
    name: 'registry',
    run: async () => await (await import('./wall/registry.ts')).benchRegistry(),
  },
  {
    area: 'wall',
    name: 'http',
    run: async () => await (await import('./wall/http.ts')).benchHttp(),
  },
  {
    area: 'wall',
    name: 'provision',
    run: async () => await (await import('./wall/provision.ts')).benchProvision(),
  },
  {
    area: 'wall',
    name: 'load',
    run: async () => await (await import('./wall/load.ts')).benchLoad(),
  },
  {
    area: 'wall',
    name: 'storage',
    run: async () => await (await import('./wall/storage.ts')).benchStorage(),
  },
  {
    area: 'proof',
    name: 'static',
    run: async () => await (await import('./proof/static.ts')).benchStaticProof(),
  },
  {
    area: 'proof',
    name: 'fleet',
    run: async () => await (await import('./proof/fleet.ts')).benchFleet(),
  },
  {
    area: 'proof',
    name: 'verify',
    run: async () => await (await import('./proof/verify.ts')).benchVerify(),
  },
  {
    area: 'proof',
    name: 'move',
    run: async () => await (await import('./proof/move.ts')).benchMove(),
  },
  {
    area: 'proof',
    name: 'archive',
    run: async () => await (await import('./proof/archive.ts')).benchArchive(),
  },
  {
    area: 'limits',
    name: 'ledger',
    run: async () => await (await import('./limits/ledger.ts')).benchLedger(),
  },
  {
    area: 'knowledge',
    name: 'cache',
    run: async () => await (await import('./knowledge/cache.ts')).benchCache(),
  },
  {
    area: 'knowledge',
    name: 'vectors',
    run: async () => await (await import('./knowledge/vectors.ts')).benchVectors(),
  },
  {
    area: 'proof',
    name: 'erase',
    run: async () => await (await import('./proof/erase.ts')).benchErase(),
  },
  {
    area: 'limits',
    name: 'rates',
    run: async () => await (await import('./limits/rates.ts')).benchRates(),
  },
];
