import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';

export interface TestS3 extends AsyncDisposable {
  /** Settings of a node that keeps its objects there. */
  readonly env: Readonly<Record<string, string>>;
  readonly endpoint: string;
  /** Its files, for whoever looks past the API. */
  readonly folder: string;
}

const credential = 'S3RVER';

/** A server that speaks S3 and checks signatures, on a free port, with nothing in it. */
export async function openTestS3(): Promise<TestS3> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-s3-'));
  const server = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory: folder });
  const { port } = await server.run();
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    folder,
    env: {
      BULKHEAD_S3_BUCKET: 'bulkhead-test',
      BULKHEAD_S3_ENDPOINT: endpoint,
      BULKHEAD_S3_ACCESS_KEY_ID: credential,
      BULKHEAD_S3_SECRET_ACCESS_KEY: credential,
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
