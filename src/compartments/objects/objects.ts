import type { Clock } from '../../core/clock.ts';
import type { Compartment } from '../../core/compartment.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import type { Scope } from '../../core/scope.ts';
import type { BlobStore } from '../../drivers/blobs.ts';
import type { ObjectKeys } from './keys.ts';
import type { GrantedUrl, UrlRequest, UrlWish, VerifiedUrl } from './signed-url.ts';

/** An object as its tenant sees it. */
export interface StoredObject {
  /** Stands for the name wherever a name must not: in URLs, and in the store. */
  readonly id: string;
  readonly name: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Of the content, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly updatedAt: Date;
}

export interface OpenedObject extends StoredObject {
  /** Verified piece by piece. Read it to its end, or return from it. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** By the caller's own name, or by the id that stands for it. */
export type ObjectRef = { readonly name: string } | { readonly id: string };

export interface PutOptions {
  /** Default `application/octet-stream`. */
  readonly contentType?: string;
  /** Short texts of your own; up to 2 KiB together. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Less than the installation allows. */
  readonly maxBytes?: number;
}

export interface ObjectQuery {
  /** Only objects whose name begins so. All names are looked at for it: they are encrypted. */
  readonly prefix?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface ObjectPage {
  /** In no order that means anything, and always the same. */
  readonly objects: readonly StoredObject[];
  readonly nextCursor: string | undefined;
}

/** One tenant's objects. Foreign ones and ones that never were are alike: undefined. */
export interface ObjectsHandle extends AsyncDisposable {
  /**
   * Stores or replaces, wholly or not at all.
   * @throws value_invalid, body_too_large, quota_exceeded, tenant_inactive, compartment_unreachable
   */
  put(
    name: string,
    content: AsyncIterable<Uint8Array> | Uint8Array,
    options?: PutOptions,
  ): Promise<StoredObject>;
  /** @throws object_damaged, foreign_row */
  get(ref: ObjectRef): Promise<OpenedObject | undefined>;
  stat(ref: ObjectRef): Promise<StoredObject | undefined>;
  /** @returns whether there was one */
  delete(ref: ObjectRef): Promise<boolean>;
  list(query?: ObjectQuery): Promise<ObjectPage>;
  /** A URL that does one thing to one object of this tenant until it expires, for whoever holds it. */
  grantUrl(wish: UrlWish): GrantedUrl;
}

export interface ObjectsCompartment extends Compartment<ObjectsHandle> {
  /** Checks a URL that somebody shows. @throws signature_refused */
  verifyUrl(request: UrlRequest): VerifiedUrl;
}

/** What the objects compartment is given; nothing of it is looked up elsewhere. */
export interface ObjectsDeps {
  readonly store: BlobStore;
  readonly keys: ObjectKeys;
  readonly clock: Clock;
  readonly limits: { readonly maxObjectBytes: number };
  /** Where tenants live now: `peek` as far as this node knows, `fresh` past every cache. */
  readonly residences: {
    peek(tenant: TenantId): Placement | undefined;
    fresh(tenant: TenantId): Promise<Placement | undefined>;
  };
  readonly assertLive: (scope: Scope) => void | Promise<void>;
  readonly onForeign: (scope: Scope) => void;
}
