import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
} from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { assertScope, peekScope, type Scope } from '../core/scope.ts';
import type { Vault } from '../registry/registry.ts';
import { signServiceToken, type SigningKey } from './service-token.ts';

/** Calls from this service to others of the same product, so that the tenant goes along and the receiver can check it. */
export interface Services {
  /**
   * Headers for one call to `audience`, made for it: a token is taken once. For the current scope unless one is given.
   * @throws scope_missing
   */
  headersFor(audience: string, scope?: Scope): Promise<Readonly<Record<string, string>>>;
  /** What receivers verify by, as a JSON Web Key Set. Holds no secret. */
  jwks(): Promise<{ readonly keys: readonly JsonWebKey[] }>;
}

const place = ['installation', 'service-signing'] as const;

/** @param options.name what this service is called in the tokens it signs */
export function createServices(options: {
  readonly vault: Pick<Vault, 'get' | 'putOnce'>;
  readonly clock: Clock;
  readonly name: string;
}): Services {
  let known: Promise<SigningKey> | undefined;
  const signingKey = (): Promise<SigningKey> => {
    known ??= readSigningKey(options.vault).catch((cause: unknown) => {
      known = undefined;
      throw cause;
    });
    return known;
  };
  return {
    async headersFor(audience, given) {
      const scope = given ?? peekScope();
      assertScope(scope);
      const { tenantId: tenant, actor, requestId } = scope;
      const claims = { issuer: options.name, audience, tenant, actor, requestId };
      const token = signServiceToken(await signingKey(), claims, options.clock.nowMs());
      return { authorization: `Bearer ${token}`, 'x-request-id': requestId };
    },
    async jwks() {
      const { id, privateKey } = await signingKey();
      const jwk = createPublicKey(privateKey).export({ format: 'jwk' });
      return { keys: [{ ...jwk, kid: id, alg: 'EdDSA', use: 'sig' }] };
    },
  };
}

/** One for the installation, made by whichever node needs it first. */
async function readSigningKey(vault: Pick<Vault, 'get' | 'putOnce'>): Promise<SigningKey> {
  const stored =
    (await vault.get(...place)) ??
    (await vault.putOnce(
      ...place,
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    ));
  const privateKey = createPrivateKey(stored);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { id: createHash('sha256').update(spki).digest('base64url').slice(0, 16), privateKey };
}
