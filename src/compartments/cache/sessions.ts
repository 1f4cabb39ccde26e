import { hash, randomBytes } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import { sessionEpoch, toEnvelopeText } from './envelope.ts';
import { graceMs, maxTtlMs, readOwn, toText, type HandleParts } from './handle.ts';
import { encodePart, toSessionKey } from './key.ts';
import type { CacheWay } from './way.ts';

/** Who is logged in, as far as an application may know. */
export interface Session {
  readonly user: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** What the application put there. */
  readonly data: unknown;
}

export interface IssuedSession extends Session {
  /** `bhs_…`, shown this once; only its SHA-256 is kept. */
  readonly token: string;
}

/** Sessions of one tenant's users. They end with their time, with the tenant, or when they are revoked. */
export interface SessionHandle {
  /**
   * @param input.ttlMs default 12 hours, at most a week
   * @throws value_invalid · compartment_unreachable
   */
  create(input: {
    readonly user: string;
    readonly ttlMs?: number | undefined;
    readonly data?: unknown;
  }): Promise<IssuedSession>;
  /**
   * @returns undefined for a session that ended, never was, or is another tenant's: all alike
   * @throws compartment_unreachable where the store does not answer: who cannot be confirmed is not let in
   */
  verify(token: string): Promise<Session | undefined>;
  /** @returns whether there was one. @throws compartment_unreachable */
  revoke(token: string): Promise<boolean>;
  /** Every session of the user. @returns how many there were. @throws compartment_unreachable */
  revokeUser(user: string): Promise<number>;
}

const defaultSessionMs = 12 * 3_600_000;
const TOKEN = /^bhs_([A-Za-z0-9_-]{1,340})\.([A-Za-z0-9_-]{43})$/;
const maxUserBytes = 255;
const maxDataLength = 16_384;

export function createSessionHandle(parts: HandleParts, way: CacheWay): SessionHandle {
  const { clock } = parts.deps;

  const find = async (key: string): Promise<Session | undefined> => {
    const { value } = await way.look(key);
    if (value === undefined) return undefined;
    const envelope = await readOwn(parts, way, { key, value });
    if (envelope.kind !== 'session' || envelope.expiresAtMs <= clock.nowMs()) return undefined;
    return parseSession(envelope.text, envelope.expiresAtMs);
  };

  return {
    async create({ user, ttlMs = defaultSessionMs, data = null }) {
      assertUser(user);
      if (!(ttlMs > 0 && ttlMs <= maxTtlMs)) throw invalid('ttlMs', `between 1 and ${maxTtlMs}`);
      const createdAtMs = clock.nowMs();
      const expiresAtMs = createdAtMs + ttlMs;
      const text = toText({ user, createdAtMs, data });
      if (text === undefined || text.length > maxDataLength)
        throw invalid('data', `JSON of at most ${maxDataLength} characters`);
      const token = `bhs_${Buffer.from(user).toString('base64url')}.${randomBytes(32).toString('base64url')}`;
      const value = toEnvelopeText({
        kind: 'session',
        tenant: way.scope.tenantId,
        epoch: sessionEpoch,
        expiresAtMs,
        text,
      });
      await way.write(toSessionKey(user, digestOf(token)), () => ({
        value,
        ttlMs: ttlMs + graceMs,
        room: 'kept',
      }));
      return { token, user, createdAt: new Date(createdAtMs), expiresAt: new Date(expiresAtMs), data };
    },
    async verify(token) {
      const key = keyOf(token);
      return key === undefined ? undefined : await find(key);
    },
    async revoke(token) {
      const key = keyOf(token);
      if (key === undefined || (await find(key)) === undefined) return false;
      return (await way.removeKeys([key])) > 0;
    },
    async revokeUser(user) {
      assertUser(user);
      let revoked = 0;
      for (const keys of await way.listKeys(`user:${encodePart(user)}:session:*`))
        revoked += await way.removeKeys(keys);
      return revoked;
    },
  };
}

/** The key says who the user is, so the token does too; which key it opens only its digest says. */
function keyOf(token: string): string | undefined {
  const [, user] = TOKEN.exec(token) ?? [];
  if (user === undefined) return undefined;
  const name = Buffer.from(user, 'base64url').toString();
  return name === '' || !name.isWellFormed() ? undefined : toSessionKey(name, digestOf(token));
}

function digestOf(token: string): string {
  return hash('sha256', token);
}

function parseSession(text: string, expiresAtMs: number): Session | undefined {
  const read = JSON.parse(text) as { user?: unknown; createdAtMs?: unknown; data?: unknown };
  if (typeof read.user !== 'string' || typeof read.createdAtMs !== 'number') return undefined;
  return {
    user: read.user,
    createdAt: new Date(read.createdAtMs),
    expiresAt: new Date(expiresAtMs),
    data: read.data,
  };
}

function assertUser(user: string): void {
  if (
    typeof user !== 'string' ||
    user === '' ||
    !user.isWellFormed() ||
    Buffer.byteLength(user) > maxUserBytes
  )
    throw invalid('user', `text of 1 to ${maxUserBytes} bytes`);
}

function invalid(field: string, reason: string): BulkheadError {
  return new BulkheadError('value_invalid', { field, reason });
}
