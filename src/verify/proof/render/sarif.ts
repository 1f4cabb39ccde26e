import type { Finding } from '../finding.ts';
import type { ProofResult } from '../result.ts';

/** A result as SARIF 2.1.0, which code hosts show beside a change. */
export function toSarif(result: ProofResult): string {
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Bulkhead proof', rules: result.conditions.map(toRule) } },
        automationDetails: { id: `bulkhead-proof/${result.subject.role}/` },
        invocations: [
          {
            executionSuccessful: result.verdict !== 'inconclusive',
            endTimeUtc: result.provedAt,
            toolExecutionNotifications: result.doubts.map((text) => ({
              level: 'error',
              message: { text },
            })),
          },
        ],
        properties: {
          verdict: result.verdict,
          claim: result.claim,
          assumptions: result.assumptions,
          inputsSha256: result.inputsSha256,
        },
        results: [
          ...result.findings.map((finding) => toResult(result, finding)),
          ...result.accepted.map((finding) => ({
            ...toResult(result, finding),
            suppressions: [
              {
                kind: 'external',
                justification: `${finding.acceptedBecause} (until ${finding.acceptedUntil})`,
              },
            ],
          })),
        ],
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function toRule({ id, title, attacks }: ProofResult['conditions'][number]): object {
  return {
    id,
    name: `Condition${id}`,
    shortDescription: { text: title },
    properties: { attacks, tags: ['security', 'tenant-isolation'] },
  };
}

function toResult(result: ProofResult, finding: Finding): object {
  // A database has no files. Code hosts insist on one, so every object gets a path.
  const uri = ['postgres', result.subject.database, finding.object].map(encodeURIComponent).join('/');
  return {
    ruleId: finding.condition,
    ruleIndex: result.conditions.findIndex(({ id }) => id === finding.condition),
    level: finding.severity,
    message: { text: `${finding.object}: ${finding.reason}. Mend: ${finding.mend}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri }, region: { startLine: 1 } },
        logicalLocations: [{ fullyQualifiedName: finding.object, kind: 'resource' }],
      },
    ],
    partialFingerprints: { 'bulkheadProof/v1': finding.fingerprint },
  };
}
