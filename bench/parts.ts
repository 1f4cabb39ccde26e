import type { BenchPart } from './row.ts';
import { benchProvision } from './wall/provision.ts';

/** Everything `npm run bench` measures, in order. */
export const parts: readonly BenchPart[] = [{ area: 'wall', name: 'provision', run: benchProvision }];
