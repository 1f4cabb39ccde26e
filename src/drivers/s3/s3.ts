import type { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Readable as NodeReadable } from 'node:stream';
import { BulkheadError } from '../../core/errors.ts';
import { isPlainKey, type BlobPlace, type BlobStore } from '../blobs.ts';

export interface S3Options {
  /** undefined = Amazon's own, by region. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /** The bucket that tenants share; those with one of their own get `<bucket>-…`. At most 28 characters. */
  readonly bucket: string;
  /** undefined = where the AWS SDK looks for credentials by itself. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly timeoutMs: number;
}

const sharedName = 'shared';

/** Blobs in an S3-compatible store, by the official client. A put becomes visible when it is complete: S3's own guarantee. */
export function openS3Store(options: S3Options): BlobStore {
  const client = new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint, forcePathStyle: true }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: options.timeoutMs, requestTimeout: options.timeoutMs },
    // Stores that are not Amazon's know the checksums of 2024 in part or not at all; the content carries its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const toBucket = (name: string): string => {
    if (!isPlainKey(name) || name.includes('/')) throw strangeKey();
    return name === sharedName ? options.bucket : `${options.bucket}-${name.replaceAll('_', '-')}`;
  };
  const at = ({ bucket, key }: BlobPlace): { Bucket: string; Key: string } => {
    if (!isPlainKey(key)) throw strangeKey();
    return { Bucket: toBucket(bucket), Key: key };
  };
  const unlessMissing = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await reached(work);
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw cause;
    }
  };

  return {
    name: 's3',
    notCovered: [
      'older versions of objects where the bucket keeps versions',
      'replicas and backups of the bucket',
    ],

    async createBucket(bucket) {
      const Bucket = toBucket(bucket);
      // Looked for first: an operator's own bucket is there already, and the credential may not be allowed to make any.
      if ((await unlessMissing(() => client.send(new HeadBucketCommand({ Bucket })))) !== undefined) return;
      await unlessThere(() => client.send(new CreateBucketCommand({ Bucket })));
    },

    async dropBucket(bucket) {
      await unlessMissing(() => client.send(new DeleteBucketCommand({ Bucket: toBucket(bucket) })));
    },

    async put(place, body) {
      // The body's own error is kept: the SDK would wrap it in one of its own.
      let ownError: unknown;
      const watched = async function* (): AsyncGenerator<Uint8Array> {
        try {
          yield* body;
        } catch (cause) {
          ownError = cause;
          throw cause;
        }
      };
      const upload = new Upload({
        client,
        params: { ...at(place), Body: NodeReadable.from(watched(), { objectMode: false }) },
        queueSize: 2,
        leavePartsOnError: false,
      });
      try {
        await reached(() => upload.done());
      } catch (cause) {
        throw ownError ?? cause;
      }
    },

    async get(place) {
      const found = await unlessMissing(() => client.send(new GetObjectCommand(at(place))));
      if (found?.Body === undefined) return undefined;
      return { sizeBytes: found.ContentLength ?? 0, body: found.Body as Readable };
    },

    async tail(place, maxBytes) {
      const read = async (range: string) => {
        const input = { ...at(place), Range: `bytes=${range}` };
        return await unlessMissing(async () => {
          const { Body, ContentRange } = await client.send(new GetObjectCommand(input));
          const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
          const [, end, total] = (/-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? []).map(Number);
          return { bytes, sizeBytes: total ?? bytes.length, isTail: end === undefined || end + 1 === total };
        });
      };
      const found = await read(`-${maxBytes}`);
      if (found === undefined || found.isTail) return found;
      // Some stores read "the last n bytes" as "up to byte n".
      return await read(`${Math.max(0, found.sizeBytes - maxBytes)}-${found.sizeBytes - 1}`);
    },

    async delete(place) {
      // S3 answers alike whether there was one; the receipt of an erasure has to know.
      const was = await unlessMissing(() => client.send(new HeadObjectCommand(at(place))));
      await unlessMissing(() => client.send(new DeleteObjectCommand(at(place))));
      return was !== undefined;
    },

    async list(bucket, prefix, after) {
      const input = {
        Bucket: toBucket(bucket),
        Prefix: prefix,
        ...(after === undefined ? {} : { StartAfter: after }),
      };
      const page = await unlessMissing(() => client.send(new ListObjectsV2Command(input)));
      const blobs = (page?.Contents ?? []).flatMap(({ Key, Size }) =>
        Key === undefined ? [] : [{ key: Key, sizeBytes: Size ?? 0 }],
      );
      return { blobs, more: page?.IsTruncated === true };
    },

    async buckets() {
      const { Buckets = [] } = await reached(() => client.send(new ListBucketsCommand({})));
      const own = `${options.bucket}-tenant-`;
      return Buckets.flatMap(({ Name = '' }) => {
        if (Name === options.bucket) return [sharedName];
        return Name.startsWith(own) ? [`tenant_${Name.slice(own.length)}`] : [];
      });
    },

    async topLevel(bucket) {
      const names: string[] = [];
      let token: string | undefined;
      do {
        const page = await unlessMissing(() =>
          client.send(
            new ListObjectsV2Command({ Bucket: toBucket(bucket), Delimiter: '/', ContinuationToken: token }),
          ),
        );
        for (const { Prefix } of page?.CommonPrefixes ?? [])
          if (Prefix !== undefined) names.push(Prefix.slice(0, -1));
        token = page?.IsTruncated === true ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
      return names;
    },

    close: async () => client.destroy(),
  };
}

function strangeKey(): BulkheadError {
  return new BulkheadError('internal', { reason: 'a key that is none of ours reached the object store' });
}

interface S3Failure {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

function named(cause: unknown, name: string): boolean {
  return (cause as S3Failure | undefined)?.name === name;
}

function isMissing(cause: unknown): boolean {
  return (
    named(cause, 'NoSuchKey') ||
    named(cause, 'NoSuchBucket') ||
    named(cause, 'NotFound') ||
    // A range of an empty object.
    named(cause, 'InvalidRange')
  );
}

/** What the store says is passed on by its name; its text may hold names of buckets and accounts. */
async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof BulkheadError || isMissing(cause)) throw cause;
    const { name = 'unknown' } = cause as S3Failure;
    throw new BulkheadError(
      'compartment_unreachable',
      { kind: 'objects', reason: `the object store does not answer (${name})` },
      { cause },
    );
  }
}

/** Two nodes may make the same bucket at once. One that is somebody else's is found out by the first use. */
async function unlessThere(work: () => Promise<unknown>): Promise<void> {
  await reached(async () => {
    try {
      await work();
    } catch (cause) {
      if (!named(cause, 'BucketAlreadyOwnedByYou') && !named(cause, 'BucketAlreadyExists')) throw cause;
    }
  });
}
