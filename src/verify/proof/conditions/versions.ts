import type { ExtensionFact, ServerFact } from '../facts/facts.ts';
import type { Discovery } from '../finding.ts';
import { extensionFloors, floorsReviewed, isBelow, serverFloors } from '../floors.ts';
import type { Condition, Examination } from './condition.ts';

/** Flaws of PostgreSQL itself. */
export const versionConditions: readonly Condition[] = [
  {
    id: 'S26',
    title: 'Server and extensions are at or above the versions that mend known leaks',
    attacks: ['A15', 'A16', 'A17', 'A40'],
    check: ({ facts, options }) => {
      const server = judgeServer(facts.server);
      const ours = options.walls.kind === 'canonical';
      return {
        ...server,
        looked: 1 + facts.extensions.length,
        discoveries: [
          ...server.discoveries,
          ...facts.extensions.flatMap((each) => judgeExtension(each, { ours })),
        ],
      };
    },
  },
];

function judgeServer(server: ServerFact): Omit<Examination, 'looked'> {
  const major = Math.floor(server.versionNum / 10_000);
  const floor = serverFloors.find((each) => each.major === major);
  const newest = Math.max(...serverFloors.map((each) => each.major));
  const object = 'PostgreSQL';
  if (floor === undefined)
    return major > newest
      ? {
          discoveries: [],
          untested: `the list of versions, reviewed ${floorsReviewed}, ends at PostgreSQL ${newest}`,
        }
      : {
          discoveries: [
            discovery('server', object, 'it is too old for any of its flaws to be mended', newest),
          ],
        };
  const found: Discovery[] = [];
  if (server.versionNum < floor.from)
    found.push(
      discovery(
        'server',
        object,
        `it is ${server.version}; known leaks are mended in ${floor.name}`,
        floor.name,
      ),
    );
  if (floor.endOfLife)
    found.push({
      ...discovery('end_of_life', object, 'new flaws in this major version are no longer mended', newest),
      severity: 'warning',
    });
  if (!server.extendedStatisticsGuarded)
    found.push({
      aspect: 'extended_statistics',
      object: 'pg_catalog.pg_stats_ext',
      reason: 'the cluster was made before CVE-2024-4317 was mended: statistics show values of hidden rows',
      mend: '-- run the script fix-CVE-2024-4317.sql that comes with PostgreSQL, in every database',
      severity: 'error',
    });
  return { discoveries: found };
}

function discovery(aspect: string, object: string, reason: string, to: string | number): Discovery {
  return { aspect, object, reason, mend: `-- upgrade PostgreSQL to ${to} or later`, severity: 'error' };
}

function judgeExtension({ name, version }: ExtensionFact, { ours }: { readonly ours: boolean }): Discovery[] {
  return extensionFloors
    .filter((floor) => floor.name === name && isBelow(version, floor.below))
    .slice(0, 1)
    .map(({ below, reason, severity, avoided }) => ({
      aspect: `extension:${below}`,
      object: `extension ${name}`,
      reason: `it is ${version}: ${reason}${ours && avoided !== undefined ? `; ${avoided}` : ''}`,
      mend: `ALTER EXTENSION ${name} UPDATE; -- to ${below} or later`,
      severity: ours && avoided !== undefined ? ('warning' as const) : severity,
    }));
}
