export interface InstanceOptions {
  /** undefined = in memory. */
  readonly dataDir: string | undefined;
  readonly database: string;
  /** A dump to start an empty data folder from. */
  readonly templatePath: string | undefined;
}

/** What the main thread asks; answered in order. */
export type Request =
  | { readonly kind: 'exchange'; readonly bytes: Uint8Array }
  | { readonly kind: 'dump' }
  | { readonly kind: 'close' };

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly message: string };
