const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** A bar for each value, as high as it is against the largest. Nothing is drawn as a dot, so that it is no small amount. */
export function sparkline(values: readonly bigint[]): string {
  const largest = values.reduce((most, value) => (value > most ? value : most), 0n);
  return values
    .map((value) => {
      if (value <= 0n || largest === 0n) return '·';
      const height = Number((value * BigInt(bars.length - 1) + largest / 2n) / largest);
      return bars[height] ?? '·';
    })
    .join('');
}
