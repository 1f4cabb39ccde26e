import { toUsd, type NanoUsd } from '../../core/money.ts';
import type { UsageLine } from '../usage-reads.ts';

/** A line of a provider's invoice, as far as it says something. */
export interface ProviderLine {
  readonly meter: string;
  readonly model: string;
  /** In the meter's unit, where the invoice has it. */
  readonly amount: bigint | undefined;
  readonly costNanoUsd: NanoUsd;
}

export interface Reconciled {
  readonly meter: string;
  readonly model: string;
  readonly ledgerNanoUsd: NanoUsd;
  readonly invoiceNanoUsd: NanoUsd;
  /** Invoice − ledger. */
  readonly differenceNanoUsd: NanoUsd;
  /** Why, in sentences; the parts of a difference sum to it. */
  readonly because: readonly string[];
}

export interface Reconciliation {
  readonly lines: readonly Reconciled[];
  readonly ledgerNanoUsd: NanoUsd;
  readonly invoiceNanoUsd: NanoUsd;
  readonly differenceNanoUsd: NanoUsd;
  /** Of the invoice; undefined where it is 0. */
  readonly differencePercent: number | undefined;
  /** Within ±5 % of the invoice. */
  readonly isWithinTolerance: boolean;
}

const tolerancePercent = 5n;

/** What the ledger says a month has cost against what the provider has charged, line by line, with the difference explained. */
export function reconcile(lines: readonly UsageLine[], invoice: readonly ProviderLine[]): Reconciliation {
  const keyOf = ({ meter, model }: { readonly meter: string; readonly model: string }): string =>
    `${meter}\n${model}`;
  const ours = Map.groupBy(lines.filter(isCharged), keyOf);
  const theirs = Map.groupBy(invoice, keyOf);
  const keys = [...new Set([...theirs.keys(), ...ours.keys()])].toSorted();
  const reconciled = keys.map((key) => {
    const [meter = '', model = ''] = key.split('\n');
    return compare({ meter, model }, ours.get(key) ?? [], theirs.get(key) ?? []);
  });
  const sum = (part: (line: Reconciled) => NanoUsd): NanoUsd =>
    reconciled.reduce((total, line) => total + part(line), 0n);
  const [ledger, charged] = [sum((line) => line.ledgerNanoUsd), sum((line) => line.invoiceNanoUsd)];
  const difference = charged - ledger;
  const magnitude = difference < 0n ? -difference : difference;
  return {
    lines: reconciled,
    ledgerNanoUsd: ledger,
    invoiceNanoUsd: charged,
    differenceNanoUsd: difference,
    differencePercent: charged === 0n ? undefined : Number((difference * 1_000_000n) / charged) / 10_000,
    isWithinTolerance: magnitude * 100n <= charged * tolerancePercent,
  };
}

/** Counts of ours, such as requests, are on nobody's invoice. */
function isCharged({ costNanoUsd, unpricedEvents }: UsageLine): boolean {
  return costNanoUsd !== 0n || unpricedEvents > 0;
}

function compare(
  key: Pick<Reconciled, 'meter' | 'model'>,
  ours: readonly UsageLine[],
  theirs: readonly ProviderLine[],
): Reconciled {
  const ledgerNanoUsd = ours.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n);
  const invoiceNanoUsd = theirs.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n);
  const differenceNanoUsd = invoiceNanoUsd - ledgerNanoUsd;
  const because = explain({ ours, theirs, ledgerNanoUsd, differenceNanoUsd });
  return { ...key, ledgerNanoUsd, invoiceNanoUsd, differenceNanoUsd, because };
}

function explain(found: {
  readonly ours: readonly UsageLine[];
  readonly theirs: readonly ProviderLine[];
  readonly ledgerNanoUsd: NanoUsd;
  readonly differenceNanoUsd: NanoUsd;
}): readonly string[] {
  const { ours, theirs, ledgerNanoUsd, differenceNanoUsd } = found;
  if (ours.length === 0) return ['the ledger has no such usage'];
  if (theirs.length === 0) return ['the invoice has no such line'];
  const unpriced = ours.reduce((sum, { unpricedEvents }) => sum + unpricedEvents, 0);
  const flagged = unpriced === 0 ? [] : [`${unpriced} events in the ledger have no known price`];
  if (differenceNanoUsd === 0n) return flagged;
  const ledgerAmount = ours.reduce((sum, { amount }) => sum + amount, 0n);
  const amounts = theirs.map(({ amount }) => amount);
  if (amounts.includes(undefined) || ledgerAmount === 0n || unpriced > 0)
    return [...flagged, `${toUsd(differenceNanoUsd)} USD of it cannot be told apart into amount and price`];
  const amount = amounts.reduce<bigint>((sum, each) => sum + (each ?? 0n), 0n);
  // At the ledger's mean price; what is left is the price, and the two sum to the difference.
  const byAmount = ((amount - ledgerAmount) * ledgerNanoUsd) / ledgerAmount;
  const byPrice = differenceNanoUsd - byAmount;
  return [
    ...(amount === ledgerAmount
      ? []
      : [`${toUsd(byAmount)} USD: the invoice has ${amount} units and the ledger ${ledgerAmount}`]),
    ...(byPrice === 0n ? [] : [`${toUsd(byPrice)} USD: the price is another than in the price list`]),
  ];
}
