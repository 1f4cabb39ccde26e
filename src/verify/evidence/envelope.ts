import { sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { keyIdOf } from './key.ts';

/** A signed payload: DSSE 1.0, https://github.com/secure-systems-lab/dsse. */
export const Envelope = z.object({
  payloadType: z.string(),
  payload: z.base64(),
  signatures: z
    .array(z.object({ keyid: z.string(), sig: z.base64() }))
    .min(1)
    .max(8),
});
export type Envelope = z.output<typeof Envelope>;

/** What DSSE signs: the type and the payload, each with its length in front, so that neither can run into the other. */
function preAuthentication(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  const head = `DSSEv1 ${type.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

export function sealEnvelope(payloadType: string, text: string, key: KeyObject): Envelope {
  const payload = Buffer.from(text, 'utf8');
  const sig = sign(null, preAuthentication(payloadType, payload), key).toString('base64');
  return { payloadType, payload: payload.toString('base64'), signatures: [{ keyid: keyIdOf(key), sig }] };
}

/** @returns the payload's text, or undefined where no signature is this key's */
export function openEnvelope(
  { payloadType, payload, signatures }: Envelope,
  key: KeyObject,
): string | undefined {
  const bytes = Buffer.from(payload, 'base64');
  const signed = preAuthentication(payloadType, bytes);
  const isGenuine = signatures.some(({ sig }) => verify(null, signed, key, Buffer.from(sig, 'base64')));
  return isGenuine ? bytes.toString('utf8') : undefined;
}
