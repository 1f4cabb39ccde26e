import { expect, test } from 'vitest';
import { createGuestList } from '../../../src/guests.ts';
import { createFrontOpener } from '../../../src/server/front.ts';
import { createServer } from '../../../src/server/server.ts';
import { attackActor } from '../../../src/verify/attack/node.ts';
import { faults, scoreFaults } from '../../../src/verify/faults/score.ts';
import { newTestDatabase, newTestNode } from '../../support/node.ts';
import { serviceUrl } from '../../support/services.ts';

test('faults have names of their own, and every suite has some', () => {
  const names = faults.map(({ number, name }) => `${number} ${name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(faults.map(({ number }) => number)).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(20);
  expect(new Set(faults.flatMap(({ fronts }) => fronts))).toEqual(
    new Set(['store', 'scope', 'pool', 'registry', 'http']),
  );
});

test(
  'every fault planted in our own code turns the verifier red, and none leaves it green',
  { timeout: 400_000 },
  async () => {
    const url = serviceUrl('postgres');
    await using database = url === undefined ? undefined : await newTestDatabase(url);
    await using bed = await newTestNode(database === undefined ? {} : { databaseUrl: database.url });
    const { node } = bed;
    await using guests = createGuestList(node, attackActor);
    const [attacker, victim] = [await guests.make('shared'), await guests.make('shared')];
    const openFront = createFrontOpener(node, createServer);
    const score = await scoreFaults({ node, guests, attacker, victim, openFront });
    console.info(`faults of our own code: caught ${score.caught} of ${score.planted} planted`, score.missed);
    expect(score.missed).toEqual([]);
    expect([score.planted, score.caught]).toEqual([faults.length, faults.length]);
    // Nearly all are seen for what they are: something that got through.
    expect(
      score.faults.filter(({ verdict }) => verdict !== 'leaked').map(({ name }) => name.split(' ')[0]),
    ).toEqual(['F55', 'F55b']);
  },
);
