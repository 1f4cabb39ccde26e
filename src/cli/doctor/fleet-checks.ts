import type { Bulkhead } from '../../bulkhead.ts';
import type { ContainerState } from '../../fleet/fleet.ts';
import { fail, ok, untested, warn, type Check } from './check.ts';

const named = 3;

/** Every container asked, not the books: whether its tables are what this version of the program expects. */
export async function checkMigrations({ fleet }: Bulkhead): Promise<readonly Check[]> {
  const { head, containers, unreachable } = await fleet.versions({ versions: 'asked' });
  const about = { area: 'walls', name: 'migrations' } as const;
  const problems = containers.filter(({ problem }) => problem !== undefined);
  const behind = containers.filter(({ missing, frozenAt }) => missing > 0 && frozenAt === undefined);
  const frozen = containers.filter(({ frozenAt }) => frozenAt !== undefined);
  const checks: Check[] = [];
  if (problems.length > 0)
    checks.push(
      fail(
        about,
        listed(problems, ({ problem }) => problem ?? ''),
        'see docs/guide/your-own-tables.md',
      ),
    );
  if (behind.length > 0)
    checks.push(
      warn(
        about,
        listed(behind, ({ version }) => `at ${version}`),
        'run: bulkhead migrate',
      ),
    );
  if (frozen.length > 0)
    checks.push(
      warn(
        about,
        listed(frozen, ({ frozenAt }) => `held at ${frozenAt}`),
        '',
      ),
    );
  if (unreachable.length > 0)
    checks.push(
      fail(
        { area: 'database', name: 'containers' },
        `${unreachable.length} do not answer: ${unreachable[0]?.reason}`,
        'start their servers; the tenants on them are not served',
      ),
    );
  if (checks.length > 0) return checks;
  return [
    containers.length === 0
      ? untested(about, 'there is no container yet')
      : ok(about, `${containers.length} containers at ${head}`),
  ];
}

function listed(states: readonly ContainerState[], about: (state: ContainerState) => string): string {
  const first = states.slice(0, named).map((state) => `${state.slug ?? state.container} ${about(state)}`);
  const more = states.length > named ? ` and ${states.length - named} more` : '';
  return first.join('; ') + more;
}
