import type { Bulkhead } from '../bulkhead.ts';
import { createFrontOpener } from './front.ts';
import { createServer } from './server.ts';
import { createVerifications, type Verifications } from './verifications.ts';

/** For a node that no server of this process serves: servers are started only to be attacked. */
export function openVerifications(node: Bulkhead, version: string): Verifications {
  return createVerifications(node, { version, openFront: createFrontOpener(node, createServer) });
}
