/** Who a connection logs in as. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/**
 * Asked at each new connection; the candidates are tried in order until one is not refused.
 * Two passwords, the new and the old, let a rotation pass unnoticed.
 */
export type Credentials = () => Promise<readonly Login[]>;

/** Where connections of one pool go. */
export interface ConnectionTarget {
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly credentials: Credentials | undefined;
  /** The connection string with `login` instead of the user and password it names. */
  urlFor(login: Login | undefined): string;
}

export function toConnectionTarget(fields: {
  readonly url: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly credentials: Credentials | undefined;
}): ConnectionTarget {
  const { url, applicationName, connectTimeoutMs, credentials } = fields;
  return { applicationName, connectTimeoutMs, credentials, urlFor: (login) => withLogin(url, login) };
}

/** As query parameters, which win over the authority part and also fit the URL of a Unix socket. */
function withLogin(url: string, login: Login | undefined): string {
  if (login === undefined) return url;
  const parsed = new URL(url);
  parsed.searchParams.set('user', login.user);
  parsed.searchParams.set('password', login.password);
  return parsed.href;
}
