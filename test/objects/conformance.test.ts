import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ObjectsHandle } from '../../src/compartments/objects/objects.ts';
import type { Plan } from '../../src/core/plan.ts';
import { describeCompartment, type TestApi } from '../../src/testing/index.ts';
import { enroll } from '../support/enroll.ts';
import { newTestNode, type TestNode } from '../support/node.ts';
import { openTestS3, type TestS3 } from './support/s3.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const api: TestApi = { test, equal: (actual, expected) => expect(actual).toEqual(expected) };

async function fill(objects: ObjectsHandle): Promise<number> {
  await objects.put('reports/2026/plan.txt', Buffer.from('x'.repeat(100)), { contentType: 'text/plain' });
  await objects.put('reports/2026/übersicht ✓.pdf', Buffer.alloc(70_000, 7), { metadata: { author: 'a' } });
  await objects.put('empty', Buffer.alloc(0));
  return 3;
}

async function count(objects: ObjectsHandle): Promise<number> {
  return (await objects.list()).objects.length;
}

function suite(getNode: () => TestNode): void {
  for (const isolation of ['shared', 'database'] as const) {
    describe(isolation, () => {
      let plan: Plan;
      beforeAll(async () => {
        const found = await getNode().node.registry.plans.read('enterprise');
        if (found === undefined) throw new Error('no enterprise plan');
        plan = found;
      });
      describeCompartment<ObjectsHandle>(api, () => ({
        compartment: getNode().node.objects,
        plan,
        isolation,
        enroll: (tenant) => enroll(getNode().node, tenant, isolation),
        fill,
        count,
      }));
    });
  }
}

describe('objects in a folder', () => {
  let bed: TestNode;
  beforeAll(async () => {
    bed = await newTestNode();
  });
  afterAll(() => bed[Symbol.asyncDispose]());
  suite(() => bed);
});

describe('objects in an S3 bucket', () => {
  let s3: TestS3;
  let bed: TestNode;
  beforeAll(async () => {
    s3 = await openTestS3();
    bed = await newTestNode({ env: s3.env });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await s3[Symbol.asyncDispose]();
  });
  suite(() => bed);
});
